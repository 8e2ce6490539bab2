//! Claims in the memory of this process.
//!
//! [`claims`] spreads the entries over shards, so that requests seldom wait for each other, and keeps the number of
//! all below the capacity. [`shard`] is one of them, used by one thread at a time.
//!
//! Caches that can be had as libraries forget what was used least, or keep a timer for each entry. What is needed here
//! is an exact end for each entry, and of a full store the entry that ends first: a table and an order, from
//! `hashbrown` and the standard library.
//!
//! **Time.** A claim looks up one entry, adds one and takes out two that have expired, so that what has expired goes
//! as fast as new entries come. A table that grows moves all entries of its shard; with 256 shards that are 4,000 at
//! a million entries, and takes some microseconds.
//!
//! **Bytes.** An entry takes 32 bytes in its list, 4 more once it is free, 5 to 12 in the table, and about 34 in the order, of which the
//! standard library's tree uses a half where times only grow. Lists grow by doubling, but the half that was not used
//! yet is none of the system's memory. What was taken once is used again, and not given back.

mod claims;
mod shard;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails"
)]
mod tests;

use tokio::sync::oneshot;

use super::store::{Claim, Claiming, End, Store};
use crate::observe::metrics::Metrics;
use crate::verify::Timestamp;
use claims::Claims;

/// What an entry takes at most, in bytes, everything included.
pub(crate) const MAX_ENTRY_BYTES: u64 = 100;

/// How many shards there are.
const SHARDS: usize = 256;

/// What threads share is made of. The tests put others in their place, to try the orders in which threads can run.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(super) use std::sync::{Mutex, MutexGuard};
    pub(super) use std::thread::yield_now;
}

/// Remembers requests in this process. When it is full, the one that expires first is forgotten.
pub(super) struct MemoryStore {
    claims: Claims,
}

impl MemoryStore {
    /// A store for `capacity` requests, at least one. It takes no memory for them yet.
    pub(super) fn new(capacity: usize, metrics: &Metrics) -> Self {
        Self {
            claims: Claims::new(capacity, metrics.replay.evicted.clone()),
        }
    }
}

impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Claiming<'_> {
        Claiming::Done(self.claims.claim(&claim, now))
    }

    fn end(&self, claim: Claim, end: End) -> Option<oneshot::Receiver<()>> {
        self.claims.end(&claim, end);
        None
    }

    fn set_capacity(&self, capacity: usize) {
        self.claims.set_capacity(capacity);
    }

    fn tidy(&self, now: Timestamp) {
        self.claims.tidy(now);
    }

    fn entries(&self) -> Option<usize> {
        Some(self.claims.count())
    }
}
