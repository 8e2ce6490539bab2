//! What an operator is told while NATS does not do its part: at most a line a second.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use crate::observe::text::shown;
use crate::spool::store::StoreError;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// What was told, and what was not.
pub(super) struct Failures {
    /// Where the NATS is.
    place: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many were not told.
    untold: u64,
    last: Option<Instant>,
    /// Why there is no connection, where there is none.
    obstacle: Option<String>,
}

impl Failures {
    /// None yet, of the NATS that is there.
    pub(super) fn of(place: String) -> Self {
        Self {
            place,
            state: Mutex::default(),
        }
    }

    /// There is no connection that can be used. The same reason is told once.
    pub(super) fn is_down(&self, error: &impl Display) {
        let error = error.to_string();
        let before = self.lock().obstacle.replace(error.clone());
        if before.as_ref() != Some(&error) {
            self.tell(&error);
        }
    }

    /// Something went wrong.
    pub(super) fn tell(&self, error: &impl Display) {
        let Some(untold) = self.lock().may_tell(Instant::now()) else {
            return;
        };
        tracing::error!(
            event = "spool_failed",
            store = self.place,
            error = %error,
            untold,
            "the spool's NATS does not do its part"
        );
    }

    /// There is a connection.
    pub(super) fn is_up(&self) {
        if self.lock().obstacle.take().is_some() {
            tracing::info!(
                event = "spool_recovered",
                store = self.place,
                "the spool's NATS answers again"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns how many were not told, if something may be told now.
    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        let is_soon = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        if self.last.is_some_and(is_soon) {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
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
