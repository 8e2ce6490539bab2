//! The choice among secrets: which candidate equals the digest that was presented.
//!
//! Every candidate is compared, in full, whether or not an earlier one matched, and the result is
//! put together without a branch. `make timing` measures this function.

use std::borrow::Borrow;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::encoding::Digest;

/// The first candidate that equals `presented`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    is_found: Choice,
    index: u32,
}

impl Chosen {
    /// The index that came with the candidate. Branches: only what is public may follow.
    pub(super) fn index(self) -> Option<u32> {
        bool::from(self.is_found).then_some(self.index)
    }
}

pub(super) fn choose<D: Borrow<Digest>>(
    presented: &Digest,
    candidates: impl IntoIterator<Item = (u32, D)>,
) -> Chosen {
    let mut chosen = Chosen {
        is_found: Choice::from(0),
        index: 0,
    };
    for (index, candidate) in candidates {
        let is_equal = candidate.borrow().ct_eq(presented);
        chosen
            .index
            .conditional_assign(&index, is_equal & !chosen.is_found);
        chosen.is_found |= is_equal;
    }
    chosen
}
