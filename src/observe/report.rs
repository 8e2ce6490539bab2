//! The one place where a refusal becomes known: the metrics, the log and the recent refusals.

use super::limits::LogLimits;
use super::metrics::{RouteMetrics, Verdict};
use super::recent::{Recent, RefusalId};
use super::refusals::{Asked, Judged, Refused};
use crate::reason::Reason;

/// Counts it and, within the route's limit, logs it. A refusal that is logged is also kept in `recent`, under the id
/// that is returned; a request that is let through is not. The record is made only where it is logged: a flood of
/// forgeries must cost little.
pub fn record(
    judged: Judged,
    metrics: &RouteMetrics,
    limits: &LogLimits,
    recent: Option<&Recent>,
    refused: impl FnOnce() -> Refused,
) -> Option<RefusalId> {
    let (event, limit, recent) = match judged.http_status {
        Some(status) => {
            metrics.count_verdict(judged.scheme, Verdict::Rejected(judged.reason));
            metrics.count_own_answer(status);
            ("refused", &limits.refused, recent)
        }
        None => {
            metrics.count_verdict(judged.scheme, Verdict::Unenforced(judged.reason));
            ("unenforced", &limits.unenforced, None)
        }
    };
    if !limit.allows() {
        return None;
    }
    let refused = refused();
    log(event, &refused);
    recent.map(|recent| recent.keep(refused))
}

fn log(event: &'static str, refused: &Refused) {
    let Asked {
        request_id,
        client,
        method,
        path,
    } = &refused.request;
    let Judged {
        scheme,
        reason,
        http_status,
    } = refused.judged;
    let explanation = &refused.explanation;
    tracing::warn!(
        event,
        route = &*refused.route,
        reason = reason.as_str(),
        http_status,
        scheme,
        request_id,
        client,
        method,
        path,
        detail = explanation.text.as_deref(),
        about = explanation.about,
        version = explanation.version,
        timestamp_received = explanation.timestamp_received,
        our_clock = explanation.our_clock,
        age_ms = explanation.age_ms,
        signed_origin = explanation.signed_origin,
        signed_path = explanation.signed_path,
        public_host = explanation.public_host,
        query_bytes = explanation.query_bytes,
        body_bytes = explanation.body_bytes,
        content_type = explanation.content_type,
        content_encoding = explanation.content_encoding,
        secrets_tried = explanation.secrets_tried,
        limit = explanation.limit,
        declared = explanation.declared,
        counted = explanation.counted,
        header_bytes = explanation.header_bytes,
        "{}{}",
        in_words(reason),
        if http_status.is_none() {
            "; let through, because the route has enforce = false"
        } else {
            ""
        },
    );
}

/// A reason as a sentence.
fn in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::BadRequest => "the request cannot be read safely",
        Reason::BadTarget => "the URL has a part that it must not have, or a host that is not ours",
        Reason::NoRoute => "no route has this path",
        Reason::MethodNotAllowed => "the route does not take this method",
        Reason::BodyTooLarge => "the body is larger than max_body_bytes",
        Reason::DuplicateHeader => "what may be sent once was sent twice",
        Reason::MissingSignature => "the request has no signature",
        Reason::MissingApiKey => "the request has no API key",
        Reason::UnacceptedVersion => "the signature's version is not one that the route accepts",
        Reason::MalformedSignature => "the signature does not look like one of its scheme",
        Reason::MissingTimestamp => "the request has no timestamp",
        Reason::MalformedTimestamp => "the timestamp is not 13 digits",
        Reason::TimestampExpired => "the timestamp is older than max_age",
        Reason::TimestampInFuture => "the timestamp is further ahead than max_skew",
        Reason::Overloaded => "there is no room for the request now",
        Reason::BodyTimeout => "the body did not arrive within body_timeout",
        Reason::SignatureMismatch => "none of the route's secrets gives this signature",
        Reason::ApiKeyMismatch => "the API key is none of the route's",
        Reason::Replayed => "the same request came before",
        Reason::ReplayStoreUnavailable => {
            "the replay store does not say whether the request came before"
        }
    }
}
