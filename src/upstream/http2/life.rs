//! What is known of a connection besides what the library knows: whether the app began HTTP/2 on it, when it
//! last sent anything, what was given to the system, and whether it is over.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::written::Written;
use crate::os::descriptors::Slot;

/// The place of the type among the bytes of a frame's header, and what it is of the first frame that a server
/// sends (RFC 9113 section 3.4).
const TYPE_AT: u64 = 3;
const SETTINGS: u8 = 0x4;

const NOTHING: u8 = 0;
const HTTP2: u8 = 1;
const OTHER: u8 = 2;

/// How an app began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It has sent nothing yet, or not enough to tell.
    Unknown,
    /// With the preface of HTTP/2.
    Http2,
    /// With something else.
    Other,
}

/// What is known of a connection. Shared by those who read, write and drive it, and by its requests.
pub(super) struct Life {
    began: Instant,
    beginning: AtomicU8,
    read_bytes: AtomicU64,
    /// Microseconds from `began` to when something was read last.
    read_at: AtomicU64,
    written: Mutex<Written>,
    is_over: AtomicBool,
    /// Notified when the app has begun, when a stream was written to its end, and when it is over.
    pub(super) changed: Notify,
    /// Asks for a PING.
    pub(super) ping: Notify,
    /// Asks for the end of a connection that has no requests.
    pub(super) close: Notify,
    /// The descriptor of the connection, where the account has one for it.
    slot: Mutex<Option<Slot>>,
}

impl Life {
    pub(super) fn new(slot: Option<Slot>) -> Self {
        Self {
            began: Instant::now(),
            beginning: AtomicU8::new(NOTHING),
            read_bytes: AtomicU64::new(0),
            read_at: AtomicU64::new(0),
            written: Mutex::new(Written::new()),
            is_over: AtomicBool::new(false),
            changed: Notify::new(),
            ping: Notify::new(),
            close: Notify::new(),
            slot: Mutex::new(slot),
        }
    }

    /// How the app began.
    pub(super) fn beginning(&self) -> Beginning {
        match self.beginning.load(Ordering::Acquire) {
            HTTP2 => Beginning::Http2,
            OTHER => Beginning::Other,
            _ => Beginning::Unknown,
        }
    }

    /// Takes note of bytes that were read, in their order.
    pub(super) fn note_read(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let took = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.read_at.store(took, Ordering::Relaxed);
        // One task reads.
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let before = self.read_bytes.fetch_add(count, Ordering::Relaxed);
        let index = TYPE_AT.checked_sub(before);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(kind) = index.and_then(|index| bytes.get(index)) {
            let beginning = if *kind == SETTINGS { HTTP2 } else { OTHER };
            self.beginning.store(beginning, Ordering::Release);
            self.changed.notify_waiters();
        }
    }

    /// For how long nothing was read.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        let read_at = Duration::from_micros(self.read_at.load(Ordering::Relaxed));
        let since_began = now.saturating_duration_since(self.began);
        since_began.saturating_sub(read_at)
    }

    /// Takes note of bytes that the system took, in their order.
    pub(super) fn note_written(&self, bytes: &[u8]) {
        if lock(&self.written).note(bytes) {
            self.changed.notify_waiters();
        }
    }

    /// Whether the system took anything of a stream.
    pub(super) fn has_begun(&self, stream: u32) -> bool {
        lock(&self.written).has_begun(stream)
    }

    /// Whether the system took a stream to its end.
    pub(super) fn has_ended(&self, stream: u32) -> bool {
        lock(&self.written).has_ended(stream)
    }

    /// Nobody asks for this stream any more.
    pub(super) fn forget(&self, stream: u32) {
        lock(&self.written).forget(stream);
    }

    /// The connection is closed: nothing more of it reaches the system.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    pub(super) fn set_over(&self) {
        self.is_over.store(true, Ordering::Release);
        drop(self.take_slot());
        self.changed.notify_waiters();
    }

    /// Returns once `is_it` has become true. It must be something that `changed` is notified of.
    pub(super) async fn until(&self, is_it: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on nothing is missed.
            changed.as_mut().enable();
            if is_it(self) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn has_slot(&self) -> bool {
        lock(&self.slot).is_some()
    }

    pub(super) fn set_slot(&self, slot: Slot) {
        *lock(&self.slot) = Some(slot);
    }

    pub(super) fn take_slot(&self) -> Option<Slot> {
        lock(&self.slot).take()
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life").finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
