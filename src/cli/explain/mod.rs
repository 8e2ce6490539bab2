//! `hookward explain`: says why a captured request was refused, and what to change.

mod json;
mod judge;
mod settings;
mod text;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};

use super::{Failure, sign};
use crate::capture::{Capture, CaptureError, MAX_FILE_BYTES};
use crate::os::terminal;
use crate::verify::Timestamp;
use settings::Settings;

/// How the explanation is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For other programs: one JSON object
    Json,
}

#[derive(Args)]
pub(super) struct ExplainArgs {
    /// The configuration by which it was refused; not read with --scheme [default: /etc/hookward/hookward.toml]
    // An option that excludes it would exclude the environment's, too, which stands in every container.
    #[arg(long, value_name = "FILE", env = "HOOKWARD_CONFIG")]
    config: Option<PathBuf>,
    /// The captured request: a raw HTTP/1 request, a HAR file, or a curl command line; - for standard input
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// Which request of a HAR file, counted from 1
    #[arg(long, value_name = "N")]
    entry: Option<usize>,
    /// Judge it as if it had been received then, in milliseconds since the epoch [default: when hookward recorded
    /// it, else now]
    #[arg(long, value_name = "MS")]
    at: Option<u64>,
    /// Without a configuration: how it was signed
    #[arg(long, value_name = "SCHEME", value_parser = sign::parse_scheme, requires_all = ["secret_file", "url"])]
    scheme: Option<sign::SchemeChoice>,
    /// Without a configuration: a file with the secret; one trailing line feed is not part of it
    #[arg(long, value_name = "FILE", requires = "scheme")]
    secret_file: Option<PathBuf>,
    /// Without a configuration: the URL that the provider called
    #[arg(long, value_name = "URL", requires = "scheme")]
    url: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let bytes = read(&args.request)?;
    let shown = args.request.display();
    let mut capture = Capture::read(&bytes, args.entry).map_err(|error| match error {
        CaptureError::Entry(text) => {
            let has_list = text.contains('\n');
            let hint = if has_list {
                "\n--entry N chooses one"
            } else {
                ""
            };
            Failure::usage(format_args!("{shown}: {text}{hint}"))
        }
        error @ CaptureError::Malformed(_) => Failure::usage(format_args!("{shown}: {error}")),
    })?;
    let settings = match (&args.scheme, &args.secret_file, &args.url) {
        (Some(scheme), Some(secret_file), Some(url)) => {
            Settings::alone(*scheme, secret_file, url, &mut capture)?
        }
        _ => Settings::of_file(args.config.as_deref())?,
    };
    let at = args.at.or(capture.recorded_at);
    let now = at.map_or_else(|| SystemTime::now().into(), Timestamp::from_millis);
    let judgement = judge::judge(&capture, &settings, now)?;
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Text => {
            let in_colour = terminal::in_colour(&out);
            out.write_all(text::render(&judgement, in_colour).as_bytes())
        }
        Format::Json => writeln!(out, "{}", json::render(&judgement)),
    };
    printed.map_err(Failure::failed)?;
    if judgement.is_verified() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let shown = file.display();
    let failed = |error: io::Error| Failure::usage(format_args!("cannot read {shown}: {error}"));
    let mut source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES.saturating_add(1);
    Read::take(&mut source, limit)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        let mib = MAX_FILE_BYTES >> 20;
        return Err(Failure::usage(format_args!(
            "{shown}: a capture of more than {mib} MiB"
        )));
    }
    Ok(bytes)
}
