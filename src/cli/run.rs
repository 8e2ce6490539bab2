//! `hookward run`: serves until told to stop.

use std::io::IsTerminal;
use std::path::Path;

use super::{Failure, complain};
use crate::config::Source;
use crate::observe::log;
use crate::server;

pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let (loaded, watch) = server::load_first(file).map_err(Failure::usage)?;
    let Some(config) = loaded.config else {
        let name = file.display().to_string();
        let source = Source::new(&name, &loaded.text);
        let in_colour = std::io::stderr().is_terminal();
        for finding in &loaded.findings {
            complain(&format!("{}\n", source.render(finding, in_colour)));
        }
        return Err(Failure::SaidUsage);
    };
    let logging = log::start(config.log);
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
