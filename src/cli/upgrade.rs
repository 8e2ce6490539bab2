//! `hookward upgrade`: has the process that serves by a configuration succeeded by the program now installed.

use std::path::Path;

use super::{Failure, complain_of};
use crate::config::{self, Options, Secrets};
use crate::providers::Providers;
use crate::server;

pub(super) fn upgrade(file: &Path) -> Result<(), Failure> {
    let options = Options {
        secrets: Secrets::Skip,
        providers: Providers::known(),
    };
    let loaded = config::load(file, options).map_err(Failure::failed)?;
    let Some(config) = loaded.config else {
        complain_of(file, &loaded);
        return Err(Failure::Said);
    };
    let Some(socket) = config.server.upgrade_socket else {
        let message = "server.upgrade_socket is not set: the process that serves cannot be asked; set it \
                       with server.pid_file and restart hookward once";
        return Err(Failure::failed(message));
    };
    let pid = server::ask(&socket).map_err(Failure::failed)?;
    println!("process {pid} serves now; the one before it ends what it has begun");
    Ok(())
}
