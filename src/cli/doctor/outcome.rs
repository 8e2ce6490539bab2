//! What the answer to a signed request means.

use std::time::SystemTime;

use super::ask::Answer;
use super::report::Line;
use crate::config::RouteConfig;
use crate::verify::{Secret, Timestamp};

pub(super) const CHECK: &str = "send";

/// How a request was sent.
pub(super) struct Sent<'a> {
    /// Its `X-Request-Id`.
    pub(super) id: &'a str,
    /// What it was signed with.
    pub(super) secret: &'a Secret,
    /// It went to the hookward that serves here, and not by its public URL.
    pub(super) is_direct: bool,
    /// The hookward that serves did not count it as verified.
    pub(super) is_unverified: bool,
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
    if sent.is_unverified {
        let why = "it did not verify, and was let through by enforce = false";
        return failed(why, see_log);
    }
    // An app would say when it answered, or what.
    let is_hookwards = answer.is_bare() && !(sent.is_direct && answer.headers.contains_key("date"));
    match status {
        200..300 => Line::ok(
            CHECK,
            about,
            format!("{told}: the app took it, request_id {id}"),
        ),
        401 if is_hookwards => {
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
        400 | 404 | 405 | 413 if is_hookwards => {
            let why = "hookward refused it: the process that serves has another configuration, or what \
                       is in front changes the request";
            failed(why, format!("reload it; {see_log}"))
        }
        429 | 503 if is_hookwards => failed("hookward has no room", see_log),
        502 => {
            let fix = format!("see the check of its app, and {see_log}");
            failed("the app could not be reached, or broke off", fix)
        }
        504 => {
            let limit = route.upstream_timeout;
            let why = format!("the app did not answer within upstream_timeout, {limit:?}");
            failed(
                &why,
                "make the app answer first and work afterwards".to_owned(),
            )
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
        _ => failed(
            "it verified, and the app failed",
            "see the app's log".to_owned(),
        ),
    }
}
