//! The commands. Each lives in a file of its name; here are their arguments and exit codes.

mod check;
mod demo;
mod doctor;
mod explain;
mod health;
mod man;
mod resend;
mod run;
mod send;
mod sign;
mod spool;
mod upgrade;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{self, Loaded, Source};
use crate::os::terminal;
use crate::providers::Providers;

/// It ran and failed.
const FAILED: u8 = 1;
/// Wrong usage or configuration.
const WRONG_USAGE: u8 = 2;

/// Verifies HubSpot and Twenty webhooks in front of your app, and forwards what verifies.
#[derive(Parser)]
#[command(name = "hookward", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop
    Run(RunArgs),
    /// Have the process that serves succeeded by the program now installed, which loses no request
    Upgrade(RunArgs),
    /// Validate a configuration and print what there is to say about it; open no port
    Check(CheckArgs),
    /// Ask of a configuration and its surroundings what can be asked without a sender: secrets, apps,
    /// public URLs, the clock, ports, files and limits. Fails if one of them is in the way
    Doctor(DoctorArgs),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, for man
    Man,
    /// Ask the process that serves by this configuration whether it should get requests. Succeeds if so; for the
    /// health checks of containers
    Health(RunArgs),
    /// List, show, retry and drop the events that wait for their app, and the dead letters
    Spool(spool::SpoolArgs),
    /// Send real signed and forged requests through a proxy to an app, all on loopback, and show
    /// what became of each
    Demo,
    /// Print the headers with which a provider would sign a request
    Sign(SignArgs),
    /// Say why a captured request was refused, and what to change. Succeeds if it verifies
    Explain(explain::ExplainArgs),
    /// Sign a request and send it; print the status and the body of the answer. Succeeds on a 2xx
    Send(SendArgs),
    /// Sign a captured request anew, as its route's scheme does, and send it; print the status and the body of
    /// the answer. Succeeds on a 2xx
    Resend(ResendArgs),
}

#[derive(Args)]
struct ConfigArg {
    /// The configuration file
    #[arg(
        long,
        value_name = "FILE",
        env = "HOOKWARD_CONFIG",
        default_value = "/etc/hookward/hookward.toml"
    )]
    config: PathBuf,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    file: ConfigArg,
}

#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    file: ConfigArg,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = check::Format::Human)]
    format: check::Format,
    /// Do not read secrets and certificates from files and environment variables
    #[arg(long)]
    skip_secrets: bool,
}

#[derive(Args)]
struct DoctorArgs {
    #[command(flatten)]
    file: ConfigArg,
    /// Also send each route one signed request, which its app receives with the header `Hookward-Doctor: 1`
    #[arg(long)]
    send: bool,
    /// A server by whose `Date` this machine's clock is judged, besides the apps'
    #[arg(long, value_name = "URL", value_parser = doctor::parse_time_from)]
    time_from: Option<doctor::TimeFrom>,
    /// How the checks are printed
    #[arg(long, value_enum, default_value_t = doctor::Format::Text)]
    format: doctor::Format,
}

#[derive(Args)]
struct SignArgs {
    /// How to sign: hubspot-v1, hubspot-v2, hubspot-v3 or twenty
    #[arg(long, value_name = "SCHEME", value_parser = sign::parse_scheme)]
    scheme: sign::SchemeChoice,
    /// A file with the secret; one trailing line feed is not part of it
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// The method that is signed
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    method: String,
    /// The URL that is signed: the public one, as the provider calls it
    #[arg(long, value_name = "URL")]
    url: String,
    /// A file with the body; without it the body is empty
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The time to sign, in milliseconds since the epoch, used as typed; without it, now
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    timestamp: Option<String>,
}

#[derive(Args)]
struct SendArgs {
    #[command(flatten)]
    sign: SignArgs,
    /// Send an event as the provider does, such as contact.creation or person.created; instead of --body
    #[arg(long, value_name = "NAME", conflicts_with = "body")]
    event: Option<String>,
    /// Where to send it instead of the signed URL; without a path, with the path and query of that
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

#[derive(Args)]
struct ResendArgs {
    /// The captured request: raw HTTP/1, as `record` keeps it, a HAR file or a curl command line; `-` is
    /// standard input
    #[arg(value_name = "FILE")]
    capture: PathBuf,
    /// Which request of a HAR file, from 1
    #[arg(long, value_name = "N")]
    entry: Option<usize>,
    #[command(flatten)]
    file: ConfigArg,
    /// Where to send it instead of the route's public URL; without a path, with the path and query of that
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

/// Why a command did not do what it should.
enum Failure {
    /// It ran and failed.
    Failed(String),
    /// The command line or a file it names is wrong.
    Usage(String),
    /// As [`Self::Failed`]; the message was printed already.
    Said,
    /// As [`Self::Usage`]; the message was printed already.
    SaidUsage,
}

impl Failure {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command that the command line names and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run::run(&args.file.config),
        Command::Upgrade(args) => upgrade::upgrade(&args.file.config),
        Command::Check(args) => check::check(&args.file.config, args.skip_secrets, args.format),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Schema => print_schema(),
        Command::Completions { shell } => {
            let name = env!("CARGO_PKG_NAME");
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), name, &mut script);
            io::stdout()
                .lock()
                .write_all(&script)
                .map_err(Failure::failed)
        }
        Command::Man => man::man(),
        Command::Health(args) => health::health(&args.file.config),
        Command::Spool(args) => spool::spool(&args),
        Command::Demo => demo::demo(),
        Command::Sign(args) => sign::sign(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Send(args) => send::send(&args),
        Command::Resend(args) => resend::resend(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => {
            complain(&format!("hookward: {message}"));
            ExitCode::from(FAILED)
        }
        Err(Failure::Usage(message)) => {
            complain(&format!("hookward: {message}"));
            ExitCode::from(WRONG_USAGE)
        }
        Err(Failure::Said) => ExitCode::from(FAILED),
        Err(Failure::SaidUsage) => ExitCode::from(WRONG_USAGE),
    }
}

/// Writes a line to standard error. A failure to write is ignored: there is nowhere to report it.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes what there is to say about a configuration to standard error.
fn complain_of(file: &Path, loaded: &Loaded) {
    let name = file.display().to_string();
    let source = Source::new(&name, &loaded.text);
    let in_colour = terminal::in_colour(&io::stderr());
    for finding in &loaded.findings {
        complain(&format!("{}\n", source.render(finding, in_colour)));
    }
}

fn print_schema() -> Result<(), Failure> {
    let schema = config::schema(Providers::known());
    let schema = serde_json::to_string_pretty(&schema).map_err(Failure::failed)?;
    writeln!(io::stdout().lock(), "{schema}").map_err(Failure::failed)
}
