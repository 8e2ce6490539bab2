//! Judges `[spool]`, and what a route says of it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::directory::read_directory;
use super::values::{absolute_path, located, required, size};
use crate::config::finding::Findings;
use crate::config::nats_servers::NatsServers;
use crate::config::reading::raw::{RawRoute, RawSpool, SpoolStore};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{RouteConfig, Secrets};
use crate::config::spool::{DiskConfig, NatsConfig, SpoolConfig, SpoolMode};

const TABLE: &str = "spool";
const DIRECTORY: &str = "spool.directory";
const MAX_BYTES: &str = "spool.max_bytes";
const URL: &str = "spool.url";
const CREDENTIALS: &str = "spool.credentials";
const STREAM: &str = "spool.stream";
const REPLICAS: &str = "spool.replicas";

const OF_ROUTE: &str = "route.spool";
const MAX_AGE: &str = "route.spool_max_age";
const IN_ORDER: &str = "route.spool_in_order";

const DEFAULT_MAX_BYTES: u64 = 1 << 30;
const DEFAULT_STREAM: &str = "HOOKWARD";
/// A server keeps files under this name.
const MAX_STREAM_BYTES: usize = 255;
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The first pause between two attempts.
const LEAST_MAX_AGE: Duration = Duration::from_secs(1);

/// The store that a table names.
pub(super) fn store(raw: &Spanned<RawSpool>) -> SpoolStore {
    let store = raw.get_ref().store.as_ref();
    store.map_or(SpoolStore::default(), |store| *store.get_ref())
}

/// Judges `[spool]`. `recorded` is the directory of `[record]`.
pub(super) fn spool(
    raw: Spanned<RawSpool>,
    recorded: Option<&Path>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<SpoolConfig> {
    // Whether other keys have a meaning is not known then.
    if findings.is_unreadable("spool.store") {
        return None;
    }
    let (store, table) = (store(&raw), raw.span());
    let raw = raw.into_inner();
    match store {
        SpoolStore::Disk => disk(raw, &table, recorded, mode, findings),
        SpoolStore::Nats => nats(raw, &table, mode, findings),
    }
}

fn disk(
    raw: RawSpool,
    table: &Range<usize>,
    recorded: Option<&Path>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<SpoolConfig> {
    for (key, span) in [
        (URL, span(&raw.url)),
        (CREDENTIALS, span(&raw.credentials)),
        (STREAM, span(&raw.stream)),
        (REPLICAS, span(&raw.replicas)),
    ] {
        if let Some(span) = span {
            let message =
                "this key has no meaning with store = \"disk\"; remove it, or set store = \"nats\"";
            findings.error(span, key, message);
        }
    }
    let example = "such as \"/var/lib/hookward\"";
    let directory = required(raw.directory, table, DIRECTORY, example, findings);
    let directory = directory.and_then(|text| {
        let loss = "no request can be stored";
        let directory = read_directory(&text, DIRECTORY, loss, mode, findings)?;
        if recorded == Some(&directory) {
            let message = "expected another directory than that of [record], which may be below it";
            findings.error(text.span(), DIRECTORY, message);
        }
        Some(directory)
    });
    let max_bytes = size(
        raw.max_bytes.as_ref(),
        DEFAULT_MAX_BYTES,
        MAX_BYTES,
        findings,
    );
    Some(SpoolConfig::Disk(DiskConfig {
        directory: directory?,
        max_bytes,
    }))
}

fn nats(
    raw: RawSpool,
    table: &Range<usize>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<SpoolConfig> {
    for (key, span) in [
        (DIRECTORY, span(&raw.directory)),
        (MAX_BYTES, span(&raw.max_bytes)),
    ] {
        if let Some(span) = span {
            let message = "this key has no meaning with store = \"nats\"; remove it";
            findings.error(span, key, message);
        }
    }
    let example = "such as \"nats://127.0.0.1:4222\"";
    let servers = required(raw.url.as_ref(), table, URL, example, findings);
    let servers = servers.and_then(|url| read_servers(url, findings));
    let login = servers.as_ref().and_then(NatsServers::login);
    if let (Some(_), Some(file)) = (login, &raw.credentials) {
        let message = "there is a user in `url` already; expected one of them";
        findings.error(file.span(), CREDENTIALS, message);
    }
    let credentials = raw.credentials.as_ref();
    let credentials = credentials.map(|file| read_credentials(file, mode, findings));
    let stream = match raw.stream {
        Some(stream) => read_stream(stream, findings),
        None => Some(DEFAULT_STREAM.to_owned()),
    };
    let replicas = raw.replicas.as_ref().map_or(Some(1), |replicas| {
        let count = u8::try_from(*replicas.get_ref()).ok();
        let count = count.filter(|count| (1..=5).contains(count));
        if count.is_none() {
            findings.error(replicas.span(), REPLICAS, "expected a number from 1 to 5");
        }
        count
    });
    Some(SpoolConfig::Nats(NatsConfig {
        servers: servers?,
        credentials: match credentials {
            Some(file) => Some(file?),
            None => None,
        },
        stream: stream?,
        replicas: replicas?,
    }))
}

fn read_servers(raw: &Spanned<SecretString>, findings: &mut Findings<'_>) -> Option<NatsServers> {
    let read = raw.get_ref().expose_secret().parse::<NatsServers>();
    let servers = read
        .map_err(|error| findings.error(raw.span(), URL, error.to_string()))
        .ok()?;
    if let Some(login) = servers.login() {
        findings.knows_secret(login.secret());
    }
    if servers.exposes_login() {
        let message = "the password goes over the network unencrypted, unless the server asks for TLS; use tls://, or a \
                       network that nobody else is on";
        findings.warning(raw.span(), URL, message);
    }
    Some(servers)
}

/// What is in the file is for the connection to read. That it can be read is asked here, where an operator hears
/// of it.
fn read_credentials(
    file: &Spanned<String>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    findings.names_file(file.get_ref());
    let path = located(file, CREDENTIALS, absolute_path(file.get_ref()), findings)?;
    if mode == Secrets::Skip {
        return Some(path);
    }
    let mode = located(file, CREDENTIALS, permissions(&path), findings)?;
    if mode & 0o077 != 0 {
        let message =
            format!("others than its owner may use this file (mode {mode:03o}); chmod 600");
        findings.warning(file.span(), CREDENTIALS, message);
    }
    Some(path)
}

/// The permissions of a regular file that can be read.
fn permissions(path: &Path) -> Result<u32, String> {
    let unreadable = |error: std::io::Error| format!("cannot read the file: {error}");
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // Opening a pipe could wait for ever.
    if !metadata.is_file() {
        return Err("cannot read the file: it is no regular file".to_owned());
    }
    File::open(path).map_err(unreadable)?;
    Ok(metadata.permissions().mode() & 0o777)
}

/// What JetStream takes for the name of a stream.
fn read_stream(stream: Spanned<String>, findings: &mut Findings<'_>) -> Option<String> {
    let text = stream.get_ref();
    let is_refused = |character: char| {
        character.is_whitespace() || character.is_control() || ".*>/\\".contains(character)
    };
    if text.is_empty() || text.len() > MAX_STREAM_BYTES || text.contains(is_refused) {
        let message =
            "expected 1 to 255 bytes without blanks, control characters and any of . * > / \\";
        findings.error(stream.span(), STREAM, message);
        return None;
    }
    Some(stream.into_inner())
}

/// Says so where there is a `[spool]`, and no route that stores anything in it.
pub(super) fn review<'r>(
    table: Range<usize>,
    mut routes: impl Iterator<Item = &'r RouteConfig>,
    findings: &mut Findings<'_>,
) {
    if routes.all(|route| route.spool == SpoolMode::Off) && !findings.is_unreadable(OF_ROUTE) {
        let message = "there is no route with `spool`, so nothing is stored; what waits from before is still delivered";
        findings.warning(table, TABLE, message);
    }
}

/// What a route says of the spool.
pub(super) struct OfRoute {
    pub(super) mode: SpoolMode,
    pub(super) max_age: Duration,
    pub(super) in_order: bool,
}

/// Judges the keys of a route; `store` is that of `[spool]`, where there is one.
pub(super) fn of_route(
    raw: &RawRoute,
    store: Option<SpoolStore>,
    findings: &mut Findings<'_>,
) -> OfRoute {
    let mode = raw.spool.as_ref().map_or(SpoolMode::Off, |mode| {
        judge_mode(mode, store, findings);
        *mode.get_ref()
    });
    if mode == SpoolMode::Off && !findings.is_unreadable(OF_ROUTE) {
        for (key, span) in [
            (MAX_AGE, span(&raw.spool_max_age)),
            (IN_ORDER, span(&raw.spool_in_order)),
        ] {
            if let Some(span) = span {
                let message = "`spool` is off, so this has no effect";
                findings.warning(span, key, message);
            }
        }
    }
    if let Some(age) = &raw.spool_max_age
        && age.get_ref().0 < LEAST_MAX_AGE
    {
        findings.error(age.span(), MAX_AGE, "expected at least \"1s\"");
    }
    let max_age = raw.spool_max_age.as_ref();
    let in_order = raw.spool_in_order.as_ref();
    OfRoute {
        mode,
        max_age: max_age.map_or(DEFAULT_MAX_AGE, |age| age.get_ref().0),
        in_order: in_order.is_some_and(|in_order| *in_order.get_ref()),
    }
}

/// That bodies are kept is worth a warning.
fn judge_mode(mode: &Spanned<SpoolMode>, store: Option<SpoolStore>, findings: &mut Findings<'_>) {
    let place = match (mode.get_ref(), store) {
        (SpoolMode::Off, _) => return,
        (_, None) => {
            if !findings.is_unreadable(TABLE) {
                let message = "it needs [spool] with a store, where the requests wait";
                findings.error(mode.span(), OF_ROUTE, message);
            }
            return;
        }
        (_, Some(SpoolStore::Disk)) => "on disk",
        (_, Some(SpoolStore::Nats)) => "in NATS",
    };
    let message = format!(
        "verified requests that wait are kept {place} with their bodies, which can hold personal data, until the app \
         has taken them, and dead letters until they are retried or dropped"
    );
    findings.warning(mode.span(), OF_ROUTE, message);
}

fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}
