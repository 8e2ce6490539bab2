//! All entries, spread over shards with a lock each, and their number, which has a limit.
//!
//! An entry needs a *place*, and there are as many as the capacity says. Whoever adds an entry takes a place before, and
//! whoever takes an entry out gives its place back after, so there are never more entries than places.
//!
//! When there is no place, the entry that expires first of all shards goes. Each shard publishes when its first one
//! expires, so that it is found by reading as many numbers as there are shards, and locking one. No thread ever holds
//! two locks: a claim that finds no place lets go of its shard, takes an entry out of another one, comes back with the
//! place, and looks again, since its request can have been claimed meanwhile.
//!
//! An entry can be taken out while its request is still on its way. Then the end of that claim changes nothing, even if
//! the request has been claimed again: an entry knows whose reservation it is.

use std::sync::PoisonError;

use prometheus::IntCounter;

use super::SHARDS;
use super::shard::{Entry, KEPT, Shard};
use super::sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, yield_now};
use crate::replay::key::Key;
use crate::replay::store::{Claim, Claimed, End};
use crate::verify::Timestamp;

/// How many expired entries a claim takes out of its shard: more than it adds, so that none are left in the end.
const EXPIRED_A_CLAIM: usize = 2;
/// How many are taken out before others get the lock, where no request waits for it.
const BATCH: usize = 64;
/// How many a lowered capacity evicts at once, at most; the next look goes on.
const EVICTED_AT_ONCE: usize = 50_000;
/// What an empty shard publishes.
const NEVER: u64 = u64::MAX;
/// The latest end of an entry: before [`NEVER`].
const LAST: Timestamp = Timestamp::from_millis(u64::MAX - 1);

pub(super) struct Claims {
    shards: [Mutex<Shard>; SHARDS],
    /// When the first entry of each shard expires, in milliseconds since the Unix epoch, or [`NEVER`]. It is written by
    /// who has the shard's lock. They lie side by side: all of them are read when there is no place.
    firsts: [AtomicU64; SHARDS],
    /// How many places are taken.
    taken: AtomicUsize,
    capacity: AtomicUsize,
    /// Held while entries are evicted because the capacity was lowered.
    lowering: Mutex<()>,
    evicted: IntCounter,
}

/// A shard that this thread has the lock of.
struct Open<'a> {
    shard: MutexGuard<'a, Shard>,
    first: &'a AtomicU64,
}

impl Drop for Open<'_> {
    /// Publishes when the first entry expires, while the lock is still held.
    fn drop(&mut self) {
        let first = self.shard.first().map_or(NEVER, Timestamp::as_millis);
        if self.first.load(Ordering::Relaxed) != first {
            self.first.store(first, Ordering::Relaxed);
        }
    }
}

impl Claims {
    /// Room for `capacity` entries, at least one. Those that were evicted are counted in `evicted`.
    pub(super) fn new(capacity: usize, evicted: IntCounter) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
            firsts: std::array::from_fn(|_| AtomicU64::new(NEVER)),
            taken: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity.max(1)),
            lowering: Mutex::new(()),
            evicted,
        }
    }

    /// Reserves the request, if it is neither reserved nor kept at `now`.
    pub(super) fn claim(&self, claim: &Claim, now: Timestamp) -> Claimed {
        let mut has_place = false;
        loop {
            let mut open = self.open(shard_of(&claim.key));
            let expired = open.shard.remove_expired(now, EXPIRED_A_CLAIM);
            self.give_back(expired);
            let earlier = open.shard.get_mut(&claim.key).map(|entry| *entry);
            let answer = match earlier {
                Some(earlier) if earlier.expires_at >= now && earlier.ticket == KEPT => {
                    Some(Claimed::Taken)
                }
                Some(earlier) if earlier.expires_at >= now => Some(Claimed::OnItsWay),
                _ if open.shard.may_have_forgotten(claim.expires_at) => Some(Claimed::Expired),
                _ => None,
            };
            if let Some(answer) = answer {
                self.give_back(usize::from(has_place));
                return answer;
            }
            if earlier.is_some() && open.shard.remove(&claim.key).is_some() {
                self.give_back(1);
            }
            if has_place || self.take() {
                open.shard.insert(Entry {
                    key: claim.key,
                    expires_at: claim.expires_at.min(LAST),
                    ticket: claim.ticket.number,
                });
                return Claimed::New;
            }
            drop(open);
            has_place = self.remove_first(now);
            if !has_place {
                // Other threads have the places, and are about to use them or to give them back.
                yield_now();
            }
        }
    }

    /// Keeps or releases what this very claim reserved, if it is still there.
    pub(super) fn end(&self, claim: &Claim, end: End) {
        let mut open = self.open(shard_of(&claim.key));
        let Some(entry) = open.shard.get_mut(&claim.key) else {
            return;
        };
        if entry.ticket != claim.ticket.number {
            return;
        }
        match end {
            End::Kept => entry.ticket = KEPT,
            End::Released => {
                open.shard.remove(&claim.key);
                self.give_back(1);
            }
        }
    }

    /// From now on there is room for `capacity` entries, at least one. Where there are more, each that is added takes the
    /// place of one, and [`Self::tidy`] takes out the others.
    pub(super) fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity.max(1), Ordering::Relaxed);
    }

    /// Takes out all entries that have expired at `now`, and those for which there is no room any more. The locks are
    /// held for a few entries at a time.
    pub(super) fn tidy(&self, now: Timestamp) {
        for (number, first) in self.firsts.iter().enumerate() {
            while first.load(Ordering::Relaxed) < now.as_millis() {
                let expired = self.open(number).shard.remove_expired(now, BATCH);
                self.give_back(expired);
            }
        }
        // Two at once would evict twice as many.
        let _lowering = self.lowering.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..EVICTED_AT_ONCE {
            if !self.has_too_many() {
                return;
            }
            if self.remove_first(now) {
                self.give_back(1);
            }
        }
    }

    /// How many entries there are, with those that have expired and were not taken out yet: none after [`Self::tidy`].
    pub(super) fn count(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes out the entry that expires first of all, and leaves its place to the caller. `false` where there is none,
    /// or another thread was faster.
    fn remove_first(&self, now: Timestamp) -> bool {
        let firsts = self
            .firsts
            .iter()
            .map(|first| first.load(Ordering::Relaxed));
        let Some((first, number)) = firsts.zip(0..).min().filter(|(first, _)| *first != NEVER)
        else {
            return false;
        };
        let mut open = self.open(number);
        let is_still = open.shard.first() == Some(Timestamp::from_millis(first));
        if !is_still {
            return false;
        }
        if open.shard.remove_expired(now, 1) == 1 {
            return true;
        }
        let is_removed = open.shard.remove_first().is_some();
        if is_removed {
            self.evicted.inc();
        }
        is_removed
    }

    fn open(&self, number: usize) -> Open<'_> {
        let ([shard, ..], [first, ..]) = (&self.shards, &self.firsts);
        let shard = self.shards.get(number).unwrap_or(shard);
        Open {
            shard: shard.lock().unwrap_or_else(PoisonError::into_inner),
            first: self.firsts.get(number).unwrap_or(first),
        }
    }

    /// Takes a place. `false` where there is none.
    fn take(&self) -> bool {
        let capacity = self.capacity.load(Ordering::Relaxed);
        let one_more = |taken: usize| (taken < capacity).then(|| taken.saturating_add(1));
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok()
    }

    fn give_back(&self, places: usize) {
        if places > 0 {
            self.taken.fetch_sub(places, Ordering::Relaxed);
        }
    }

    fn has_too_many(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.capacity.load(Ordering::Relaxed)
    }
}

/// The shard of a key, by bytes that its table does not look at.
fn shard_of(key: &Key) -> usize {
    let [first, ..] = *key.as_bytes();
    usize::from(first) % SHARDS
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails"
)]
impl Claims {
    /// How many entries there are, after a look at all that must be true while no thread is at work.
    pub(in crate::replay::memory) fn audited(&self) -> usize {
        let mut sum = 0;
        for (shard, first) in self.shards.iter().zip(&self.firsts) {
            let shard = shard.lock().unwrap();
            sum += shard.audited();
            let expected = shard.first().map_or(NEVER, Timestamp::as_millis);
            assert_eq!(first.load(Ordering::Relaxed), expected);
        }
        assert_eq!(self.count(), sum);
        sum
    }

    /// Whether an entry is there, expired or not.
    pub(in crate::replay::memory) fn has(&self, key: &Key) -> bool {
        self.open(shard_of(key)).shard.has(key)
    }
}
