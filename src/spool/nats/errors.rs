//! Why the attempts of this process failed: for the headers of a dead letter, which says its last error.

use std::collections::VecDeque;

/// How many are remembered.
const MOST: usize = 1_000;

/// The last error of an event, by its place in the stream.
#[derive(Default)]
pub(super) struct Errors {
    /// The newest last.
    errors: VecDeque<(u64, String)>,
}

impl Errors {
    /// Remembers why an attempt failed.
    pub(super) fn set(&mut self, sequence: u64, error: String) {
        self.forget(sequence);
        if self.errors.len() >= MOST {
            self.errors.pop_front();
        }
        self.errors.push_back((sequence, error));
    }

    /// Why the last attempt failed, if this process made it.
    pub(super) fn of(&self, sequence: u64) -> Option<&str> {
        let mut errors = self.errors.iter();
        let found = errors.find(|(of, _)| *of == sequence);
        found.map(|(_, error)| error.as_str())
    }

    /// There will be no further attempt.
    pub(super) fn forget(&mut self, sequence: u64) {
        self.errors.retain(|(of, _)| *of != sequence);
    }
}
