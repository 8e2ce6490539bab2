//! Judges `[replay]`, and what a route says of it.

use std::ops::Range;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::values::{positive, required};
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawReplay, RawVerify, ReplayStore};
use crate::config::reading::spanned::Spanned;
use crate::config::reading::units::HumanDuration;
use crate::config::redis_url::RedisUrl;
use crate::config::replay::{OnReplay, OnStoreFailure, RedisConfig, ReplayConfig};
use crate::config::scheme_keys::signs_time;
use crate::config::settings::RouteConfig;
use crate::verify::Scheme;

const TABLE: &str = "replay";
const URL: &str = "replay.url";
const CAPACITY: &str = "replay.capacity";
const PREFIX: &str = "replay.prefix";
const TIMEOUT: &str = "replay.timeout";
const ON_STORE_FAILURE: &str = "replay.on_store_failure";

const OF_ROUTE: &str = "route.verify.replay";

const DEFAULT_CAPACITY: u32 = 1_000_000;
/// Nearly 10 GiB of memory. A larger number is a typing error.
const MAX_CAPACITY: u32 = 100_000_000;
const DEFAULT_PREFIX: &str = "hookward:";
const MAX_PREFIX_BYTES: usize = 64;
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(50);
const MAX_TIMEOUT: Duration = Duration::from_secs(10);
/// Beyond this a store that hangs costs answers that senders wait for.
const LONGEST_USUAL_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn replay(
    raw: Option<Spanned<RawReplay>>,
    findings: &mut Findings<'_>,
) -> Option<ReplayConfig> {
    let span = raw.as_ref().map_or(0..0, Spanned::span);
    let raw = raw.map(Spanned::into_inner).unwrap_or_default();
    let store = raw
        .store
        .as_ref()
        .map_or(ReplayStore::default(), |store| *store.get_ref());
    // Whether other keys have a meaning is not known then.
    if findings.is_unreadable("replay.store") {
        return None;
    }
    match store {
        ReplayStore::Memory => memory(&raw, findings),
        ReplayStore::Redis => redis(raw, &span, findings),
    }
}

fn memory(raw: &RawReplay, findings: &mut Findings<'_>) -> Option<ReplayConfig> {
    for (key, span) in [
        (URL, span(&raw.url)),
        (PREFIX, span(&raw.prefix)),
        (TIMEOUT, span(&raw.timeout)),
        (ON_STORE_FAILURE, span(&raw.on_store_failure)),
    ] {
        if let Some(span) = span {
            let message = "this key has no meaning with store = \"memory\"; remove it, or set store = \"redis\"";
            findings.error(span, key, message);
        }
    }
    let capacity = raw.capacity.as_ref().map_or(DEFAULT_CAPACITY, |capacity| {
        if !(1..=MAX_CAPACITY).contains(capacity.get_ref()) {
            let message = format!("expected a number from 1 to {MAX_CAPACITY}");
            findings.error(capacity.span(), CAPACITY, message);
        }
        *capacity.get_ref()
    });
    let capacity = usize::try_from(capacity).ok()?;
    Some(ReplayConfig::Memory { capacity })
}

fn redis(
    raw: RawReplay,
    table: &Range<usize>,
    findings: &mut Findings<'_>,
) -> Option<ReplayConfig> {
    if let Some(capacity) = &raw.capacity {
        let message = "this key has no meaning with store = \"redis\"; remove it";
        findings.error(capacity.span(), CAPACITY, message);
    }
    let example = "such as \"redis://127.0.0.1:6379/0\"";
    let url = required(raw.url.as_ref(), table, URL, example, findings);
    let url = url.and_then(|url| read_url(url, findings));
    let prefix = match raw.prefix {
        Some(prefix) => read_prefix(prefix, findings),
        None => Some(DEFAULT_PREFIX.to_owned()),
    };
    let timeout = read_timeout(raw.timeout, findings);
    let on_store_failure = raw
        .on_store_failure
        .as_ref()
        .map_or(OnStoreFailure::default(), |on_failure| {
            *on_failure.get_ref()
        });
    if let Some(span) = span(&raw.on_store_failure)
        && on_store_failure == OnStoreFailure::Allow
    {
        let message = "while the store does not answer, requests that came before are let through";
        findings.warning(span, ON_STORE_FAILURE, message);
    }
    Some(ReplayConfig::Redis(RedisConfig {
        url: url?,
        prefix: prefix?,
        timeout,
        on_store_failure,
    }))
}

fn read_url(raw: &Spanned<SecretString>, findings: &mut Findings<'_>) -> Option<RedisUrl> {
    let read = raw.get_ref().expose_secret().parse::<RedisUrl>();
    let url = read
        .map_err(|error| findings.error(raw.span(), URL, error.to_string()))
        .ok()?;
    if let Some(password) = url.password() {
        findings.knows_secret(&SecretString::from(password));
    }
    if url.exposes_password() {
        let message = "the password goes over the network unencrypted; use TLS (rediss://), or a network that nobody \
                       else is on";
        findings.warning(raw.span(), URL, message);
    }
    Some(url)
}

fn read_prefix(prefix: Spanned<String>, findings: &mut Findings<'_>) -> Option<String> {
    let text = prefix.get_ref();
    let error = if text.len() > MAX_PREFIX_BYTES {
        Some(format!("expected at most {MAX_PREFIX_BYTES} bytes"))
    } else if text.contains(char::is_control) {
        Some("expected no control characters".to_owned())
    } else if text.contains(['{', '}']) {
        // Of a key with braces a cluster looks at nothing but what is between them.
        Some("expected no braces: a cluster would keep all keys on one node".to_owned())
    } else {
        None
    };
    if let Some(error) = error {
        findings.error(prefix.span(), PREFIX, error);
        return None;
    }
    if text.is_empty() {
        let message = "keys have nothing in their names that says they are hookward's; give it a database of its own";
        findings.warning(prefix.span(), PREFIX, message);
    }
    Some(prefix.into_inner())
}

fn read_timeout(raw: Option<Spanned<HumanDuration>>, findings: &mut Findings<'_>) -> Duration {
    if let Some(timeout) = &raw {
        let limit = timeout.get_ref().0;
        if limit > MAX_TIMEOUT {
            findings.error(timeout.span(), TIMEOUT, "expected at most \"10s\"");
        } else if limit > LONGEST_USUAL_TIMEOUT {
            let message = "every request waits so long while the store hangs, and a sender may give up after 5 s";
            findings.warning(timeout.span(), TIMEOUT, message);
        }
    }
    positive(raw, DEFAULT_TIMEOUT, TIMEOUT, findings)
}

/// Says so where there is a `[replay]`, and no route whose requests are remembered.
pub(super) fn review<'r>(
    table: Range<usize>,
    mut routes: impl Iterator<Item = &'r RouteConfig>,
    findings: &mut Findings<'_>,
) {
    let is_used = routes.any(|route| route.verify.on_replay().is_some());
    if !is_used {
        let message = "there is no route whose requests are remembered, so this has no effect";
        findings.warning(table, TABLE, message);
    }
}

/// What requests with a signed time are answered that came before; `None` where they may come again. `schemes`
/// are those that the route accepts.
pub(super) fn on_replay(
    raw: &RawVerify,
    schemes: &[&Scheme],
    findings: &mut Findings<'_>,
) -> Option<OnReplay> {
    let (with_time, without): (Vec<&Scheme>, Vec<&Scheme>) =
        schemes.iter().partition(|scheme| signs_time(scheme));
    let is_possible = !with_time.is_empty();
    let mut is_wanted = is_possible;
    if let Some(replay) = &raw.replay {
        is_wanted = *replay.get_ref();
        let versions: Vec<&str> = without.iter().map(|scheme| scheme.version).collect();
        match (is_wanted, versions.as_slice()) {
            (true, _) if !is_possible => {
                let message = "none of the accepted versions signs a time, so requests would have to be remembered for \
                               ever; remove the key";
                findings.error(replay.span(), OF_ROUTE, message);
            }
            (true, []) => {}
            (true, versions) => {
                let verb = if versions.len() == 1 { "signs" } else { "sign" };
                let message = format!(
                    "{} {verb} no time: such requests are not covered, and can be replayed",
                    versions.join(" and ")
                );
                findings.warning(replay.span(), OF_ROUTE, message);
            }
            (false, _) if is_possible => {
                let message = "whoever has seen a request can send it again until max_age is over";
                findings.warning(replay.span(), OF_ROUTE, message);
            }
            (false, _) => {}
        }
    }
    if let Some(on_replay) = &raw.on_replay {
        let message = if !is_possible {
            Some("none of the accepted versions signs a time, so this has no effect")
        } else if !is_wanted {
            Some("`replay` is false, so this has no effect")
        } else {
            None
        };
        if let Some(message) = message {
            findings.warning(on_replay.span(), "route.verify.on_replay", message);
        }
    }
    (is_wanted && is_possible).then(|| {
        raw.on_replay
            .as_ref()
            .map_or(OnReplay::default(), |on_replay| *on_replay.get_ref())
    })
}

/// Of API keys nobody can tell whether a request came before. That it is not looked for may be written.
pub(super) fn without_time(raw: &RawVerify, findings: &mut Findings<'_>) {
    if let Some(replay) = raw.replay.as_ref().filter(|replay| *replay.get_ref()) {
        let message =
            "an API key signs nothing, so a repeated request looks like a new one; remove the key";
        findings.error(replay.span(), OF_ROUTE, message);
    }
}

fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}
