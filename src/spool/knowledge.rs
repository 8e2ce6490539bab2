//! What is known of a store from what it answered, for those who must not wait for it: a page that shows how things are
//! has to be there when the store is not.
//!
//! The store is asked once a second what there is, whoever wants to know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{StoreError, Totals};
use crate::verify::Timestamp;

/// For how long a store that did not keep an event is said not to do its part, in milliseconds. It may go on to answer
/// what there is: a full disk does.
const MINUTE: i64 = 60_000;

/// What is known of a store.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    counted: Mutex<Counted>,
    /// When an event was last not kept, in milliseconds. 0: the last one was.
    not_kept: AtomicU64,
}

#[derive(Debug, Default)]
struct Counted {
    /// It answered when it was last asked. `None` before it was asked.
    is_ok: Option<bool>,
    /// What it last answered.
    totals: Option<Totals>,
}

/// A store as it is seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct SpoolSeen {
    /// What it is, as `spool.store` names it.
    pub(crate) store: &'static str,
    /// How many bytes all events may take; `None` where the store is not told that.
    pub(crate) max_bytes: Option<u64>,
    /// Whether it does its part; `None` before that is known.
    pub(crate) is_ok: Option<bool>,
    /// How many events there are, as it last said; `None` before it has.
    pub(crate) totals: Option<Totals>,
}

impl Knowledge {
    /// The store said what there is, or did not answer.
    pub(super) fn counted(&self, totals: Option<&Totals>) {
        let mut counted = self.lock();
        counted.is_ok = Some(totals.is_some());
        if let Some(totals) = totals {
            counted.totals = Some(totals.clone());
        }
    }

    /// The store was asked at the time `now` to keep an event.
    pub(super) fn put(&self, kept: Result<&(), &StoreError>, now: Timestamp) {
        let at = match kept {
            Ok(()) => 0,
            // It is the event's own fault.
            Err(StoreError::TooLarge(_)) => return,
            Err(_) => now.as_millis(),
        };
        // Written only where it changes: all requests share it.
        if self.not_kept.load(Ordering::Relaxed) != at {
            self.not_kept.store(at, Ordering::Relaxed);
        }
    }

    /// Whether the store does its part at the time `now`, and how many events it has.
    pub(super) fn now(&self, now: Timestamp) -> (Option<bool>, Option<Totals>) {
        let not_kept = self.not_kept.load(Ordering::Relaxed);
        let since = now.millis_since(Timestamp::from_millis(not_kept));
        // Beyond both ends: a clock that is set back makes no minute longer.
        let keeps = not_kept == 0 || !(-MINUTE..=MINUTE).contains(&since);
        let counted = self.lock();
        let is_ok = if keeps { counted.is_ok } else { Some(false) };
        (is_ok, counted.totals.clone())
    }

    /// Whether the store did not answer when it was last asked.
    pub(super) fn is_away(&self) -> bool {
        self.lock().is_ok == Some(false)
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).after(Duration::from_secs(seconds))
    }

    fn totals(bytes: u64) -> Totals {
        Totals {
            routes: Vec::new(),
            bytes,
        }
    }

    #[test]
    fn what_it_last_said_is_known_while_it_says_nothing() {
        let knowledge = Knowledge::default();
        assert_eq!(knowledge.now(at(0)), (None, None), "not asked yet");
        knowledge.counted(Some(&totals(7)));
        assert_eq!(knowledge.now(at(0)), (Some(true), Some(totals(7))));
        assert!(!knowledge.is_away());
        knowledge.counted(None);
        assert!(knowledge.is_away());
        assert_eq!(knowledge.now(at(0)), (Some(false), Some(totals(7))));
        knowledge.counted(Some(&totals(8)));
        assert_eq!(knowledge.now(at(0)), (Some(true), Some(totals(8))));
    }

    #[test]
    fn one_that_keeps_nothing_does_not_do_its_part_for_a_minute() {
        let knowledge = Knowledge::default();
        knowledge.counted(Some(&totals(7)));
        let answers = |seconds| knowledge.now(at(seconds)).0.unwrap();
        let too_large = StoreError::TooLarge(String::new());
        knowledge.put(Err(&too_large), at(0));
        assert!(answers(0));
        knowledge.put(Err(&StoreError::Full), at(10));
        assert!(!answers(10) && !answers(70));
        assert!(answers(71));
        knowledge.put(Err(&StoreError::Slow), at(100));
        knowledge.put(Ok(&()), at(101));
        assert!(answers(101));
        let unasked = Knowledge::default();
        unasked.put(Err(&StoreError::Slow), at(100));
        assert_eq!(unasked.now(at(100)).0, Some(false));
    }
}
