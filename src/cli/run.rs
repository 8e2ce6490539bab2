//! `hookward run`: serves until told to stop.

use std::path::Path;

use super::{Failure, complain_of};
use crate::config::{Options, Secrets};
use crate::observe::log;
use crate::providers::Providers;
use crate::server;

pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let options = Options {
        secrets: Secrets::Read,
        providers: Providers::known(),
    };
    let (loaded, watch) = server::load_first(file, options).map_err(Failure::usage)?;
    let Some(config) = loaded.config else {
        complain_of(file, &loaded);
        return Err(Failure::SaidUsage);
    };
    let logging = log::start(config.log).map_err(Failure::failed)?;
    log::warn_of(&loaded.findings);
    // It may hold secrets, which are not kept longer than they are needed.
    drop(loaded.text);
    let served = server::run(config, file, watch, logging.level.clone());
    if served.map_err(Failure::failed)? {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
