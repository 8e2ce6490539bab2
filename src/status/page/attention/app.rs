//! An app that fails, refuses or is slow.

use super::super::super::snapshot::Route;
use super::super::sections;
use super::super::sums::Sum;
use super::super::words::{at_least, brief, count, counted};
use super::{Found, JUDGED, LATELY};

/// One failure may be a deployment of the app.
const SOME_FAILED: u64 = 3;
/// If there was nothing else, two are enough.
const ALL_FAILED: u64 = 2;
/// One refusal may be about an event of which the app wants to know nothing.
const SOME_REFUSED: u64 = 3;

pub(super) fn look(route: &Route, lately: Sum, found: &mut Found) {
    failures(route, lately, found);
    refusals(route, lately, found);
    slowness(route, found);
}

fn failures(route: &Route, lately: Sum, found: &mut Found) {
    let (failed, asked) = (lately.app_failed, lately.app_asked());
    let is_all = failed >= ALL_FAILED && failed == asked;
    let is_some = failed >= SOME_FAILED && failed.saturating_mul(10) >= asked;
    if !is_all && !is_some {
        return;
    }
    let reason = route.app.last_failure_reason.as_deref();
    let last = reason.map_or(String::new(), |reason| format!(" (the last: {reason})"));
    let kept = match route.spool {
        Some(_) => "Its events wait and are delivered later.",
        None => {
            "Such events are lost unless the sender repeats them; spool = \"on-failure\" would keep \
             them."
        }
    };
    found.trouble(
        "app fails",
        format!(
            "The app of {} fails: {} of {} in the last {LATELY} minutes{last}",
            route.name,
            count(failed),
            counted(asked, "request"),
        ),
        format!("See whether {} runs, and its log. {kept}", route.upstream),
        sections::APP,
    );
}

fn refusals(route: &Route, lately: Sum, found: &mut Found) {
    let (refused, asked) = (lately.app_refused, lately.app_asked());
    if refused < SOME_REFUSED || refused.saturating_mul(2) <= asked {
        return;
    }
    found.trouble(
        "app refuses",
        format!(
            "The app of {} refuses: it answered 4xx to {} of {} in the last {LATELY} minutes",
            route.name,
            count(refused),
            counted(asked, "request"),
        ),
        format!(
            "They reach {}, which does not want them: compare the path that it serves, and what it \
             asks for, with what the sender sends. Senders take a 4xx for final.",
            route.upstream
        ),
        sections::APP,
    );
}

fn slowness(route: &Route, found: &mut Found) {
    let Some((lately, limit)) = route.app.lately.zip(route.app.sender_waits_seconds) else {
        return;
    };
    let is_slow = lately.p95.from.is_some_and(|from| from >= limit);
    if lately.count < JUDGED || !is_slow {
        return;
    }
    found.trouble(
        "app slow",
        format!(
            "The app of {} is slower than the sender waits: 5 % of its answers take {}, the \
             sender gives up after {}",
            route.name,
            at_least(lately.p95),
            brief(limit)
        ),
        format!(
            "Let the app answer first and work afterwards, or set spool = \"always\". Too late \
             since the start: {}.",
            counted(route.app.late, "answer")
        ),
        sections::APP_SLOW,
    );
}
