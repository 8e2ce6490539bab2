//! What is counted, below the labels: numbers that many threads add to without a lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::verify::Timestamp;

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A time, or none yet. Holds milliseconds; 0 is none.
#[derive(Debug, Default)]
pub(super) struct Moment(AtomicU64);

impl Moment {
    /// Sets the time, or that there is none.
    pub(super) fn set(&self, at: Option<Timestamp>) {
        let millis = at.map_or(0, |at| at.as_millis().max(1));
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis > 0).then(|| Timestamp::from_millis(millis))
    }
}

/// How long something is, or nothing. Holds milliseconds; 0 is nothing.
#[derive(Debug, Default)]
pub(super) struct Span(AtomicU64);

impl Span {
    /// Sets how long, or that there is nothing.
    pub(super) fn set(&self, span: Option<Duration>) {
        let millis = span.map_or(0, |span| {
            u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
        });
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Duration> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }
}

/// Counters by what they count. Adding to one that was looked up before takes no lock.
#[derive(Debug)]
pub(super) struct Counters<K>(Mutex<BTreeMap<K, Arc<Counter>>>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Ord> Counters<K> {
    /// The counter of `key`, which is made at 0 if there is none.
    pub(super) fn of(&self, key: K) -> Arc<Counter> {
        Arc::clone(self.lock().entry(key).or_default())
    }

    /// All counters and what they count.
    pub(super) fn all(&self) -> Vec<(K, u64)> {
        let counters = self.lock();
        let all = counters.iter();
        all.map(|(key, counter)| (*key, counter.get())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Arc<Counter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
