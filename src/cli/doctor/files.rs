//! Files and directories that hookward needs. That secrets can be read, and by whom, is among the findings
//! about the configuration.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use memchr::memmem;
use rustix::fs::{Access, access};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::report::Line;
use crate::config::{Config, ListenAddress, ReplayConfig};

const CHECK: &str = "files";

/// A line for each directory in which files are made, and for a configuration file with secrets in it.
pub(super) fn check(file: &Path, config: &Config) -> Vec<Line> {
    let server = &config.server;
    let sockets = server.listen.iter().filter_map(|address| match address {
        ListenAddress::Unix { path, .. } => Some((path.as_path(), "server.listen")),
        ListenAddress::Tcp(_) => None,
    });
    let named = [
        (server.pid_file.as_deref(), "server.pid_file"),
        (server.upgrade_socket.as_deref(), "server.upgrade_socket"),
    ];
    let named = named
        .into_iter()
        .filter_map(|(path, key)| Some((path?, key)));
    let directories: BTreeSet<(&Path, &str)> = sockets
        .chain(named)
        .filter_map(|(path, key)| Some((path.parent()?, key)))
        .collect();
    let lines = directories
        .into_iter()
        .map(|(path, key)| directory(path, key));
    lines.chain(secrets_within(file, config)).collect()
}

fn directory(path: &Path, key: &str) -> Line {
    let about = format!("{} ({key})", path.display());
    match std::fs::metadata(path) {
        Err(error) => {
            let text = format!("the directory cannot be used: {error}");
            Line::failed(CHECK, about, text, "make it, or correct the path")
        }
        Ok(metadata) if !metadata.is_dir() => {
            Line::failed(CHECK, about, "it is no directory", "correct the path")
        }
        Ok(_) => match access(path, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Line::ok(CHECK, about, "files can be made in it"),
            Err(error) => {
                let text = format!("this user cannot make files in it: {error}");
                Line::failed(CHECK, about, text, "give it to hookward's user")
            }
        },
    }
}

/// A line where others may read the configuration file and a secret stands in it.
fn secrets_within(file: &Path, config: &Config) -> Option<Line> {
    let about = file.display().to_string();
    let metadata = std::fs::metadata(file)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o777;
    let text = std::fs::read(file).map(Zeroizing::new).ok()?;
    let secrets = config
        .routes
        .iter()
        .flat_map(|route| route.verify.secrets());
    let mut values = secrets.map(|secret| secret.value.expose_secret().as_bytes());
    // A URL stands nowhere else.
    let has_password =
        matches!(&config.replay, ReplayConfig::Redis(redis) if redis.url.has_password());
    if !has_password && !values.any(|value| memmem::find(&text, value).is_some()) {
        return None;
    }
    if mode & 0o077 == 0 {
        let text = "has secrets in it, and is for its owner alone";
        return Some(Line::ok(CHECK, about, text));
    }
    let text = format!("has secrets in it, and others than its owner may use it (mode {mode:03o})");
    let fix = "chmod 600, or keep the secrets in files of their own";
    Some(Line::warning(CHECK, about, text, fix))
}
