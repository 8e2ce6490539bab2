//! `hookward run`: serves until told to stop.

use std::path::Path;

use super::Failure;
use crate::config::{self, Secrets, Severity};
use crate::{log, proxy};

pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let loaded = config::load(file, Secrets::Read).map_err(Failure::usage)?;
    let Some(config) = loaded.config else {
        for finding in &loaded.findings {
            eprintln!("{finding}");
        }
        return Err(Failure::SaidUsage);
    };
    log::start(config.log);
    for finding in &loaded.findings {
        if finding.severity == Severity::Warning {
            tracing::warn!(event = "config_warning", "{finding}");
        }
    }
    let is_drained = proxy::run(&config).map_err(Failure::failed)?;
    if is_drained {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
