//! What an operator is told while a store does not do its part: at most a line a second.

use std::time::Instant;

use super::store::StoreError;
use crate::observe::once_a_second::OnceASecond;

/// Failures that were not logged yet.
#[derive(Debug)]
pub(super) struct Troubles {
    /// Where the store is.
    place: String,
    line: OnceASecond,
}

impl Troubles {
    /// None yet, of the store that is there.
    pub(super) fn of(place: String) -> Self {
        Self {
            place,
            line: OnceASecond::default(),
        }
    }

    /// Makes it known that the store did not do its part.
    pub(super) fn store_failed(&self, error: &StoreError) {
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
