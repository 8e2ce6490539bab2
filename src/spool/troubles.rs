//! What an operator is told while a store does not do its part: at most a line a second.

use std::time::Instant;

use prometheus::IntCounter;

use super::store::StoreError;
use crate::observe::once_a_second::OnceASecond;

/// Failures that were not logged yet.
pub(super) struct Troubles {
    /// Where the store is.
    place: String,
    failures: IntCounter,
    line: OnceASecond,
}

impl Troubles {
    /// None yet, of the store that is there. All of them are counted in `failures`.
    pub(super) fn of(place: String, failures: IntCounter) -> Self {
        Self {
            place,
            line: OnceASecond::default(),
            failures,
        }
    }

    /// Makes it known that the store did not do its part.
    pub(super) fn store_failed(&self, error: &StoreError) {
        self.failures.inc();
        if let Some(count) = self.line.count_one(Instant::now()) {
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
