//! The memory that all request bodies together may take.
//!
//! Room is taken as a body grows and given back when its response is done. A quarter is out of
//! reach for bodies over 64 KiB, so that a few large forgeries cannot starve the small requests
//! that webhooks are. Counting is by atomics: nothing is locked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bodies up to this many bytes may use the whole budget.
const SMALL_BODY_BYTES: u64 = 64 << 10;

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// What is held, and how much may be.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicU64,
    held_by_large: AtomicU64,
    max: AtomicU64,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicU64::new(0),
            held_by_large: AtomicU64::new(0),
            max: AtomicU64::new(max),
        })
    }

    /// From now on this is the limit. What is held stays.
    pub(crate) fn set_max(&self, max: u64) {
        self.max.store(max, Ordering::Relaxed);
    }

    fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The bytes held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a body of this many bytes would fit now. Takes nothing.
    pub(crate) fn has_room_for(&self, bytes: u64) -> bool {
        let fits =
            |held: &AtomicU64, max| held.load(Ordering::Relaxed).saturating_add(bytes) <= max;
        if bytes <= SMALL_BODY_BYTES {
            return fits(&self.held, self.max()) || self.has_small_room(bytes, self.max());
        }
        fits(&self.held, self.max()) && fits(&self.held_by_large, for_large(self.max()))
    }

    /// Whether the quarter that is kept for small bodies has room for so much more.
    fn has_small_room(&self, more: u64, max: u64) -> bool {
        let large = self.held_by_large.load(Ordering::Relaxed);
        let small = self.held().saturating_sub(large);
        small.saturating_add(more) <= max / 4
    }

    /// A reservation for a body that is about to grow.
    pub(crate) fn reserve_nothing(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            bytes: 0,
            max: self.max(),
        }
    }
}

/// The room of one body. Dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
    /// The limit when it was made: a lower one is for those that begin later.
    max: u64,
}

impl Reservation {
    /// Takes room for `more` bytes.
    pub(crate) fn grow(&mut self, more: u64) -> Result<(), Exhausted> {
        let budget = &self.budget;
        let grown = self.bytes.saturating_add(more);
        let large = large_part(grown).saturating_sub(large_part(self.bytes));
        let is_small = large_part(grown) == 0;
        if take(&budget.held, more, self.max).is_err() {
            // A limit that was lowered, or large bodies that began under a higher one, leave the small
            // ones their quarter all the same.
            if !is_small || !budget.has_small_room(more, self.max) {
                return Err(Exhausted);
            }
            budget.held.fetch_add(more, Ordering::Relaxed);
        }
        if take(&budget.held_by_large, large, for_large(self.max)).is_err() {
            budget.held.fetch_sub(more, Ordering::Relaxed);
            return Err(Exhausted);
        }
        self.bytes = grown;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget
            .held_by_large
            .fetch_sub(large_part(self.bytes), Ordering::Relaxed);
    }
}

/// What of the room is for large bodies.
fn for_large(max: u64) -> u64 {
    max.saturating_sub(max / 4)
}

/// What a body of this size counts among the large ones: all of it, or nothing.
fn large_part(bytes: u64) -> u64 {
    if bytes > SMALL_BODY_BYTES { bytes } else { 0 }
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
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    #[test]
    fn a_quarter_is_kept_for_small_bodies() {
        let budget = Budget::new(1_024 * KIB);
        let mut large = budget.reserve_nothing();
        assert_eq!(large.grow(768 * KIB), Ok(()));
        assert_eq!(large.grow(1), Err(Exhausted));
        assert!(!budget.has_room_for(65 * KIB));
        assert!(budget.has_room_for(64 * KIB));
        let mut small: Vec<_> = (0..4).map(|_| budget.reserve_nothing()).collect();
        for reservation in &mut small {
            assert_eq!(reservation.grow(64 * KIB), Ok(()));
        }
        assert_eq!(budget.reserve_nothing().grow(1), Err(Exhausted));
        assert_eq!(budget.held(), 1_024 * KIB);
        drop((large, small));
        assert_eq!(budget.held(), 0);
        assert!(budget.has_room_for(768 * KIB));
    }

    #[test]
    fn a_lower_limit_is_for_those_that_begin_later_and_small_ones_keep_their_quarter() {
        let budget = Budget::new(1_024 * KIB);
        let mut begun = budget.reserve_nothing();
        assert_eq!(begun.grow(600 * KIB), Ok(()));
        budget.set_max(400 * KIB);
        assert_eq!(begun.grow(100 * KIB), Ok(()));
        assert!(!budget.has_room_for(70 * KIB));
        assert!(budget.has_room_for(64 * KIB));
        let mut small = budget.reserve_nothing();
        assert_eq!(small.grow(64 * KIB), Ok(()));
        let mut next = budget.reserve_nothing();
        assert_eq!(next.grow(37 * KIB), Err(Exhausted), "a quarter is 100 KiB");
        assert_eq!(next.grow(36 * KIB), Ok(()));
        drop((begun, small, next));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_body_that_becomes_large_counts_whole() {
        let budget = Budget::new(400 * KIB);
        let mut first = budget.reserve_nothing();
        assert_eq!(first.grow(64 * KIB), Ok(()));
        let mut second = budget.reserve_nothing();
        assert_eq!(second.grow(280 * KIB), Ok(()));
        assert_eq!(
            first.grow(1),
            Err(Exhausted),
            "64 KiB + 1 beside 280 KiB is over 300 KiB"
        );
        drop(second);
        assert_eq!(first.grow(1), Ok(()));
        drop(first);
        assert_eq!(budget.held(), 0);
        assert_eq!(budget.held_by_large.load(Ordering::Relaxed), 0);
    }
}
