//! `hookward check`: says what is wrong with a configuration, or that nothing is.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use clap::ValueEnum;

use super::Failure;
use crate::config::{self, Config, Loaded, Options, Record, ReplayConfig, Secrets, Source};
use crate::diagnosis::MAX_HELD_BYTES;
use crate::os::terminal;
use crate::providers::Providers;
use crate::recording::MAX_WAITING_BYTES;
use crate::replay::MAX_ENTRY_BYTES;
use crate::verify::Timestamp;
use crate::wipe;

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: each with its line
    Human,
    /// For other programs: one JSON object
    Json,
}

pub(super) fn check(file: &Path, skip_secrets: bool, format: Format) -> Result<(), Failure> {
    let secrets = if skip_secrets {
        Secrets::Skip
    } else {
        Secrets::Read
    };
    let options = Options {
        secrets,
        providers: Providers::known(),
    };
    let loaded = match wipe::on_own_stack(|| config::load(file, options)) {
        Ok(loaded) => loaded,
        Err(error) if format == Format::Json => {
            let json = config::to_json(&file.display().to_string(), &[error.finding()]);
            writeln!(io::stdout().lock(), "{json}").map_err(Failure::failed)?;
            return Err(Failure::SaidUsage);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let printed = match format {
        Format::Human => print(file, &loaded),
        Format::Json => {
            let json = config::to_json(&file.display().to_string(), &loaded.findings);
            writeln!(io::stdout().lock(), "{json}")
        }
    };
    printed.map_err(Failure::failed)?;
    match loaded.config {
        Some(_) => Ok(()),
        None => Err(Failure::SaidUsage),
    }
}

fn print(file: &Path, loaded: &Loaded) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let in_colour = terminal::in_colour(&out);
    let name = file.display().to_string();
    let source = Source::new(&name, &loaded.text);
    for finding in &loaded.findings {
        writeln!(out, "{}\n", source.render(finding, in_colour))?;
    }
    let Some(config) = &loaded.config else {
        return Ok(());
    };
    writeln!(out, "{name}: ok, routes: {}", config.routes.len())?;
    writeln!(out, "{}", memory(config))?;
    let now = Timestamp::from(SystemTime::now());
    for route in &config.routes {
        for secret in route.verify.secrets() {
            if let Some(left) = config::time_left(secret, now) {
                writeln!(out, "route {}: secret {} {left}", route.name, secret.id)?;
            }
        }
    }
    Ok(())
}

/// The most memory that this configuration can take: what bodies may hold, what each connection may hold
/// for its header, what is remembered of requests, and what the program itself needs.
fn memory(config: &Config) -> String {
    const CONNECTION_BYTES: u64 = 16 << 10;
    const PROGRAM_BYTES: u64 = 64 << 20;
    let server = &config.server;
    let connections = u64::try_from(server.max_connections).unwrap_or(u64::MAX);
    let of_connections = connections.saturating_mul(CONNECTION_BYTES);
    let all = server
        .max_buffered_bytes
        .saturating_add(of_connections)
        .saturating_add(PROGRAM_BYTES);
    let mut routes = config.routes.iter();
    let records = routes.any(|route| route.record == Record::Refused);
    let mut routes = config.routes.iter();
    let diagnoses = routes.any(|route| route.diagnose);
    let mut routes = config.routes.iter();
    let remembers = routes.any(|route| route.verify.on_replay().is_some());
    let remembered = match config.replay {
        ReplayConfig::Memory { capacity } if remembers => {
            let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
            capacity.saturating_mul(MAX_ENTRY_BYTES)
        }
        _ => 0,
    };
    let (mut more, mut of_more) = (0_u64, String::new());
    for (is_there, bytes, what) in [
        (records, MAX_WAITING_BYTES, "[record]"),
        (diagnoses, MAX_HELD_BYTES, "diagnose"),
        (remembered > 0, remembered, "[replay]"),
    ] {
        if is_there {
            more = more.saturating_add(bytes);
            of_more.push_str(&format!("{} MiB {what}, ", in_mib(bytes)));
        }
    }
    format!(
        "memory: at most {} MiB ({} MiB max_buffered_bytes, 16 KiB for each of {connections} \
         connections, {of_more}64 MiB besides)",
        in_mib(all.saturating_add(more)),
        in_mib(server.max_buffered_bytes)
    )
}

/// Whole mebibytes, rounded up.
fn in_mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
