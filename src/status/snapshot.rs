//! All that is shown of a process at one moment. It is what `/status.json` says, field for field; the status page shows
//! the same. It holds no secret, no signature, no body and no query.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::time::Time;

/// The version of `/status.json`: raised when a field changes its meaning or goes.
pub(crate) const VERSION: u32 = 1;

/// How many minutes of the past are shown, the one that is not over included.
pub(crate) const MINUTES: usize = 60;

/// A process at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Snapshot {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// The version of hookward.
    pub(crate) hookward: &'static str,
    /// The commit that it was built from.
    pub(crate) revision: &'static str,
    /// When this was taken.
    pub(crate) at: Time,
    pub(crate) started_at: Time,
    /// Whether the process should get requests.
    pub(crate) ready: bool,
    /// Why it should not: what `/readyz` says.
    pub(crate) not_ready: Vec<String>,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) routes: Vec<Route>,
    /// Requests that no route had, refused, by reason.
    pub(crate) unrouted: BTreeMap<&'static str, u64>,
    /// How many of them came in each minute of the last hour, as those of a route are told.
    #[serde(serialize_with = "refused_alone")]
    pub(crate) unrouted_last_hour: Vec<Minute>,
    /// The newest first, 50 at most. Of a flood those that the log has, too.
    pub(crate) recent_refusals: Vec<Refusal>,
    pub(crate) replay: Replay,
    /// `None` without `[spool]`.
    pub(crate) spool: Option<Spool>,
}

/// The configuration in use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Config {
    /// Empty, and as data null, where the program made it itself.
    #[serde(serialize_with = "unless_empty")]
    pub(crate) file: String,
    pub(crate) applied_at: Time,
    /// How many times another configuration was applied since the start.
    pub(crate) reloads: u64,
    /// Why the last reload was refused. `None` once one is applied.
    pub(crate) last_error: Option<String>,
}

/// Limits of the process, and how near they are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) connections: u64,
    pub(crate) max_connections: u64,
    pub(crate) buffered_bytes: u64,
    pub(crate) max_buffered_bytes: u64,
}

/// A route. What is counted is counted since the process started.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) path: String,
    /// `hubspot`, `twenty` or `api-key`.
    pub(crate) scheme: &'static str,
    pub(crate) upstream: String,
    pub(crate) enforce: bool,
    pub(crate) verified: u64,
    /// By reason, those alone that occurred.
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    /// Let through by `enforce = false`, by reason.
    pub(crate) unenforced: BTreeMap<&'static str, u64>,
    pub(crate) last_verified_at: Option<Time>,
    /// The longest time between two verified requests since the start, to the minute. `None` before there were two.
    pub(crate) longest_silence_seconds: Option<f64>,
    pub(crate) app: App,
    pub(crate) secrets: Vec<Secret>,
    /// `None` where the route stores nothing, and before the store has told.
    pub(crate) spool: Option<RouteSpool>,
    /// `None` where no time is signed.
    pub(crate) timestamps: Option<Timestamps>,
    /// The last hour, a minute each, the oldest first: always as many. The last one is not over. As data it is a list
    /// for each count.
    #[serde(serialize_with = "columns")]
    pub(crate) last_hour: Vec<Minute>,
}

/// How an app fares.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct App {
    /// Requests that it answered with less than 500 and not 429.
    pub(crate) ok: u64,
    /// Requests that it answered otherwise, or not.
    pub(crate) failed: u64,
    pub(crate) last_failure: Option<Time>,
    /// The status that it answered then, or the word of the log for what happened.
    pub(crate) last_failure_reason: Option<String>,
    /// How long its answers take, in seconds. `None` before the first.
    pub(crate) seconds: Option<Quantiles>,
    /// The same of the last 10 to 15 minutes. `None` where there was none.
    pub(crate) lately: Option<Lately>,
    /// How long the sender waits for an answer, in seconds, where that is known.
    pub(crate) sender_waits_seconds: Option<f64>,
    /// Answers after that.
    pub(crate) late: u64,
}

/// A value that half of all do not exceed, and one that all but a twentieth do not. Read off a histogram: they are
/// estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
}

/// What a histogram says of the last 10 to 15 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Lately {
    /// How many values there were.
    pub(crate) count: u64,
    pub(crate) p50: Within,
    pub(crate) p95: Within,
}

/// Where a value is, as far as a histogram knows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Within {
    /// An estimate.
    pub(crate) about: f64,
    /// More than that. `None`: nobody knows.
    pub(crate) from: Option<f64>,
    /// At most that. `None`: nobody knows.
    pub(crate) to: Option<f64>,
}

/// A secret, which is known by its id.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) matches: u64,
    pub(crate) last_matched_at: Option<Time>,
    /// From then on it does not match any more.
    pub(crate) not_after: Option<Time>,
}

/// A route's stored events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RouteSpool {
    pub(crate) waiting: u64,
    pub(crate) dead: u64,
    /// When the oldest that waits came.
    pub(crate) oldest_at: Option<Time>,
}

/// The ages of signed timestamps, against what is accepted. In seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Timestamps {
    /// `None` before the first. Negative: from the future.
    pub(crate) age_seconds: Option<Quantiles>,
    /// The same of the last 10 to 15 minutes. `None` where there was none.
    pub(crate) lately: Option<Lately>,
    pub(crate) max_age_seconds: f64,
    pub(crate) max_skew_seconds: f64,
}

/// What happened in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    pub(crate) verified: u32,
    pub(crate) rejected: u32,
    /// Let through by `enforce = false`.
    pub(crate) unenforced: u32,
    /// What the app answered, by [`App`]; deliveries among them.
    pub(crate) app_ok: u32,
    pub(crate) app_failed: u32,
    /// Of what is ok, that it answered with a 4xx but 429.
    pub(crate) app_refused: u32,
}

fn unless_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Some(text)
        .filter(|text| !text.is_empty())
        .serialize(serializer)
}

/// A list for each count: a tenth of what it would take to name each count in each minute.
fn columns<S: Serializer>(minutes: &[Minute], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Columns {
        verified: Vec<u32>,
        rejected: Vec<u32>,
        app_failed: Vec<u32>,
        unenforced: Option<Vec<u32>>,
        app_ok: Option<Vec<u32>>,
        app_refused: Option<Vec<u32>>,
    }
    let column = |of: fn(&Minute) -> u32| -> Vec<u32> { minutes.iter().map(of).collect() };
    // Of a route that never had one, a hundred zeros less.
    let any = |of: fn(&Minute) -> u32| {
        let is_any = minutes.iter().any(|minute| of(minute) > 0);
        is_any.then(|| column(of))
    };
    let columns = Columns {
        verified: column(|minute| minute.verified),
        rejected: column(|minute| minute.rejected),
        app_failed: column(|minute| minute.app_failed),
        unenforced: any(|minute| minute.unenforced),
        app_ok: any(|minute| minute.app_ok),
        app_refused: any(|minute| minute.app_refused),
    };
    columns.serialize(serializer)
}

/// Nothing else happens to what has no route.
fn refused_alone<S: Serializer>(minutes: &[Minute], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(minutes.iter().map(|minute| minute.rejected))
}

/// A request that was refused.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Refusal {
    pub(crate) at: Time,
    /// `none` where it had no route.
    pub(crate) route: String,
    pub(crate) reason: &'static str,
    pub(crate) request_id: String,
    pub(crate) client: String,
    pub(crate) method: Option<String>,
    /// Without its query.
    pub(crate) path: Option<String>,
    /// What explains the reason, in a few words.
    pub(crate) detail: Option<String>,
    /// What was found out about it, where its route has `diagnose = true`: a word, and what to do. Where it takes two,
    /// the word is that of the first.
    pub(crate) finding: Option<&'static str>,
    pub(crate) fix: Option<String>,
}

/// The store that remembers requests.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Replay {
    /// `memory` or `redis`.
    pub(crate) store: &'static str,
    /// `None` where the store does not tell.
    pub(crate) entries: Option<u64>,
    /// How many it remembers at most. `None` with Redis.
    pub(crate) capacity: Option<u64>,
    /// `None` before it was asked.
    pub(crate) ok: Option<bool>,
}

/// The store of events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spool {
    /// `disk` or `nats`.
    pub(crate) store: &'static str,
    /// `None` before it was asked.
    pub(crate) ok: Option<bool>,
    /// The bytes of all events. `None` before the store has told.
    pub(crate) bytes: Option<u64>,
    /// `None` with NATS.
    pub(crate) max_bytes: Option<u64>,
}
