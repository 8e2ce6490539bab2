//! The mismatches that wait to be examined. They are few, so that a flood of forgeries keeps little.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Job;

/// How many wait at most.
pub(super) const WAITING: usize = 4;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Places that were taken for jobs which are still being put together.
    taken: usize,
    is_closed: bool,
}

/// A place for one job: nothing is made of a request before there is one. It is given back where it is not used.
pub(super) struct Place<'a>(&'a Queue);

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, if one is free.
    pub(super) fn take_place(&self) -> Option<Place<'_>> {
        let mut state = self.lock();
        let used = state.jobs.len().saturating_add(state.taken);
        if state.is_closed || used >= WAITING {
            return None;
        }
        state.taken = state.taken.saturating_add(1);
        Some(Place(self))
    }

    /// The next job; waits for it. `None` once there will be no more.
    pub(super) fn next(&self) -> Option<Job> {
        let is_idle = |state: &mut State| state.jobs.is_empty() && !state.is_closed;
        let woken = self.changed.wait_while(self.lock(), is_idle);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return None;
        }
        state.jobs.pop_front()
    }

    /// From now on nothing is examined.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.jobs.clear();
        self.changed.notify_all();
    }
}

impl Place<'_> {
    /// Puts a job there.
    pub(super) fn fill(self, job: Job) {
        let mut state = self.0.lock();
        if !state.is_closed {
            state.jobs.push_back(job);
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.taken = state.taken.saturating_sub(1);
    }
}
