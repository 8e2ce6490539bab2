//! Timestamps that did not come, cannot be read, or are too far from now.

use super::{is_head_alone, is_signed, told};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::timestamp;
use crate::explain::told::Told;
use crate::verify::Timestamp;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// No time zone is further from UTC, in hours.
const WIDEST_ZONE: u64 = 14;
/// How far from whole hours still smells of a time zone: a request takes its time, and clocks differ.
const ZONE_TOLERANCE: u64 = 2 * MINUTE;
/// A capture that is older, and does not say when it came, is judged at another time than it came.
const OLD: u64 = 12 * HOUR;

/// The timestamp did not come.
pub(super) fn missing(case: &Case<'_>) -> Vec<Told> {
    if case.received.scheme.timestamp_header.is_none() {
        return Vec::new();
    }
    let fix = timestamp::fix_missing(case, &case.received, "");
    vec![told(Finding::TimestampMissing, fix)]
}

/// The timestamp is no time in milliseconds.
pub(super) fn malformed(case: &Case<'_>) -> Vec<Told> {
    let Some(name) = case.received.scheme.timestamp_header else {
        return Vec::new();
    };
    let value = case.header(name).unwrap_or_default();
    if value.is_empty() {
        let fix = timestamp::fix_missing(case, &case.received, " with a value");
        return vec![told(Finding::TimestampMissing, fix)];
    }
    let Some(unit) = timestamp::unit(value) else {
        return Vec::new();
    };
    let signed = if is_signed(case, &case.received) {
        "and was signed so"
    } else {
        "whatever was signed"
    };
    let fix = format!(
        "{name} came {unit}, {signed}; expected milliseconds since the epoch, 13 digits, as {} sends them. Let \
         whatever sends or passes on this request write them so.",
        case.provider.known.display_name
    );
    vec![told(Finding::TimestampUnit, fix)]
}

/// The time is too far from now. Nothing is told where the signature does not match: then anybody may have
/// written it. Where the body was not recorded, what there is to go by is the time beside that of receipt.
pub(super) fn clock(case: &Case<'_>) -> Vec<Told> {
    let Some(signed_at) = Timestamp::parse(&case.received.timestamp) else {
        return Vec::new();
    };
    let is_unread = is_head_alone(case);
    // A scheme that signs no time proves nothing of it.
    let signs_time = case.received.scheme.timestamp_header.is_some();
    if !signs_time || !(is_unread || is_signed(case, &case.received)) {
        return Vec::new();
    }
    let age = case.now.millis_since(signed_at);
    let distance = age.unsigned_abs();
    let side = if age < 0 { "ahead of" } else { "behind" };
    let apart = shown(distance);
    let proof = if is_unread {
        "The body was not read, so the signature is not checked; the time of the request is"
    } else {
        "The time is as it was signed; it is"
    };
    let what = format!("{proof} {apart} {side} the one it was judged at");
    let provider = case.provider.known.display_name;
    let fix = if let Some(zone) = zone(distance) {
        format!(
            "{what}: {zone}, as if one clock were set to another time zone's. Set the clock of this machine (or \
             of an own sender) by NTP, to UTC. If other requests verify on this machine, its clock is right: this \
             one was held back or sent again, or is judged later than it came (then add --at {signed_at})."
        )
    } else if age > 0 && case.capture.recorded_at.is_none() && distance > OLD {
        format!(
            "{what}. An old capture is judged as of when it came: add --at {signed_at}. If it did come so late, \
             it was held back or sent again: {provider} has to sign it anew."
        )
    } else if age > 0 {
        format!(
            "{what}. Either it came late (held back, or sent again with its old signature), or the clocks differ: \
             compare this machine's with a time server, and raise `max_age` only if deliveries are late. For a \
             capture that is judged later than it came, add --at {signed_at}."
        )
    } else {
        format!(
            "{what}. Nothing comes before it was signed: the clock of this machine is slow, or the signer's is \
             fast. Set this one by NTP; `max_skew` is for small differences."
        )
    };
    vec![told(Finding::Clock, fix)]
}

/// Words for a difference as between two time zones: whole hours, as nearly all are.
fn zone(distance: u64) -> Option<String> {
    let hours = distance.saturating_add(ZONE_TOLERANCE).checked_div(HOUR)?;
    let is_near = distance.abs_diff(hours.saturating_mul(HOUR)) <= ZONE_TOLERANCE;
    let is_zone = is_near && (1..=WIDEST_ZONE).contains(&hours);
    let plural = if hours == 1 { "" } else { "s" };
    is_zone.then(|| format!("a whole number of hours ({hours} hour{plural})"))
}

/// A duration in the two largest of its units.
fn shown(millis: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (24 * HOUR, "d"),
        (HOUR, "h"),
        (MINUTE, "min"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let mut rest = millis;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = rest.checked_div(unit).unwrap_or_default();
        rest = rest.checked_rem(unit).unwrap_or_default();
        if count > 0 || !parts.is_empty() {
            parts.push((count, name));
        }
    }
    let largest = parts.iter().take(2).filter(|(count, _)| *count > 0);
    let texts: Vec<String> = largest
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    texts.join(" ")
}
