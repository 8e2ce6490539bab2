//! Secrets that end.

use super::super::super::snapshot::{Route, Secret};
use super::super::super::time::Time;
use super::super::sections;
use super::super::words::ago;
use super::Found;

const DAY: f64 = 24.0 * 60.0 * 60.0;
/// Secrets are exchanged by people, who need days.
const ENDS_SOON: f64 = 14.0 * DAY;

pub(super) fn look(now: Time, route: &Route, found: &mut Found) {
    let has_ended = |secret: &Secret| secret.not_after.is_some_and(|end| end <= now);
    let lasting = route.secrets.iter().filter(|secret| !has_ended(secret));
    let lasting = lasting.count();
    if lasting == 0 && !route.secrets.is_empty() {
        found.trouble(
            "secrets ended",
            format!("All secrets of {} have ended", route.name),
            "Every request is refused. Add the secret that the sender signs with.",
            sections::NO_SECRET,
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
                found.trouble(
                    "secret ended",
                    what("ended"),
                    "The sender signed with it until then, and with no other since: give it the \
                     new one.",
                    sections::SECRET_ENDS,
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
                    sections::NO_SECRET,
                );
            } else if used.is_some_and(|used| now.0.seconds_since(used.0) < DAY) {
                found.trouble(
                    "secret ends",
                    what("ends"),
                    "The sender still signs with it: give it the new one.",
                    sections::SECRET_ENDS,
                );
            }
        }
    }
}
