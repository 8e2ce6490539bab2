//! The requests that wait to be written: bounded in number and in bytes.
//!
//! Whoever refuses a request only puts it here. What has no room is lost, and counted: the newcomer, because
//! that costs a flood of forgeries the least.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::RecordConfig;
use crate::reason::Reason;

/// How many requests wait to be written at most, the one that is being written among them.
const MAX_ENTRIES: usize = 256;
/// How many bytes they take at most.
pub(crate) const MAX_WAITING_BYTES: u64 = 16 << 20;
/// What a request takes here besides its bytes.
const ENTRY_BYTES: u64 = 512;
/// How long the end of the process waits for what is still to be written.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// A request to be written.
pub(super) struct Entry {
    /// When it came, in milliseconds since the epoch.
    pub(super) at: u64,
    pub(super) route: Arc<str>,
    pub(super) reason: Reason,
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<Bytes>,
    /// What it holds of memory, in bytes.
    pub(super) held: u64,
}

impl Entry {
    /// How large its file is.
    pub(super) fn file_bytes(&self) -> u64 {
        let pieces = self.body.iter().map(Bytes::len);
        let bytes = pieces.fold(self.head.len(), usize::saturating_add);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What the writer is to do next.
pub(super) enum Next {
    /// From now on the settings are these.
    Configured(Option<RecordConfig>),
    Write(Entry),
    /// Nothing came for as long as it wanted to wait.
    Nothing,
    /// The process ends.
    End,
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// Of all that wait, and of the one that is being written.
    count: usize,
    held: u64,
    /// Settings that the writer does not know yet.
    news: Option<Option<RecordConfig>>,
    is_closing: bool,
    has_ended: bool,
}

impl State {
    fn has_room(&self, bytes: u64) -> bool {
        let held = self.held.saturating_add(bytes).saturating_add(ENTRY_BYTES);
        self.count < MAX_ENTRIES && held <= MAX_WAITING_BYTES && !self.is_closing
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request that takes so many bytes had room now.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.lock().has_room(bytes)
    }

    /// Puts a request to the others. `false` if there is no room.
    pub(super) fn push(&self, entry: Entry) -> bool {
        let mut state = self.lock();
        if !state.has_room(entry.held) {
            return false;
        }
        state.count = state.count.saturating_add(1);
        let held = entry.held.saturating_add(ENTRY_BYTES);
        state.held = state.held.saturating_add(held);
        state.entries.push_back(entry);
        drop(state);
        self.changed.notify_all();
        true
    }

    /// From now on requests are kept as these settings say.
    pub(super) fn set(&self, config: Option<RecordConfig>) {
        self.lock().news = Some(config);
        self.changed.notify_all();
    }

    /// What to do next; waits for it for at most so long.
    pub(super) fn next(&self, patience: Duration) -> Next {
        let until = Instant::now().checked_add(patience);
        let mut state = self.lock();
        loop {
            if let Some(config) = state.news.take() {
                return Next::Configured(config);
            }
            if let Some(entry) = state.entries.pop_front() {
                return Next::Write(entry);
            }
            if state.is_closing {
                return Next::End;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.unwrap_or(patience);
            if left.is_zero() {
                return Next::Nothing;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A request from [`Self::next`] was written, or lost.
    pub(super) fn done(&self, entry: Entry) {
        let held = entry.held.saturating_add(ENTRY_BYTES);
        drop(entry);
        let mut state = self.lock();
        state.count = state.count.saturating_sub(1);
        state.held = state.held.saturating_sub(held);
    }

    /// Waits so long, unless the process ends.
    pub(super) fn rest(&self, pause: Duration) {
        let state = self.lock();
        let _ = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.is_closing);
    }

    /// The writer has ended.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Lets the writer end, and waits a moment for the last requests.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        self.changed.notify_all();
        let is_writing = |state: &mut State| !state.has_ended;
        // What is not written by then is lost.
        let _ = self
            .changed
            .wait_timeout_while(state, LAST_WRITE, is_writing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: usize) -> Entry {
        Entry {
            at: 0,
            route: "r".into(),
            reason: Reason::BadRequest,
            head: Vec::new(),
            body: vec![Bytes::from(vec![0; body])],
            held: u64::try_from(body).unwrap(),
        }
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        let queue = Queue::default();
        let pushed = (0..1_000).filter(|_| queue.push(entry(1))).count();
        assert_eq!(pushed, MAX_ENTRIES);
        let queue = Queue::default();
        let mebibyte = 1 << 20;
        let pushed = (0..1_000).filter(|_| queue.push(entry(mebibyte))).count();
        assert_eq!(pushed, 15);
        assert!(!queue.push(entry(usize::try_from(MAX_WAITING_BYTES).unwrap())));
    }

    #[test]
    fn one_that_is_being_written_counts_until_it_is_done() {
        let queue = Queue::default();
        while queue.push(entry(1)) {}
        let Next::Write(first) = queue.next(Duration::ZERO) else {
            panic!("there is one");
        };
        assert!(!queue.push(entry(1)));
        queue.done(first);
        assert!(queue.push(entry(1)));
    }
}
