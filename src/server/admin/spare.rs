//! File descriptors that are kept for a scrape: an operator wants to see why there are none left.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many descriptors are kept: senders may take some of those that are given up.
const SPARE: usize = 4;

/// Spare file descriptors, which are only held to be given up for a scrape.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<File>>);

impl Spare {
    /// Takes descriptors, as far as some are missing and there are any.
    pub(crate) fn hold(&self) {
        let mut held = self.lock();
        while held.len() < SPARE
            && let Ok(file) = File::open("/dev/null")
        {
            held.push(file);
        }
    }

    /// Gives up what is held.
    pub(crate) fn release(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
