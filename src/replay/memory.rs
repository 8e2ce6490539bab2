//! Claims in the memory of this process. (Placeholder.)

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::IntCounter;

use super::key::Key;
use super::store::{Claim, Claimed, Claiming, End, Store};
use crate::observe::metrics::Metrics;
use crate::verify::Timestamp;

/// What an entry takes at most, in bytes.
pub(crate) const MAX_ENTRY_BYTES: u64 = 100;

pub(super) struct MemoryStore {
    entries: Mutex<HashMap<Key, (Timestamp, u64)>>,
    capacity: AtomicUsize,
    evicted: IntCounter,
}

impl MemoryStore {
    pub(super) fn new(capacity: usize, metrics: &Metrics) -> Self {
        Self {
            entries: Mutex::default(),
            capacity: AtomicUsize::new(capacity),
            evicted: metrics.replay.evicted.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (Timestamp, u64)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn claim(&self, claim: Claim, now: Timestamp) -> Claiming<'_> {
        let mut entries = self.lock();
        if let Some((expires_at, ticket)) = entries.get(&claim.key)
            && *expires_at >= now
        {
            return Claiming::Done(if *ticket == 0 {
                Claimed::Taken
            } else {
                Claimed::OnItsWay
            });
        }
        if entries.len() >= self.capacity.load(Ordering::Relaxed)
            && let Some(first) = entries
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(key, _)| *key)
        {
            entries.remove(&first);
            self.evicted.inc();
        }
        entries.insert(claim.key, (claim.expires_at, claim.ticket.number));
        Claiming::Done(Claimed::New)
    }

    fn end(&self, claim: Claim, end: End) -> Option<tokio::sync::oneshot::Receiver<()>> {
        let mut entries = self.lock();
        if let Some((_, ticket)) = entries.get_mut(&claim.key)
            && *ticket == claim.ticket.number
        {
            match end {
                End::Kept => *ticket = 0,
                End::Released => {
                    entries.remove(&claim.key);
                }
            }
        }
        None
    }

    fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    fn tidy(&self, now: Timestamp) {
        self.lock().retain(|_, (at, _)| *at >= now);
    }

    fn entries(&self) -> Option<usize> {
        Some(self.lock().len())
    }
}
