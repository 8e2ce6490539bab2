//! Connections to apps that are kept for a next request.
//!
//! The one that was used last is used first, so that the others can grow old and go. Nobody waits on a
//! kept connection: whether the app closed it is asked of the system when it is taken, and once a
//! second by [`Pool::sweep`], which also lets go of those whose time is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pingora::protocols::Stream;

use crate::os::descriptors::{Descriptors, Slot};
use crate::os::socket::is_quiet;

/// Kept connections, by a key that tells apart what may not stand in for each other.
pub(crate) struct Pool {
    kept: Mutex<HashMap<u64, Vec<Kept>>>,
    /// How many are kept of a key.
    max: usize,
    descriptors: Arc<Descriptors>,
}

struct Kept {
    stream: Stream,
    /// The descriptor of the stream. Who takes the stream has taken one of its own.
    _slot: Slot,
    until: Instant,
}

impl Kept {
    fn is_sound(&self, now: Instant) -> bool {
        now < self.until && is_quiet(self.stream.id())
    }
}

impl Pool {
    pub(crate) fn new(max: usize, descriptors: Arc<Descriptors>) -> Self {
        Self {
            kept: Mutex::default(),
            max,
            descriptors,
        }
    }

    /// Takes a connection that the app has not closed.
    pub(crate) fn take(&self, key: u64) -> Option<Stream> {
        loop {
            let kept = self.lock().get_mut(&key).and_then(Vec::pop)?;
            if kept.is_sound(Instant::now()) {
                return Some(kept.stream);
            }
        }
    }

    /// Closes the kept connection that one app has not used for the longest time. `false` if none is
    /// kept.
    pub(crate) fn close_one(&self) -> bool {
        let mut all = self.lock();
        let mut of_keys = all.values_mut();
        let of_key = of_keys.find(|of_key| !of_key.is_empty());
        let oldest = of_key.map(|of_key| of_key.remove(0));
        drop(all);
        oldest.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().values().all(Vec::is_empty)
    }

    /// Keeps a connection for `idle_timeout`, if there is a descriptor for it.
    pub(crate) fn keep(&self, stream: Stream, key: u64, idle_timeout: Duration) {
        let Some(until) = Instant::now().checked_add(idle_timeout) else {
            return;
        };
        if self.max == 0 {
            return;
        }
        let Some(slot) = self.descriptors.try_reserve() else {
            return;
        };
        let kept = Kept {
            stream,
            _slot: slot,
            until,
        };
        let mut all = self.lock();
        let of_key = all.entry(key).or_default();
        let oldest = (of_key.len() >= self.max).then(|| of_key.remove(0));
        of_key.push(kept);
        drop(all);
        // Closing takes a call of the system, which nobody else should wait for.
        drop(oldest);
    }

    /// Lets go of connections whose time is over, or that the app closed.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        self.lock().retain(|_, of_key| {
            let (sound, unsound) = std::mem::take(of_key)
                .into_iter()
                .partition(|kept| kept.is_sound(now));
            *of_key = sound;
            gone.push(unsound);
            !of_key.is_empty()
        });
        // Closing takes calls of the system, which nobody else should wait for.
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Vec<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
