//! `hookward health`: asks the process that serves by a configuration whether it should get requests.
//!
//! It fails in one way, with 1, also where the configuration does not say whom to ask: containers know no other status.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ureq::Agent;
use zeroize::Zeroizing;

use super::doctor::reachable;
use super::{Failure, complain_of};
use crate::config::{self, Loaded, Options, Secrets};
use crate::providers::Providers;

/// How long the answer may take. A process that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a process answers that should get requests.
const READY: &str = "ready";
/// The most that is read of the answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

pub(super) fn health(file: &Path) -> Result<(), Failure> {
    let options = Options {
        secrets: Secrets::Skip,
        providers: Providers::known(),
    };
    let loaded = load(file, options)?;
    let admin = match &loaded.config {
        Some(config) => config.admin.listen,
        None => match admin_of_broken(file) {
            Some(admin) => admin,
            None => {
                complain_of(file, &loaded);
                return Err(Failure::Said);
            }
        },
    };
    if admin.port() == 0 {
        let message = "admin.listen takes any free port: nobody can know which; give it one";
        return Err(Failure::failed(message));
    }
    ask(reachable(admin))
}

/// Reads the configuration, which may be a pipe that nobody writes to.
fn load(file: &Path, options: Options) -> Result<Loaded, Failure> {
    let (sender, loaded) = mpsc::channel();
    let path = file.to_owned();
    thread::spawn(move || {
        // Whoever waits for it may have given up.
        let _ = sender.send(config::load(&path, options));
    });
    let loaded = loaded.recv_timeout(PATIENCE).map_err(|_| {
        let file = file.display();
        Failure::failed(format_args!("{file} cannot be read within {PATIENCE:?}"))
    })?;
    loaded.map_err(Failure::failed)
}

/// `admin.listen` of a configuration with errors elsewhere. Such a one is not in use: the process that serves goes on
/// by what it had before, and is not called unwell for it.
fn admin_of_broken(file: &Path) -> Option<SocketAddr> {
    let text = Zeroizing::new(std::fs::read_to_string(file).ok()?);
    let table: toml::Table = text.parse().ok()?;
    table.get("admin")?.get("listen")?.as_str()?.parse().ok()
}

fn ask(admin: SocketAddr) -> Result<(), Failure> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let failed = |error| Failure::failed(format_args!("nobody answers at {admin}: {error}"));
    let mut answer = agent
        .get(format!("http://{admin}/readyz"))
        .call()
        .map_err(failed)?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES);
    let text = body.read_to_string().map_err(failed)?;
    let text = text.trim_end().replace('\n', ", ");
    let text = text.replace(char::is_control, " ");
    match status.as_u16() {
        200 if text == READY => {
            println!("{text}");
            Ok(())
        }
        503 => Err(Failure::failed(format_args!("not ready: {text}"))),
        status => Err(Failure::failed(format_args!(
            "{admin} is not the admin address of a hookward: /readyz is answered {status}"
        ))),
    }
}
