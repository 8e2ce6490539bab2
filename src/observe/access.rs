//! The access log: one line for each request of a route that has `access_log = true`, made once the request has ended.
//!
//! It is not limited to so many a second, as other lines are that senders cause: one that leaves requests out without a
//! word is of no use. The memory for lines that wait to be written bounds it, and counts what it leaves out.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::Verdict;
use super::refusals::Asked;
use crate::reason::Reason;
use crate::verify::Timestamp;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    App,
    Hookward,
}

/// Who did not see a request to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokenOffBy {
    /// It went away or cut its body short, or did not take the answer.
    Sender,
    /// It ended its answer before that was whole.
    App,
    /// It stopped, or has a fault.
    Hookward,
}

/// What became of a request, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How it was judged; none where it ended before.
    pub(crate) verdict: Option<Verdict>,
    /// By what it was judged, as in the metrics.
    pub(crate) scheme: Option<&'static str>,
    /// The id of the secret that matched.
    pub(crate) secret: Option<Arc<str>>,
    /// The time that was signed.
    pub(crate) signed_at: Option<Timestamp>,
    /// How old that was when the head had come, in milliseconds; negative: from the future.
    pub(crate) age_ms: Option<i64>,
    /// How much of its body came.
    pub(crate) body_bytes: Option<u64>,
    /// The status of the answer, and whose it was; none where there was no answer.
    pub(crate) answer: Option<(u16, Origin)>,
    /// The status that the app gave, where the sender got another.
    pub(crate) app_status: Option<u16>,
    /// Why the app's answer did not reach the sender, in a word.
    pub(crate) error: Option<&'static str>,
    /// How often it was sent to the app, or begun to be.
    pub(crate) attempts: Option<u32>,
    /// From handing it to the app to the end of the answer.
    pub(crate) upstream: Option<Duration>,
    /// How much of the app's body was passed on.
    pub(crate) answer_bytes: Option<u64>,
    /// The event as which it was stored.
    pub(crate) delivery: Option<String>,
    pub(crate) broken_off_by: Option<BrokenOffBy>,
}

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// What was spoken, as ALPN calls it.
    pub(crate) protocol: &'static str,
    pub(crate) is_tls: bool,
}

/// Whether such lines are written at all.
pub(crate) fn is_written() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

/// Writes the line of a request that has ended. `took`: from the end of its head to the end of the answer.
pub(crate) fn log(route: &str, asked: &Asked, way: Way, outcome: &Outcome, took: Duration) {
    let (status, origin) = outcome.answer.unzip();
    let (verdict, reason) = outcome.verdict.map(words).unzip();
    tracing::info!(
        event = "request",
        route,
        request_id = asked.request_id,
        client = asked.client,
        method = asked.method,
        path = asked.path,
        http_status = status,
        origin = origin.map(Origin::as_str),
        verdict,
        reason = reason.flatten().map(Reason::as_str),
        scheme = outcome.scheme,
        secret = outcome.secret.as_deref(),
        signed_at = outcome.signed_at.map(Timestamp::as_millis),
        age_ms = outcome.age_ms,
        body_bytes = outcome.body_bytes,
        answer_bytes = outcome.answer_bytes,
        app_status = outcome.app_status,
        error = outcome.error,
        delivery = outcome.delivery,
        attempts = outcome.attempts,
        upstream_ms = outcome.upstream.map(millis),
        took_ms = millis(took),
        broken_off_by = outcome.broken_off_by.map(BrokenOffBy::as_str),
        protocol = way.protocol,
        is_tls = way.is_tls,
        "a request has ended"
    );
}

/// A verdict, and the reason where there is one.
fn words(verdict: Verdict) -> (&'static str, Option<Reason>) {
    let (word, _) = verdict.labels();
    match verdict {
        Verdict::Verified => (word, None),
        Verdict::Rejected(reason) | Verdict::Unenforced(reason) => (word, Some(reason)),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Hookward => "hookward",
        }
    }
}

impl BrokenOffBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::App => "app",
            Self::Hookward => "hookward",
        }
    }
}
