//! `hookward upgrade`: has the process that serves by a configuration succeeded by the program now installed.

use std::path::Path;

use super::{Failure, complain};
use crate::config::{self, Options, Secrets, Source};
use crate::os::terminal;
use crate::providers::Providers;
use crate::server;

pub(super) fn upgrade(file: &Path) -> Result<(), Failure> {
    let options = Options {
        secrets: Secrets::Skip,
        providers: Providers::known(),
    };
    let loaded = config::load(file, options).map_err(Failure::failed)?;
    let Some(config) = loaded.config else {
        let name = file.display().to_string();
        let source = Source::new(&name, &loaded.text);
        let in_colour = terminal::in_colour(&std::io::stderr());
        for finding in &loaded.findings {
            complain(&format!("{}\n", source.render(finding, in_colour)));
        }
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
