//! `hookward check`: says what is wrong with a configuration, or that nothing is.

use std::io::{self, Write};
use std::path::Path;

use super::Failure;
use crate::config::{self, Finding, Secrets};

pub(super) fn check(file: &Path, skip_secrets: bool) -> Result<(), Failure> {
    let secrets = if skip_secrets {
        Secrets::Skip
    } else {
        Secrets::Read
    };
    let loaded = config::load(file, secrets).map_err(Failure::usage)?;
    print(&loaded.findings).map_err(Failure::failed)?;
    match loaded.config {
        Some(config) => {
            println!("{}: ok, routes: {}", file.display(), config.routes.len());
            Ok(())
        }
        None => Err(Failure::SaidUsage),
    }
}

fn print(findings: &[Finding]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    Ok(())
}
