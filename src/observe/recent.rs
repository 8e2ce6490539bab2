//! The last refusals, for whoever wants to see at a glance what is refused.
//!
//! They are few, and only those are kept that the log has, too: a flood of forgeries costs no more than its lines in
//! the log. What is found out about one later finds it by a number that is given here: nothing that a sender chooses,
//! such as its request id, says which refusal is meant. Requests that have no route take half of the places at most
//! where others need them: whoever tries paths does not push out what a route refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::metrics::NONE;
use super::refusals::Refused;

/// How many are kept.
pub const MAX_KEPT: usize = 50;
/// How many of them may have no route, where others need their places.
const MAX_UNROUTED: usize = 25;
/// How many findings are kept of one: there are two where it takes both.
const MAX_FINDINGS: usize = 2;
/// How much is kept of what to do about a finding, in characters.
const MAX_FIX_CHARS: usize = 1_000;

/// The last refusals.
#[derive(Debug)]
pub struct Recent(Mutex<State>);

#[derive(Debug)]
struct State {
    next: u64,
    /// The newest last.
    kept: VecDeque<Arc<Kept>>,
}

/// Which refusal is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalId(u64);

/// A refusal, and what is known of it.
#[derive(Clone, Debug)]
pub struct Kept {
    id: RefusalId,
    /// The refusal.
    pub refused: Refused,
    /// What was found out about it.
    pub findings: Vec<Found>,
}

/// A cause of a mismatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its word.
    pub finding: &'static str,
    /// What to do.
    pub fix: String,
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: 0,
            kept: VecDeque::with_capacity(MAX_KEPT.saturating_add(1)),
        }))
    }
}

impl Recent {
    /// Keeps a refusal, in the place of the oldest, or of the oldest without a route.
    pub fn keep(&self, refused: Refused) -> RefusalId {
        let mut state = self.lock();
        let id = RefusalId(state.next);
        state.next = state.next.wrapping_add(1);
        state.kept.push_back(Arc::new(Kept {
            id,
            refused,
            findings: Vec::new(),
        }));
        let oldest = take_surplus(&mut state.kept);
        drop(state);
        // Freed while nobody waits.
        drop(oldest);
        id
    }

    /// Adds what was found out about a refusal, if it is still kept.
    pub fn add_finding(&self, id: RefusalId, mut found: Found) {
        if let Some((end, _)) = found.fix.char_indices().nth(MAX_FIX_CHARS) {
            found.fix.truncate(end);
        }
        let mut state = self.lock();
        let mut kept = state.kept.iter_mut().rev();
        if let Some(kept) = kept.find(|kept| kept.id == id)
            && kept.findings.len() < MAX_FINDINGS
        {
            // Copied only where somebody looks at it just then.
            Arc::make_mut(kept).findings.push(found);
        }
    }

    /// All that are kept, the newest first. They are shared: requests wait while they are gathered.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Kept>> {
        self.lock().kept.iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_surplus(kept: &mut VecDeque<Arc<Kept>>) -> Option<Arc<Kept>> {
    if kept.len() <= MAX_KEPT {
        return None;
    }
    let mut unrouted = (0..)
        .zip(&*kept)
        .filter(|(_, kept)| &*kept.refused.route == NONE);
    let oldest = unrouted.next().map_or(0, |(place, _)| place);
    let is_over = unrouted.count() >= MAX_UNROUTED;
    kept.remove(if is_over { oldest } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::super::refusals::{Asked, Explanation, Judged};
    use super::*;
    use crate::reason::Reason;
    use crate::verify::Timestamp;

    fn refused(at: u64) -> Refused {
        Refused {
            at: Timestamp::from_millis(at),
            route: "r".into(),
            judged: Judged {
                scheme: "twenty",
                reason: Reason::SignatureMismatch,
                http_status: Some(401),
            },
            request: Asked::new("the same id", "127.0.0.1", Some("POST"), Some(b"/in")),
            explanation: Box::new(Explanation::default()),
        }
    }

    fn found(fix: &str) -> Found {
        Found {
            finding: "body_newline",
            fix: fix.to_owned(),
        }
    }

    #[test]
    fn the_last_fifty_are_kept_the_newest_first() {
        let recent = Recent::default();
        for at in 0..1_000 {
            recent.keep(refused(at));
        }
        let all = recent.all();
        let times = all.iter().map(|kept| kept.refused.at);
        let expected: Vec<_> = (950..1_000).rev().map(Timestamp::from_millis).collect();
        assert_eq!(times.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn those_without_a_route_leave_others_half_of_the_places() {
        let recent = Recent::default();
        for at in 0..30 {
            recent.keep(refused(at));
        }
        for at in 30..1_000 {
            let route = NONE.into();
            recent.keep(Refused {
                route,
                ..refused(at)
            });
        }
        let all = recent.all();
        let times: Vec<_> = all.iter().map(|kept| kept.refused.at).collect();
        let expected = (975..1_000).rev().chain((5..30).rev());
        let expected: Vec<_> = expected.map(Timestamp::from_millis).collect();
        assert_eq!(times, expected);
    }

    #[test]
    fn what_is_found_out_goes_to_the_one_that_is_meant() {
        let recent = Recent::default();
        let first = recent.keep(refused(1));
        let second = recent.keep(refused(2));
        recent.add_finding(first, found("a"));
        recent.add_finding(second, found("b"));
        for _ in 0..10 {
            recent.add_finding(second, found("c"));
        }
        let all = recent.all();
        assert_eq!(all[1].findings, [found("a")]);
        assert_eq!(all[0].findings.len(), MAX_FINDINGS);
        for at in 3..60 {
            recent.keep(refused(at));
        }
        recent.add_finding(first, found("too late"));
        assert!(recent.all().iter().all(|kept| kept.findings.is_empty()));
    }

    #[test]
    fn who_looks_copies_nothing_and_keeps_what_was_seen() {
        let recent = Recent::default();
        let id = recent.keep(refused(1));
        let (seen, again) = (recent.all(), recent.all());
        assert!(Arc::ptr_eq(&seen[0], &again[0]));
        recent.add_finding(id, found("a"));
        assert!(seen[0].findings.is_empty());
        assert_eq!(recent.all()[0].findings, [found("a")]);
    }

    #[test]
    fn what_to_do_has_a_limit() {
        let recent = Recent::default();
        let id = recent.keep(refused(1));
        recent.add_finding(id, found(&"ä".repeat(5_000)));
        let all = recent.all();
        assert_eq!(all[0].findings[0].fix.chars().count(), MAX_FIX_CHARS);
    }
}
