//! The memory that all requests together may take, and who gives way when it is used up.
//!
//! Room is taken as a request grows and given back when its response is done. A quarter is out of reach
//! for requests over 64 KiB, so that a few large forgeries cannot starve the small requests that webhooks
//! are. Counting is by atomics: a request that has arrived whole locks nothing.
//!
//! Whoever announces much and sends it slowly could hold all the room until its time limit. So requests
//! that wait for more of themselves are known ([`super::waiting`]), and give way when there is no room:
//! to any request that is complete, and to one that waits itself if its peer holds less. A request that
//! is complete never gives way: it is about to be verified, or was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::waiting::{Class, Place, Waiting};
use crate::peer::Peer;

/// Requests up to this many bytes may use the whole budget.
const SMALL_BYTES: u64 = 64 << 10;
/// How long a complete request waits for the room that others were told to give up.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// What is held, and how much may be.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicU64,
    held_by_large: AtomicU64,
    max: AtomicU64,
    waiting: Waiting,
    /// How many requests wait for room that others were told to give up.
    askers: AtomicUsize,
    freed: Notify,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicU64::new(0),
            held_by_large: AtomicU64::new(0),
            max: AtomicU64::new(max),
            waiting: Waiting::default(),
            askers: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// From now on this is the limit. What is held stays.
    pub(crate) fn set_max(&self, max: u64) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// How many may be.
    pub(crate) fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The bytes held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a request of this many bytes would fit now, or could make others give way once it is
    /// complete. Takes nothing.
    pub(crate) fn may_hold(&self, bytes: u64) -> bool {
        self.has_room_for(bytes) || bytes <= self.waiting.bytes(class(bytes))
    }

    fn has_room_for(&self, bytes: u64) -> bool {
        let fits =
            |held: &AtomicU64, max| held.load(Ordering::Relaxed).saturating_add(bytes) <= max;
        if bytes <= SMALL_BYTES {
            return fits(&self.held, self.max()) || self.has_small_room(bytes, self.max());
        }
        fits(&self.held, self.max()) && fits(&self.held_by_large, for_large(self.max()))
    }

    /// Whether the quarter that is kept for small requests has room for so much more.
    fn has_small_room(&self, more: u64, max: u64) -> bool {
        let large = self.held_by_large.load(Ordering::Relaxed);
        let small = self.held().saturating_sub(large);
        small.saturating_add(more) <= max / 4
    }

    /// A reservation of nothing, for a request of `peer` that is about to grow.
    pub(crate) fn reserve_nothing(self: &Arc<Self>, peer: Peer) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            peer,
            bytes: 0,
            max: self.max(),
            place: None,
        }
    }
}

/// The room of one request. Dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    peer: Peer,
    bytes: u64,
    /// The limit when it was made: a lower one is for those that begin later.
    max: u64,
    /// Where it waits, while it does.
    place: Option<Place>,
}

impl Reservation {
    /// Takes room for `bytes` in all, or gives back what it has beyond.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<(), Exhausted> {
        if bytes > self.bytes {
            self.grow(bytes)
        } else {
            self.give_back(bytes);
            Ok(())
        }
    }

    fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let budget = &self.budget;
        let more = bytes.saturating_sub(self.bytes);
        let large = large_part(bytes).saturating_sub(large_part(self.bytes));
        let is_small = large_part(bytes) == 0;
        if take(&budget.held, more, self.max).is_err() {
            // Where the limit was lowered, large requests that began before may hold more than it. Small
            // ones have their quarter all the same.
            if !is_small || !budget.has_small_room(more, self.max) {
                return Err(Exhausted);
            }
            budget.held.fetch_add(more, Ordering::Relaxed);
        }
        if take(&budget.held_by_large, large, for_large(self.max)).is_err() {
            budget.held.fetch_sub(more, Ordering::Relaxed);
            return Err(Exhausted);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// How many bytes others have to give up so that this request can hold `bytes` in all.
    fn shortfall(&self, bytes: u64) -> u64 {
        let budget = &self.budget;
        let beyond = |held: &AtomicU64, more: u64, max: u64| {
            let held = held.load(Ordering::Relaxed);
            held.saturating_add(more).saturating_sub(max)
        };
        let more = bytes.saturating_sub(self.bytes);
        let large = large_part(bytes).saturating_sub(large_part(self.bytes));
        beyond(&budget.held, more, self.max)
            .max(beyond(&budget.held_by_large, large, for_large(self.max)))
            .max(1)
    }

    fn give_back(&mut self, bytes: u64) {
        let budget = &self.budget;
        let less = self.bytes.saturating_sub(bytes);
        if less == 0 {
            return;
        }
        let large = large_part(self.bytes).saturating_sub(large_part(bytes));
        budget.held.fetch_sub(less, Ordering::Relaxed);
        budget.held_by_large.fetch_sub(large, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Makes others give way until there is room for `bytes` in all. `false` if nobody has to give
    /// way to this request, or the room is not free within [`LONGEST_WAIT`].
    pub(crate) async fn make_room(&mut self, bytes: u64, is_complete: bool) -> bool {
        self.stop_waiting();
        let _asking = Asking::new(&self.budget);
        let until = Instant::now().checked_add(LONGEST_WAIT);
        loop {
            let budget = Arc::clone(&self.budget);
            let freed = budget.freed.notified();
            if self.resize(bytes).is_ok() {
                return true;
            }
            let need = self.shortfall(bytes);
            let asker = (!is_complete).then_some((self.peer, bytes));
            let is_coming = budget.waiting.evict(class(bytes), need, asker);
            let left = until.map_or(Duration::ZERO, |until| {
                until.saturating_duration_since(Instant::now())
            });
            // Those that were told to go give their room back when they run.
            if !is_coming || tokio::time::timeout(left, freed).await.is_err() {
                return false;
            }
        }
    }

    /// The request waits for more of itself, and holds `bytes` in all. `waker` is woken when it
    /// has to give way; then this is an error, as it is where there is no room for the bytes.
    pub(crate) fn wait(&mut self, bytes: u64, waker: &Waker) -> Result<(), Exhausted> {
        self.resize(bytes)?;
        if bytes == 0 {
            // It holds nothing that others could use.
            return Ok(());
        }
        let waiting = &self.budget.waiting;
        match &self.place {
            Some(place) if waiting.is_evicted(place) => Err(Exhausted),
            Some(place) if place.is_for(bytes, class(bytes)) => {
                waiting.renew(place, waker);
                Ok(())
            }
            _ => {
                self.stop_waiting();
                let waiting = &self.budget.waiting;
                self.place = Some(waiting.enter(self.peer, bytes, class(bytes), waker));
                Ok(())
            }
        }
    }

    /// The request waits for nothing more, and gives back what it has beyond `bytes`, to those who ask for
    /// room.
    pub(crate) fn keep_only(&mut self, bytes: u64) {
        self.stop_waiting();
        self.give_back(bytes);
        // Either an asker sees the room that was given back, or its asking is seen here.
        fence(Ordering::SeqCst);
        if self.budget.askers.load(Ordering::SeqCst) > 0 {
            self.budget.freed.notify_waiters();
        }
    }

    /// The request has got what it waited for.
    pub(crate) fn stop_waiting(&mut self) {
        if let Some(place) = self.place.take() {
            self.budget.waiting.leave(&place);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.keep_only(0);
    }
}

/// Counts a request that waits for room.
struct Asking(Arc<Budget>);

impl Asking {
    fn new(budget: &Arc<Budget>) -> Self {
        budget.askers.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(budget))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.askers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How much of the budget large requests may take.
fn for_large(max: u64) -> u64 {
    max.saturating_sub(max / 4)
}

/// What a request of this size counts among the large ones: all of it, or nothing.
fn large_part(bytes: u64) -> u64 {
    if bytes > SMALL_BYTES { bytes } else { 0 }
}

fn class(bytes: u64) -> Class {
    if bytes > SMALL_BYTES {
        Class::Large
    } else {
        Class::Small
    }
}

fn take(held: &AtomicU64, more: u64, max: u64) -> Result<(), Exhausted> {
    if more == 0 {
        return Ok(());
    }
    held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
        held.checked_add(more).filter(|sum| *sum <= max)
    })
    .map(drop)
    .map_err(|_| Exhausted)
}

#[cfg(test)]
mod tests;
