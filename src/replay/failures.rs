//! What an operator is told while a store does not answer: at most a line a second, with how many failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::store::StoreError;
use crate::config::OnStoreFailure;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Failures that were not logged yet, and when one last was.
#[derive(Debug)]
pub(super) struct Failures {
    /// Where the store is.
    place: String,
    state: Mutex<State>,
    /// Something was logged since the store last recovered.
    is_told: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    last: Option<Instant>,
}

impl Failures {
    /// None yet, of the store that is there.
    pub(super) fn of(place: String) -> Self {
        Self {
            place,
            state: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// Makes a failed claim known.
    pub(super) fn log(&self, error: &StoreError, on_failure: OnStoreFailure) {
        let told = self.lock().count_one(Instant::now());
        if let Some(count) = told {
            self.is_told.store(true, Ordering::Relaxed);
            tracing::error!(
                event = "replay_store_failed",
                store = self.place,
                error = %error,
                count,
                on_store_failure = on_failure.as_str(),
                "the replay store does not say whether requests came before"
            );
        }
    }

    /// Makes it known that the connection is of no use, or cannot be made.
    pub(super) fn tell(&self, error: &StoreError) {
        let told = self.lock().may_tell(Instant::now());
        if let Some(count) = told {
            self.is_told.store(true, Ordering::Relaxed);
            tracing::error!(
                event = "replay_store_failed",
                store = self.place,
                error = %error,
                count,
                "the replay store is not reached"
            );
        }
    }

    /// A claim was answered. Where the last failure is some time ago, the store has recovered.
    pub(super) fn has_answered(&self) {
        if self.is_told.load(Ordering::Relaxed) && self.lock().is_quiet(Instant::now()) {
            self.are_over();
        }
    }

    /// The store answers again.
    pub(super) fn are_over(&self) {
        if self.is_told.swap(false, Ordering::Relaxed) {
            tracing::info!(
                event = "replay_store_recovered",
                store = self.place,
                "the replay store answers again"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a failure. Returns how many are to be told of, if any now.
    fn count_one(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        self.may_tell(now)
    }

    /// Whether the last line is some time ago.
    fn is_quiet(&self, now: Instant) -> bool {
        let is_soon = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        !self.last.is_some_and(is_soon)
    }

    /// Returns how many failures are to be told of, if something may be told now.
    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        if !self.is_quiet(now) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_counts_all_that_failed() {
        let mut state = State::default();
        let now = Instant::now();
        assert_eq!(state.count_one(now), Some(1));
        assert_eq!(state.count_one(now), None);
        assert_eq!(state.count_one(now + Duration::from_millis(999)), None);
        assert_eq!(state.count_one(now + PAUSE), Some(3));
    }
}
