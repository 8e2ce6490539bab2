//! What an operator is told while a store does not answer: at most a line a second, with how many failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::store::StoreError;
use crate::config::OnStoreFailure;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Failures that were not logged yet, and when one last was.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    last: Option<Instant>,
    /// Something was logged since the store last recovered.
    was_told: bool,
}

impl Failures {
    /// Makes a failed claim known.
    pub(super) fn log(&self, error: &StoreError, on_failure: OnStoreFailure) {
        if let Some(count) = self.lock().count_one(Instant::now()) {
            tracing::error!(
                event = "replay_store_failed",
                error = %error,
                count,
                on_store_failure = on_failure.as_str(),
                "the replay store does not say whether requests came before"
            );
        }
    }

    /// Makes it known that the connection is of no use, or cannot be made.
    pub(super) fn tell(&self, error: &StoreError) {
        if let Some(count) = self.lock().may_tell(Instant::now()) {
            tracing::error!(
                event = "replay_store_failed",
                error = %error,
                count,
                "the replay store is not reached"
            );
        }
    }

    /// The store answers again.
    pub(super) fn are_over(&self) {
        if std::mem::take(&mut self.lock().was_told) {
            tracing::info!(
                event = "replay_store_recovered",
                "the replay store answers again"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a failure. Returns how many are to be told of, if any now.
    fn count_one(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        self.may_tell(now)
    }

    /// Returns how many failures are to be told of, if something may be told now.
    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        let is_soon = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        if self.last.is_some_and(is_soon) {
            return None;
        }
        self.last = Some(now);
        self.was_told = true;
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
