//! What may be the matter with a route.

use super::super::super::snapshot::{Quantiles, Refusal, Route, Secret, Snapshot};
use super::super::super::time::Time;
use super::super::plot::{self, Sum};
use super::super::sections;
use super::super::words::{ago, brief, count, counted, file_word, span};
use super::{Found, LATELY};

/// That many refused requests lately are more than somebody's mistyped test.
const MANY_REFUSED: u64 = 10;
/// One failure may be a deployment of the app.
const SOME_FAILED: u64 = 3;
const MINUTE: f64 = 60.0;
const DAY: f64 = 24.0 * 60.0 * MINUTE;
/// Silence counts if it is that long, and so many times longer than a route is silent on average.
const SILENCE: f64 = 15.0 * MINUTE;
const LONGER_THAN_USUAL: f64 = 50.0;
/// A route is silent longer than usual only once it is known what is usual.
const KNOWN_BY: u64 = 20;
/// Clocks that are less apart are well kept.
const CLOCKS_APART: f64 = 2.0;
/// Secrets are exchanged by people, who need days.
const ENDS_SOON: f64 = 14.0 * DAY;
/// Twice the longest pause between attempts.
const WAITS_LONG: f64 = 10.0 * MINUTE;

pub(super) fn look(snapshot: &Snapshot, route: &Route, found: &mut Found) {
    let lately = Sum::of(plot::last(&route.last_hour, LATELY));
    refusals(snapshot, route, lately, found);
    silence(snapshot, route, found);
    app(route, lately, found);
    clock(route, found);
    secrets(snapshot.at, route, found);
    events(snapshot, route, found);
    if !route.enforce {
        found.notice(
            "not enforced",
            format!("{} lets through what does not verify", route.name),
            "It has enforce = false. Set it to true once its senders verify.",
            sections::REFUSED,
        );
    }
}

fn refusals(snapshot: &Snapshot, route: &Route, lately: Sum, found: &mut Found) {
    if lately.rejected < MANY_REFUSED || lately.rejected <= lately.verified {
        return;
    }
    let reason = usual_reason(snapshot, route);
    let mostly = reason.map_or(String::new(), |reason| format!(", mostly {reason}"));
    found.trouble("refusals", 
        format!(
            "{} refuses more than it takes: {} refused and {} verified in the last {LATELY} minutes{mostly}",
            route.name,
            count(lately.rejected),
            count(lately.verified)
        ),
        advice(reason),
        sections::REFUSED,
    );
    if reason == Some("signature_mismatch") {
        let file = file_word(&snapshot.config.file);
        found.run(format!("hookward explain --config {file} --request FILE"));
    }
}

/// The commonest of the last refusals; of older ones where none is kept.
fn usual_reason(snapshot: &Snapshot, route: &Route) -> Option<&'static str> {
    let of_route = |refusal: &&Refusal| refusal.route == route.name;
    let kept = snapshot.recent_refusals.iter().filter(of_route);
    let reasons: Vec<&str> = kept.map(|refusal| refusal.reason).collect();
    let often = |reason: &str| reasons.iter().filter(|other| **other == reason).count();
    let mut known: Vec<&'static str> = route.rejected.keys().copied().collect();
    known.sort_by_key(|reason| (often(reason), route.rejected.get(reason).copied()));
    known.last().copied()
}

fn advice(reason: Option<&str>) -> &'static str {
    match reason {
        Some("signature_mismatch") => {
            "Secret or public_url is not the sender's, or a proxy in front changes the request: A forger looks the \
             same. Let one be explained:"
        }
        Some("timestamp_expired" | "timestamp_in_future") => {
            "Compare this machine's clock with another one's; if it is right, the sender's or a queue in front delays."
        }
        Some("missing_signature" | "missing_api_key") => {
            "Set the secret at the sender; see whether a proxy in front drops the header. Strangers who try the URL \
             look the same."
        }
        Some("overloaded" | "body_timeout") => {
            "Senders are too slow, or more comes than there is room for: see the limits below."
        }
        Some("replayed") => {
            "Somebody sends the same request again: a proxy's retries, or a sender that saw no answer."
        }
        Some("replay_store_unavailable") => "The replay store does not answer: mend it first.",
        _ => "The last refusals below say what was wrong with each.",
    }
}

fn silence(snapshot: &Snapshot, route: &Route, found: &mut Found) {
    let Some(last) = route.last_verified_at else {
        return;
    };
    if route.verified < KNOWN_BY {
        return;
    }
    let usual = last.0.seconds_since(snapshot.started_at.0) / route.verified as f64;
    let silent = snapshot.at.0.seconds_since(last.0);
    if silent > SILENCE.max(usual * LONGER_THAN_USUAL) {
        found.trouble("silent", 
            format!(
                "{} has had no verified request for {}",
                route.name,
                span(silent)
            ),
            format!(
                "Until then one came every {} on average. Does the sender send, and does what is in front let it \
                 through? Send one:",
                brief(usual),
            ),
            sections::NOTHING_ARRIVES,
        );
        let file = file_word(&snapshot.config.file);
        found.run(format!("hookward doctor --send --config {file}"));
    }
}

fn app(route: &Route, lately: Sum, found: &mut Found) {
    let app = &route.app;
    let failed = lately.app_failed;
    let is_all = failed > 0 && failed >= lately.verified;
    if is_all || (failed >= SOME_FAILED && failed.saturating_mul(10) >= lately.verified) {
        let reason = app.last_failure_reason.as_deref();
        let last = reason.map_or(String::new(), |reason| format!(" (the last: {reason})"));
        let kept = match route.spool {
            Some(_) => "Its events wait and are delivered later.",
            None => {
                "Such events are lost unless the sender repeats them; spool = \"on-failure\" would keep them."
            }
        };
        found.trouble(
            "app fails",
            format!(
                "The app of {} fails: {} of {} in the last {LATELY} minutes{last}",
                route.name,
                count(failed),
                counted(lately.verified.max(failed), "request"),
            ),
            format!("See whether {} runs, and its log. {kept}", route.upstream),
            sections::APP,
        );
    }
    if let (Some(Quantiles { p95, .. }), Some(limit)) = (app.seconds, app.sender_waits_seconds)
        && p95 > limit
    {
        found.trouble("app slow", 
            format!(
                "The app of {} is slower than the sender waits: 5 % of its answers take over {}, the sender gives up \
                 after {}",
                route.name,
                brief(p95),
                brief(limit)
            ),
            format!(
                "Let the app answer first and work afterwards, or set spool = \"always\". {} came too late so far.",
                counted(app.late, "answer")
            ),
            sections::ANSWERS,
        );
    }
}

fn clock(route: &Route, found: &mut Found) {
    let Some(timestamps) = &route.timestamps else {
        return;
    };
    let Some(Quantiles { p50, .. }) = timestamps.age_seconds else {
        return;
    };
    if p50 < -CLOCKS_APART {
        found.trouble(
            "clock",
            format!(
                "This machine's clock is behind the sender's of {} by {}",
                route.name,
                brief(-p50)
            ),
            format!(
                "Synchronise it. Beyond {} requests are refused as timestamp_in_future.",
                brief(timestamps.max_skew_seconds)
            ),
            sections::DOCTOR,
        );
    } else if p50 > timestamps.max_age_seconds / 2.0 {
        found.trouble("clock or delay", 
            format!(
                "Requests of {} were signed {} before they come",
                route.name,
                brief(p50)
            ),
            format!(
                "This machine's clock is ahead, or something in front delays them. Beyond {} they are refused as \
                 timestamp_expired.",
                brief(timestamps.max_age_seconds)
            ),
            sections::DOCTOR,
        );
    }
}

fn secrets(now: Time, route: &Route, found: &mut Found) {
    let has_ended = |secret: &Secret| secret.not_after.is_some_and(|end| end <= now);
    let lasting = route.secrets.iter().filter(|secret| !has_ended(secret));
    let lasting = lasting.count();
    if lasting == 0 && !route.secrets.is_empty() {
        found.trouble(
            "secrets ended",
            format!("All secrets of {} have ended", route.name),
            "Every request is refused. Add the secret that the sender signs with.",
            sections::ROTATING,
        );
        return;
    }
    for secret in &route.secrets {
        let Some(end) = secret.not_after else {
            continue;
        };
        let remaining = end.0.seconds_since(now.0);
        let what = |verb: &str| {
            let Secret { id, .. } = secret;
            let when = ago(end, now);
            format!("Secret {id} of {} {verb} {when}", route.name)
        };
        let used = secret.last_matched_at;
        if remaining <= 0.0 {
            let at_the_end = used.is_some_and(|used| end.0.seconds_since(used.0) < DAY);
            let mut others = route.secrets.iter().filter(|other| other.id != secret.id);
            if at_the_end && !others.any(|other| other.last_matched_at > Some(end)) {
                found.trouble("secret ended", 
                    what("ended"),
                    "The sender signed with it until then, and with no other since: give it the new one.",
                    sections::ROTATING,
                );
            } else {
                found.notice(
                    "secret ended",
                    what("ended"),
                    "Remove it from the configuration.",
                    sections::ROTATING,
                );
            }
        } else if remaining < ENDS_SOON {
            if lasting == 1 {
                found.trouble(
                    "secret ends",
                    what("ends"),
                    "It is the last one: add the next, and give it to the sender.",
                    sections::ROTATING,
                );
            } else if used.is_some_and(|used| now.0.seconds_since(used.0) < DAY) {
                found.trouble(
                    "secret ends",
                    what("ends"),
                    "The sender still signs with it: give it the new one.",
                    sections::ROTATING,
                );
            }
        }
    }
}

fn events(snapshot: &Snapshot, route: &Route, found: &mut Found) {
    let Some(spool) = &route.spool else { return };
    let file = file_word(&snapshot.config.file);
    if let Some(oldest) = spool.oldest_at {
        let waits = snapshot.at.0.seconds_since(oldest.0);
        if waits > WAITS_LONG {
            found.trouble(
                "events wait",
                format!(
                    "{} of {} {} for the app, the oldest for {}",
                    counted(spool.waiting, "event"),
                    route.name,
                    if spool.waiting == 1 { "waits" } else { "wait" },
                    span(waits)
                ),
                "They are delivered once the app takes them. Why it does not:",
                sections::EVENTS_WAIT,
            );
            found.run(format!("hookward spool list --config {file}"));
        }
    }
    if spool.dead > 0 {
        found.trouble("dead letters", 
            format!("{} of {}", counted(spool.dead, "dead letter"), route.name),
            "The app refused them, or did not take them in time: hookward spool list says why. Once it is mended:",
            sections::DEAD_LETTERS,
        );
        found.run(format!("hookward spool retry --dead --config {file}"));
    }
}
