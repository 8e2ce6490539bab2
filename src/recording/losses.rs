//! Refused requests that could not be kept, told to the operator.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::RecordConfig;

/// They are logged at most so often.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// What was lost for one kind of cause.
#[derive(Default)]
pub(super) struct Losses(Mutex<State>);

#[derive(Default)]
struct State {
    directory: PathBuf,
    /// Since that was last said.
    count: u64,
    said: Option<Instant>,
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on requests are lost that were to be kept there.
    pub(super) fn set_directory(&self, config: Option<&RecordConfig>) {
        let directory = config.map(|config| config.directory.clone());
        self.lock().directory = directory.unwrap_or_default();
    }

    /// One more was lost.
    pub(super) fn count(&self, error: &impl Display) {
        let mut state = self.lock();
        state.count = state.count.saturating_add(1);
        if state.said.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        state.said = Some(Instant::now());
        let count = std::mem::take(&mut state.count);
        let directory = state.directory.display().to_string();
        drop(state);
        tracing::warn!(
            event = "recordings_lost",
            count,
            directory,
            error = %error,
            "refused requests could not be kept; look at the directory of [record] and its disk"
        );
    }
}
