//! The requests that wait to be written: bounded in number and in bytes.
//!
//! Whoever refuses a request only puts it here. What has no room is lost, and counted: the newcomer, because
//! that costs a flood of forgeries the least.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::copied::Copied;
use super::hidden::Hidden;
use crate::config::RecordConfig;
use crate::reason::Reason;
use crate::verify::Timestamp;

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
    /// When it came.
    pub(super) at: Timestamp,
    pub(super) route: Arc<str>,
    pub(super) reason: Reason,
    pub(super) head: Copied,
    /// What must not be kept of the head.
    pub(super) hidden: Arc<Hidden>,
    /// A scheme of its route signs the URL.
    pub(super) is_url_signed: bool,
    pub(super) body: Vec<Bytes>,
    /// The length of the body, where all of it is there.
    pub(super) whole: Option<u64>,
    /// What it holds of memory, in bytes.
    pub(super) held: u64,
}

/// A request that is being written. It counts as one that waits until this is dropped.
pub(super) struct Taken<'a> {
    pub(super) entry: Entry,
    queue: &'a Queue,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.entry.body = Vec::new();
        let held = self.entry.held.saturating_add(ENTRY_BYTES);
        let mut state = self.queue.lock();
        state.count = state.count.saturating_sub(1);
        state.held = state.held.saturating_sub(held);
    }
}

/// What the writer is to do next.
pub(super) enum Next<'a> {
    /// From now on the settings are these.
    Configured(Option<RecordConfig>),
    Write(Taken<'a>),
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
        let is_open = !self.is_closing && !self.has_ended;
        self.count < MAX_ENTRIES && held <= MAX_WAITING_BYTES && is_open
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
    pub(super) fn next(&self, patience: Duration) -> Next<'_> {
        let until = Instant::now().checked_add(patience);
        let mut state = self.lock();
        loop {
            if let Some(config) = state.news.take() {
                return Next::Configured(config);
            }
            if let Some(entry) = state.entries.pop_front() {
                return Next::Write(Taken { entry, queue: self });
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

    /// Waits so long, unless the process ends.
    pub(super) fn rest(&self, pause: Duration) {
        let state = self.lock();
        let _ = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.is_closing);
    }

    /// The writer has ended. Returns how many requests are lost with it.
    pub(super) fn end(&self) -> usize {
        let mut state = self.lock();
        state.has_ended = true;
        let lost = std::mem::take(&mut state.entries).len();
        drop(state);
        self.changed.notify_all();
        lost
    }

    /// Lets the writer end, and waits a moment for the last requests. Returns whether it has ended.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        state.is_closing = true;
        self.changed.notify_all();
        let is_writing = |state: &mut State| !state.has_ended;
        // What is not written by then is lost.
        let waited = self
            .changed
            .wait_timeout_while(state, LAST_WRITE, is_writing);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.has_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: usize) -> Entry {
        let head = crate::http1::head::read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        Entry {
            at: Timestamp::from_millis(0),
            route: "r".into(),
            reason: Reason::BadRequest,
            head: Copied::of(&head),
            hidden: Arc::default(),
            is_url_signed: false,
            whole: None,
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
        drop(first);
        assert!(queue.push(entry(1)));
    }

    #[test]
    fn what_waits_is_lost_and_not_held_once_nobody_writes() {
        let queue = Queue::default();
        assert!(queue.push(entry(1)) && queue.push(entry(1)));
        assert_eq!(queue.end(), 2);
        assert!(!queue.push(entry(1)));
        assert!(queue.close());
    }
}
