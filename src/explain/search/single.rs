//! A mistake that was undone alone in vain, and its place in pairs.

use crate::explain::mistakes::Mistake;
use crate::explain::supposed::{Concern, Supposed};

/// A mistake that does not explain the signature alone.
pub(super) struct Single {
    /// Its place among all; the likeliest has the lowest.
    pub(super) rank: usize,
    pub(super) mistake: &'static Mistake,
    /// What it may have been done to; the likeliest, where there is no room for all.
    pub(super) messages: Vec<Supposed>,
    /// How many there are, and how many were tried in vain.
    pub(super) count: usize,
    pub(super) tried: usize,
}

impl Single {
    /// Whether all was tried that this mistake may have been done to.
    pub(super) fn is_ruled_out(&self) -> bool {
        self.count > 0 && self.tried == self.count
    }

    /// Whether this mistake is undone before the other. Of two that concern different parts of a message only
    /// one order is tried: both give the same.
    pub(super) fn comes_before(&self, other: &Self) -> bool {
        let (first, second) = (self.mistake.concern, other.mistake.concern);
        match order(first).cmp(&order(second)) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Greater => false,
            std::cmp::Ordering::Equal if first == second => self.rank != other.rank,
            std::cmp::Ordering::Equal => self.rank < other.rank,
        }
    }
}

/// When a mistake is undone. Which digest is compared depends on how it is written, and what is signed on the
/// scheme.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Signature,
    Scheme,
    Last,
}

fn order(concern: Concern) -> Order {
    match concern {
        Concern::Signature => Order::Signature,
        Concern::Scheme => Order::Scheme,
        Concern::Url | Concern::Method | Concern::Body | Concern::Timestamp | Concern::Secret => {
            Order::Last
        }
    }
}

/// Whether what others are compared with, or signed by, depends on it.
pub(super) fn is_undone_early(concern: Concern) -> bool {
    order(concern) != Order::Last
}
