//! What may be the matter with a route.

use super::super::super::snapshot::{Refusal, Route, Snapshot, Within};
use super::super::sections;
use super::super::sums::{self, Sum};
use super::super::words::{brief, count, counted, file_word, span, within};
use super::{Found, JUDGED, LATELY, MANY_REFUSED, app, secrets};

const MINUTE: f64 = 60.0;
/// Silence counts if it is that long, and so many times longer than the longest before. Nights are not all as long.
const SILENCE: f64 = 15.0 * MINUTE;
const LONGER_THAN_EVER: f64 = 1.5;
/// A route is silent longer than usual only once it is known what is usual.
const KNOWN_BY: u64 = 20;
/// Clocks that are less apart are well kept.
const CLOCKS_APART: f64 = 1.0;
/// Twice the longest pause between attempts.
const WAITS_LONG: f64 = 10.0 * MINUTE;

pub(super) fn look(snapshot: &Snapshot, route: &Route, found: &mut Found) {
    let lately = Sum::of(sums::last(&route.last_hour, LATELY));
    refusals(snapshot, route, lately, found);
    silence(snapshot, route, found);
    app::look(route, lately, found);
    clock(route, found);
    secrets::look(snapshot.at, route, found);
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
    found.trouble(
        "refusals",
        format!(
            "{} refuses more than it takes: {} refused and {} verified in the last {LATELY} \
             minutes{mostly}",
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
            "Secret or public_url is not the sender's, or a proxy in front changes the request. A \
             forger looks the same. Let one be explained:"
        }
        Some("timestamp_expired" | "timestamp_in_future") => {
            "Compare this machine's clock with another one's; if it is right, the sender's is wrong, \
             or a queue in front delays."
        }
        Some("missing_signature" | "missing_api_key") => {
            "Set the secret at the sender; see whether a proxy in front drops the header. Strangers \
             who try the URL look the same."
        }
        Some("overloaded" | "body_timeout") => {
            "Senders are too slow, or more comes than there is room for: see the limits below."
        }
        Some("replayed") => {
            "Somebody sends the same request again: a proxy's retries, or a sender that saw no \
             answer."
        }
        Some("replay_store_unavailable") => "The replay store does not answer: mend it first.",
        _ => "The last refusals below say what was wrong with each.",
    }
}

fn silence(snapshot: &Snapshot, route: &Route, found: &mut Found) {
    let Some(last) = route.last_verified_at else {
        return;
    };
    // All may have come at once.
    let longest = route.longest_silence_seconds.unwrap_or_default();
    if route.verified < KNOWN_BY {
        return;
    }
    let silent = snapshot.at.0.seconds_since(last.0);
    if silent > SILENCE.max(longest * LONGER_THAN_EVER) {
        found.trouble(
            "silent",
            format!(
                "{} has had no verified request for {}",
                route.name,
                span(silent)
            ),
            format!(
                "Since the start it was never silent for more than {}. Does the sender send, and \
                 does what is in front let it through? Send one:",
                brief(longest.max(MINUTE)),
            ),
            sections::NOTHING_ARRIVES,
        );
        let file = file_word(&snapshot.config.file);
        found.run(format!("hookward doctor --send --config {file}"));
    }
}

fn clock(route: &Route, found: &mut Found) {
    let Some(timestamps) = &route.timestamps else {
        return;
    };
    let Some(lately) = timestamps.lately.filter(|lately| lately.count >= JUDGED) else {
        return;
    };
    let half = lately.p50;
    if half.to.is_some_and(|to| to <= -CLOCKS_APART) {
        let behind = Within {
            about: -half.about,
            from: half.to.map(|to| -to),
            to: half.from.map(|from| -from),
        };
        found.trouble(
            "clock",
            format!(
                "This machine's clock is behind the sender's of {}, by {}",
                route.name,
                within(behind)
            ),
            format!(
                "Synchronise it. Beyond {} requests are refused as timestamp_in_future.",
                brief(timestamps.max_skew_seconds)
            ),
            sections::CLOCK,
        );
    } else if half
        .from
        .is_some_and(|from| from >= timestamps.max_age_seconds / 2.0)
    {
        found.trouble(
            "clock or delay",
            format!(
                "Half of the requests of {} were signed {} before they came",
                route.name,
                within(half)
            ),
            format!(
                "This machine's clock is ahead, or something in front delays them. Beyond {} they \
                 are refused as timestamp_expired.",
                brief(timestamps.max_age_seconds)
            ),
            sections::CLOCK,
        );
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
        found.trouble(
            "dead letters",
            format!("{} of {}", counted(spool.dead, "dead letter"), route.name),
            "The app refused them, or did not take them in time: hookward spool list says why. \
             Once it is mended:",
            sections::DEAD_LETTERS,
        );
        found.run(format!("hookward spool retry --dead --config {file}"));
    }
}
