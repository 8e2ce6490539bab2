//! What a capture is judged by: a configuration file, or a scheme, a secret and a URL.

use std::path::Path;

use toml::{Table, Value};

use super::super::sign::SchemeChoice;
use super::super::{Failure, complain_of};
use crate::capture::Capture;
use crate::config::{self, Config, Loaded, Options, Secrets};
use crate::providers::Providers;
use crate::wipe;

const DEFAULT_FILE: &str = "/etc/hookward/hookward.toml";

/// What a capture is judged by.
pub(super) struct Settings {
    pub(super) config: Config,
    /// The URL that was called by the capture itself, where that is not the one that it is judged by.
    pub(super) captured_url: Option<String>,
}

impl Settings {
    /// A configuration file.
    pub(super) fn of_file(file: Option<&Path>) -> Result<Self, Failure> {
        let file = file.unwrap_or(Path::new(DEFAULT_FILE));
        let loaded =
            wipe::on_own_stack(|| config::load(file, options())).map_err(Failure::usage)?;
        Self::of(loaded, file)
    }

    /// One route for the URL that was called. The capture is judged as if it had been received by that.
    pub(super) fn alone(
        choice: SchemeChoice,
        secret_file: &Path,
        url: &str,
        capture: &mut Capture,
    ) -> Result<Self, Failure> {
        let wrong =
            || Failure::usage("--url: expected an http or https URL, as the provider calls it");
        if url.contains('#') {
            let text = "--url: a fragment (`#` and what follows it) is not sent: leave it out";
            return Err(Failure::usage(text));
        }
        let uri: http::Uri = url.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let origin = format!("{scheme}://{authority}");
        let called = url.get(origin.len()..).unwrap_or_default();
        // What calls a URL without a path asks for `/` (RFC 9110 section 7.1), with the query behind it.
        let slash = if called.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{called}").into_bytes();
        let captured = std::mem::replace(&mut capture.target, target);
        let captured_url = (captured != capture.target)
            .then(|| format!("{origin}{}", String::from_utf8_lossy(&captured)));
        let text = file_for(choice, secret_file, &origin, uri.path(), &capture.method)?;
        let loaded = wipe::on_own_stack(|| config::read("--url", &text, options()));
        Ok(Self {
            captured_url,
            ..Self::of(loaded, Path::new("--url"))?
        })
    }

    fn of(loaded: Loaded, file: &Path) -> Result<Self, Failure> {
        let Some(config) = loaded.config else {
            complain_of(file, &loaded);
            return Err(Failure::SaidUsage);
        };
        Ok(Self {
            config,
            captured_url: None,
        })
    }
}

fn options() -> Options {
    Options {
        secrets: Secrets::Read,
        providers: Providers::known(),
    }
}

/// A configuration file with one route for one path.
fn file_for(
    choice: SchemeChoice,
    secret_file: &Path,
    origin: &str,
    path: &str,
    method: &str,
) -> Result<String, Failure> {
    let table = |entries: Vec<(&str, Value)>| {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        Value::Table(entries.collect::<Table>())
    };
    let text = |text: &str| Value::String(text.to_owned());
    let file = secret_file
        .to_str()
        .ok_or_else(|| Failure::usage("--secret-file: expected a path in UTF-8"))?;
    let secret = table(vec![("id", text("secret")), ("file", text(file))]);
    let mut verify = vec![
        ("scheme", text(choice.provider.name)),
        ("secrets", Value::Array(vec![secret])),
    ];
    if choice.provider.schemes.len() > 1 {
        verify.push(("versions", Value::Array(vec![text(choice.scheme.version)])));
    }
    let route = table(vec![
        ("name", text("capture")),
        ("path", text(path)),
        ("methods", Value::Array(vec![text(method)])),
        ("upstream", text("http://127.0.0.1:9")),
        ("public_url", text(origin)),
        ("verify", table(verify)),
    ]);
    let listen = || Value::Array(vec![text("127.0.0.1:0")]);
    let file = table(vec![
        ("server", table(vec![("listen", listen())])),
        ("admin", table(vec![("listen", text("127.0.0.1:0"))])),
        ("route", Value::Array(vec![route])),
    ]);
    toml::to_string(&file).map_err(Failure::failed)
}
