//! What an operator is told while a store does not do its part: at most a line a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::store::StoreError;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Failures that were not logged yet, and when one last was.
pub(super) struct Troubles {
    /// Where the store is.
    place: String,
    failures: IntCounter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    last: Option<Instant>,
}

impl Troubles {
    /// None yet, of the store that is there. All of them are counted in `failures`.
    pub(super) fn of(place: String, failures: IntCounter) -> Self {
        Self {
            place,
            failures,
            state: Mutex::default(),
        }
    }

    /// Makes it known that the store did not do its part.
    pub(super) fn store_failed(&self, error: &StoreError) {
        self.failures.inc();
        let told = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count_one(Instant::now());
        if let Some(count) = told {
            tracing::error!(
                event = "spool_failed",
                store = self.place,
                error = %error,
                count,
                "the spool does not do its part; what it cannot keep is answered as if there were none"
            );
        }
    }
}

impl State {
    /// Counts a failure. Returns how many are to be told of, if any now.
    fn count_one(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        let is_soon = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        if self.last.is_some_and(is_soon) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}
