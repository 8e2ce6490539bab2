//! What the answer to a signed request means.

use std::time::SystemTime;

use super::ask::Answer;
use super::report::Line;
use crate::config::RouteConfig;
use crate::verify::{Secret, Timestamp};

pub(super) const CHECK: &str = "send";

/// Whether a request verified, as far as that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// The hookward that serves here counted it.
    Counted,
    /// It did not.
    NotCounted,
    /// None serves here whose counters could be looked at.
    Unseen,
}

/// How a request was sent.
pub(super) struct Sent<'a> {
    /// Its `X-Request-Id`.
    pub(super) id: &'a str,
    /// What it was signed with.
    pub(super) secret: &'a Secret,
    /// It went to the hookward that serves here, and not by its public URL.
    pub(super) is_direct: bool,
    pub(super) verified: Verified,
}

/// Whether the answer leaves open that the request verified: it is neither hookward's refusal nor its word that
/// the app did not answer.
pub(super) fn leaves_open(answer: &Answer, is_direct: bool) -> bool {
    match answer.status {
        400 | 401 | 404 | 405 | 413 | 429 | 503 => !is_hookwards(answer, is_direct),
        502 | 504 => false,
        _ => true,
    }
}

/// Whether the answer may be one of hookward's own: an app would say when it answered, or what.
fn is_hookwards(answer: &Answer, is_direct: bool) -> bool {
    answer.is_bare() && !(is_direct && answer.headers.contains_key("date"))
}

/// The line about it.
pub(super) fn judge(about: String, route: &RouteConfig, answer: &Answer, sent: &Sent<'_>) -> Line {
    let status = answer.status;
    let (id, secret) = (sent.id, &sent.secret.id);
    let whither = if sent.is_direct {
        "to the hookward that serves here"
    } else {
        "to public_url"
    };
    let told = format!("sent {whither} with secret {secret}, answered {status}");
    let failed =
        |why: &str, fix: String| Line::failed(CHECK, about.clone(), format!("{told}: {why}"), fix);
    let see_log = format!("see the log's line with request_id=\"{id}\"");
    if leaves_open(answer, sent.is_direct) {
        return match sent.verified {
            Verified::Counted => answered_by_app(about, &told, status, id),
            Verified::NotCounted if sent.is_direct && route.enforce => {
                let why = "the process that serves did not count it as verified: its configuration is another";
                failed(why, format!("reload it; {see_log}"))
            }
            Verified::NotCounted if sent.is_direct => {
                let why = "it did not verify, and was let through by enforce = false";
                failed(why, see_log)
            }
            Verified::NotCounted => Line::warning(
                CHECK,
                about,
                format!("{told}: the hookward that serves here did not count it as verified"),
                "with several replicas it may have gone to another; else see where public_url leads",
            ),
            Verified::Unseen => Line::warning(
                CHECK,
                about,
                format!("{told}: that hookward verified it cannot be seen from here"),
                format!("ask where hookward runs, or look for request_id=\"{id}\" in its log"),
            ),
        };
    }
    match status {
        401 => {
            let now = Timestamp::from(SystemTime::now());
            let has_ended = sent.secret.not_after.is_some_and(|end| end < now);
            let why = if has_ended {
                "hookward refused it, for the secret has ended"
            } else {
                "hookward refused it: the process that serves has another secret, public_url or clock"
            };
            let fix = format!("reload it if the configuration or a secret has changed; {see_log}");
            failed(why, fix)
        }
        400 | 404 | 405 | 413 => {
            let why = "hookward refused it: the process that serves has another configuration, or what \
                       is in front changes the request";
            failed(why, format!("reload it; {see_log}"))
        }
        429 | 503 => failed("hookward has no room", see_log),
        502 => {
            let fix = format!("see the check of its app, and {see_log}");
            failed("the app could not be reached, or broke off", fix)
        }
        _ => {
            let limit = route.upstream_timeout;
            let why = format!("the app did not answer within upstream_timeout, {limit:?}");
            failed(
                &why,
                "make the app answer first and work afterwards".to_owned(),
            )
        }
    }
}

/// What the app made of a request that verified.
fn answered_by_app(about: String, told: &str, status: u16, id: &str) -> Line {
    match status {
        200..300 => {
            let text = format!("{told}: the app took it, request_id {id}");
            Line::ok(CHECK, about, text)
        }
        300..400 => {
            let text =
                format!("{told}: it verified, and the app redirects, which senders do not follow");
            Line::warning(CHECK, about, text, "let the app answer 2xx itself")
        }
        400..500 => {
            let text = format!("{told}: it verified, and the app does not take this sample");
            Line::warning(CHECK, about, text, "see the app's log, unless it is right")
        }
        _ => {
            let text = format!("{told}: it verified, and the app failed");
            Line::failed(CHECK, about, text, "see the app's log")
        }
    }
}
