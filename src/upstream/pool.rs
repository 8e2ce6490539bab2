//! Connections to apps that are kept for a next request.
//!
//! The one with the most time left is used first, so that the others can grow old and go. No task waits on
//! a kept connection. Whether there is anything to read on it is asked when it is kept, when it is taken,
//! and about once a second by [`Pool::sweep`].
//!
//! Bytes that an app writes after the end of its answer would be read as the beginning of the next
//! one, which may be another sender's. They may arrive a moment after the answer. So a connection first
//! rests. A request that finds only resting ones waits for that moment; where that happens often, a new
//! connection is the better choice. An app that was seen to do this gets each request on a connection of
//! its own for a while.
//!
//! Locks are held for a few steps in a map, never while the system is asked or a connection is closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::Instant;

use super::destination::Destination;
use super::kept::{BATCH, Idle, Kept};
use super::unread::unread;
use crate::os::descriptors::Descriptors;
use crate::os::socket::Arrived;

/// Bytes that arrive within this time belong to the answer before. What comes later is more likely a message
/// about the idle connection (such as 408, RFC 9110 section 15.5.9).
const SURPLUS_WITHIN: Duration = Duration::from_secs(1);
/// How long no connection is kept of an app that wrote more than its answer.
const DISTRUST: Duration = Duration::from_secs(60);
/// How many locks the destinations are spread over.
const SHARDS: usize = 16;
/// How many connections a request looks at before it gets a new one.
const MAX_LOOKS: usize = 8;
/// How many connections one sweep asks the system about.
const LOOKS_A_SWEEP: usize = 1_024;

/// Kept connections.
pub(crate) struct Pool {
    shards: [Mutex<HashMap<Destination, Kept>>; SHARDS],
    /// How many are kept, of all destinations; at most `max`.
    count: AtomicUsize,
    max: usize,
    descriptors: Arc<Descriptors>,
    next_number: AtomicU64,
    /// Where the next sweep begins.
    next_shard: AtomicUsize,
}

/// What the pool has for a request.
pub(crate) enum Taken {
    Stream(Stream),
    /// None has rested yet; the first will have by then.
    RestingUntil(Instant),
    Nothing,
}

impl Pool {
    /// A pool for at most `max` connections.
    pub(crate) fn new(max: usize, descriptors: Arc<Descriptors>) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            max,
            descriptors,
            next_number: AtomicU64::new(0),
            next_shard: AtomicUsize::new(0),
        }
    }

    /// Takes a connection that has rested, that the app has not closed, and on which nothing came.
    pub(crate) fn take(&self, destination: &Destination) -> Taken {
        let speaks_tls = destination.tls().is_some();
        for _ in 0..MAX_LOOKS {
            let now = Instant::now();
            let mut idle = {
                let mut shard = self.shard(destination);
                let Some(kept) = shard.get_mut(destination) else {
                    return Taken::Nothing;
                };
                kept.move_rested(now);
                match kept.rested.last_entry() {
                    Some(latest) if latest.key().0 > now => latest.remove(),
                    Some(_) => return Taken::Nothing,
                    None => return kept.wait(now).map_or(Taken::Nothing, Taken::RestingUntil),
                }
            };
            self.count.fetch_sub(1, Ordering::Relaxed);
            match unread(&mut idle.stream, speaks_tls) {
                Arrived::Nothing => return Taken::Stream(idle.stream),
                Arrived::Bytes => self.note_bytes(destination, &idle, now),
                Arrived::End => {}
            }
        }
        Taken::Nothing
    }

    /// Keeps a connection whose last answer has ended for at most `idle_timeout`. Whether there is more to read
    /// on it is seen before it serves again.
    pub(crate) fn keep(&self, stream: Stream, destination: &Destination, idle_timeout: Duration) {
        let now = Instant::now();
        let until = now.checked_add(idle_timeout).filter(|until| *until > now);
        let (Some(until), Some(slot)) = (until, self.descriptors.try_reserve()) else {
            return;
        };
        let idle = Idle {
            stream,
            _slot: slot,
            since: now,
        };
        if !self.make_room(destination) {
            return;
        }
        let place = (until, self.next_number.fetch_add(1, Ordering::Relaxed));
        let mut shard = self.shard(destination);
        let kept = shard.entry(destination.clone()).or_default();
        if kept.is_distrusted(now) {
            drop(shard);
            self.count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        kept.resting.push_back((place, idle));
    }

    /// Whether none is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Closes the kept connection that would go first, of whichever app. `false` if there is none.
    pub(crate) fn evict_one(&self) -> bool {
        let evicted = self.pop_any();
        if evicted.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        evicted.is_some()
    }

    fn pop_any(&self) -> Option<Idle> {
        let start = self.next_shard.fetch_add(1, Ordering::Relaxed);
        let mut shards = self.shards.iter().cycle().skip(start % SHARDS).take(SHARDS);
        shards.find_map(|shard| lock(shard).values_mut().find_map(Kept::pop_first))
    }

    /// Closes connections whose time is over, that have ended, or on which something arrived.
    pub(crate) async fn sweep(&self) {
        let start = self.next_shard.fetch_add(1, Ordering::Relaxed);
        let mut looks_left = LOOKS_A_SWEEP;
        for shard in self.shards.iter().cycle().skip(start % SHARDS).take(SHARDS) {
            let destinations: Vec<_> = lock(shard).keys().cloned().collect();
            for destination in destinations {
                while self.close_expired(&destination) {
                    tokio::task::yield_now().await;
                }
                while let Some(looked) = self.look(&destination, looks_left.min(BATCH)) {
                    looks_left = looks_left.saturating_sub(looked);
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Closes some connections whose time is over. Returns whether there may be more.
    fn close_expired(&self, destination: &Destination) -> bool {
        let now = Instant::now();
        let mut shard = self.shard(destination);
        let Some(kept) = shard.get_mut(destination) else {
            return false;
        };
        kept.move_rested(now);
        let mut expired = Vec::new();
        while let Some(first) = kept.rested.first_entry()
            && first.key().0 <= now
            && expired.len() < BATCH
        {
            expired.push(first.remove());
        }
        let has_more = expired.len() >= BATCH || kept.has_rested(now);
        if kept.is_empty() && !kept.is_distrusted(now) {
            shard.remove(destination);
        }
        drop(shard);
        self.count.fetch_sub(expired.len(), Ordering::Relaxed);
        has_more
    }

    /// Looks at the next connections, no more than `max`. Returns how many it looked at; `None` if
    /// there are no more, and the next time begins again with the first.
    fn look(&self, destination: &Destination, max: usize) -> Option<usize> {
        if max == 0 {
            return None;
        }
        let mut batch = self
            .shard(destination)
            .get_mut(destination)?
            .next_batch(max);
        let speaks_tls = destination.tls().is_some();
        let looked = batch.len();
        let now = Instant::now();
        batch.retain_mut(|(_, idle)| match unread(&mut idle.stream, speaks_tls) {
            Arrived::Nothing => true,
            Arrived::Bytes => {
                self.note_bytes(destination, idle, now);
                false
            }
            Arrived::End => false,
        });
        self.count
            .fetch_sub(looked.saturating_sub(batch.len()), Ordering::Relaxed);
        if !batch.is_empty() {
            let mut shard = self.shard(destination);
            let kept = shard.entry(destination.clone()).or_default();
            if kept.is_distrusted(now) {
                drop(shard);
                self.count.fetch_sub(batch.len(), Ordering::Relaxed);
            } else {
                kept.rested.extend(batch);
            }
        }
        (looked > 0).then_some(looked)
    }

    /// Counts one more connection. `false` if the pool is full of others that cannot go.
    fn make_room(&self, destination: &Destination) -> bool {
        if self.count.fetch_add(1, Ordering::Relaxed) < self.max {
            return true;
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        // One is closed for the one that is kept, so that the count stays the same.
        let own = self
            .shard(destination)
            .get_mut(destination)
            .and_then(Kept::pop_first);
        own.or_else(|| self.pop_any()).is_some()
    }

    /// There is something to read on a kept connection. Soon after its answer that is more of it.
    fn note_bytes(&self, destination: &Destination, idle: &Idle, now: Instant) {
        if now.saturating_duration_since(idle.since) <= SURPLUS_WITHIN {
            self.note_surplus(destination, now);
        }
    }

    /// The app wrote more than its answer: its other connections are closed too.
    pub(crate) fn note_surplus(&self, destination: &Destination, now: Instant) {
        let gone = {
            let mut shard = self.shard(destination);
            let kept = shard.entry(destination.clone()).or_default();
            if kept.is_distrusted(now) {
                return;
            }
            let gone = std::mem::take(kept);
            kept.distrusted_until = now.checked_add(DISTRUST);
            gone
        };
        let count = gone.resting.len().saturating_add(gone.rested.len());
        self.count.fetch_sub(count, Ordering::Relaxed);
        tracing::warn!(
            event = "app_wrote_surplus",
            upstream = %destination.address(),
            seconds = DISTRUST.as_secs(),
            "the app wrote more than its answer had announced; for a while each request gets a \
             connection of its own, so that no sender gets the rest of another's answer"
        );
    }

    fn shard(&self, destination: &Destination) -> MutexGuard<'_, HashMap<Destination, Kept>> {
        let [first, ..] = &self.shards;
        let [byte, ..] = destination.precomputed_hash().to_le_bytes();
        lock(self.shards.get(usize::from(byte) % SHARDS).unwrap_or(first))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
