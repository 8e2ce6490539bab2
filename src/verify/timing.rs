//! For the timing test: the comparison and the choice, without what comes before and after.

use std::hint::black_box;

use super::choose::choose;
use super::encoding::Digest;

/// The digests that the secrets of a route gave.
pub struct Candidates(Vec<Digest>);

/// A digest that a request presented. Overwritten in place, so that its address tells nothing.
pub struct Presented(Digest);

impl Candidates {
    /// Candidates from their bytes.
    #[must_use]
    pub fn new(digests: &[[u8; 32]]) -> Self {
        Self(digests.iter().copied().map(Digest::new).collect())
    }

    /// Chooses among the candidates, as verification does.
    pub fn choose(&self, presented: &Presented) {
        black_box(choose(black_box(&presented.0), (0..).zip(&self.0)));
    }
}

impl Presented {
    /// A digest from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Digest::new(bytes))
    }

    /// Puts other bytes in its place.
    pub fn set(&mut self, bytes: [u8; 32]) {
        self.0 = Digest::new(bytes);
    }
}
