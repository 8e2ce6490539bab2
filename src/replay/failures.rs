//! What an operator is told while a store does not answer: at most a line a second, with how many failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::store::StoreError;
use crate::config::OnStoreFailure;
use crate::observe::once_a_second::OnceASecond;

/// Failures that were not logged yet.
#[derive(Debug)]
pub(super) struct Failures {
    /// Where the store is.
    place: String,
    line: OnceASecond,
    /// Something was logged since the store last recovered.
    is_told: AtomicBool,
}

impl Failures {
    /// None yet, of the store that is there.
    pub(super) fn of(place: String) -> Self {
        Self {
            place,
            line: OnceASecond::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// Makes a failed claim known.
    pub(super) fn log(&self, error: &StoreError, on_failure: OnStoreFailure) {
        if let Some(count) = self.line.count_one(Instant::now()) {
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
        if let Some(count) = self.line.may_tell(Instant::now()) {
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
        if self.is_told.load(Ordering::Relaxed) && self.line.is_quiet(Instant::now()) {
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
}
