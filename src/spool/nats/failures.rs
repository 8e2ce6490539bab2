//! What an operator is told while NATS does not do its part: at most a line a second.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::observe::once_a_second::OnceASecond;
use crate::observe::text::shown;
use crate::spool::store::StoreError;

/// Failures that were not logged yet.
pub(super) struct Failures {
    /// Where the NATS is.
    place: String,
    line: OnceASecond,
    /// Why there is no connection, where there is none.
    obstacle: Mutex<Option<String>>,
}

impl Failures {
    /// None yet, of the NATS that is there.
    pub(super) fn of(place: String) -> Self {
        Self {
            place,
            line: OnceASecond::default(),
            obstacle: Mutex::default(),
        }
    }

    /// There is no connection that can be used. The same reason is told once.
    pub(super) fn is_down(&self, error: &impl Display) {
        let error = error.to_string();
        let before = self.lock().replace(error.clone());
        if before.as_ref() != Some(&error) {
            self.tell(&error);
        }
    }

    /// Something went wrong.
    pub(super) fn tell(&self, error: &impl Display) {
        let Some(count) = self.line.count_one(Instant::now().into_std()) else {
            return;
        };
        tracing::error!(
            event = "spool_failed",
            store = self.place,
            error = %error,
            count,
            "the spool's NATS does not do its part"
        );
    }

    /// There is a connection.
    pub(super) fn is_up(&self) {
        if self.lock().take().is_some() {
            tracing::info!(
                event = "spool_recovered",
                store = self.place,
                "the spool's NATS answers again"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of what a server says is told, in bytes.
const MAX_ERROR_BYTES: usize = 300;

/// An error as that of a store.
pub(super) fn failed(error: impl Display) -> StoreError {
    StoreError::Failed(words(&error))
}

/// An error in words. What a server says is cut and escaped.
pub(super) fn words(error: &impl Display) -> String {
    shown(error.to_string().as_bytes(), MAX_ERROR_BYTES)
}
