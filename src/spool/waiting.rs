//! How many events of a route wait, as far as this process knows: a live request of a route with `spool_in_order` must not
//! come before them.
//!
//! The store says it now and then, since others change it too. Between, what this process changes is counted. An answer of
//! the store that may have one of our own changes, or not, counts for nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many events of a route wait.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Count>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// `None` until the store has said it.
    waiting: Option<u64>,
    /// How many changes are being made: the store may have them already, or not yet.
    under_way: u64,
    /// How often one was begun.
    changes: u64,
}

/// A change of what is stored, while it is being made.
pub(super) struct Change<'a>(&'a Waiting);

impl Change<'_> {
    /// One more waits, or is about to.
    pub(super) fn one_more(&self) {
        self.0.count().add(|waiting| waiting.saturating_add(1));
    }

    /// One less waits.
    pub(super) fn one_less(&self) {
        self.0.count().add(|waiting| waiting.saturating_sub(1));
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut count = self.0.count();
        count.under_way = count.under_way.saturating_sub(1);
    }
}

impl Count {
    fn add(&mut self, change: impl FnOnce(u64) -> u64) {
        self.waiting = self.waiting.map(change);
    }
}

impl Waiting {
    /// Whether events of the route wait. Until the store has said how many, it is supposed so.
    pub(super) fn is_any(&self) -> bool {
        self.count().waiting != Some(0)
    }

    /// From now on what is stored is being changed.
    pub(super) fn change(&self) -> Change<'_> {
        let mut count = self.count();
        count.under_way = count.under_way.saturating_add(1);
        count.changes = count.changes.wrapping_add(1);
        drop(count);
        Change(self)
    }

    /// How often a change was begun; `None` while one is under way, and what the store says may have it or not.
    pub(super) fn changes(&self) -> Option<u64> {
        let count = self.count();
        (count.under_way == 0).then_some(count.changes)
    }

    /// The store says that so many wait. It was asked after so many changes: if there have been others since, they may
    /// not be in its answer.
    pub(super) fn learn(&self, waiting: u64, changes: u64) {
        let mut count = self.count();
        if count.changes == changes {
            count.waiting = Some(waiting);
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_supposed_until_the_store_has_said_it() {
        let waiting = Waiting::default();
        assert!(waiting.is_any());
        waiting.learn(0, waiting.changes().unwrap());
        assert!(!waiting.is_any());
    }

    #[test]
    fn what_changes_while_the_store_is_asked_makes_its_answer_void() {
        let waiting = Waiting::default();
        let asked = waiting.changes().unwrap();
        waiting.learn(0, asked);
        let change = waiting.change();
        change.one_more();
        assert_eq!(waiting.changes(), None);
        // The store was asked before.
        waiting.learn(0, asked);
        assert!(waiting.is_any());
        drop(change);
        waiting.learn(0, asked);
        assert!(waiting.is_any());
        let change = waiting.change();
        change.one_less();
        drop(change);
        assert!(!waiting.is_any());
        waiting.learn(3, waiting.changes().unwrap());
        assert!(waiting.is_any());
    }
}
