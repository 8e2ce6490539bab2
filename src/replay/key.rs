//! What identifies a request, and what identifies an attempt to have it counted.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::verify::Signature;

/// How much of the digest is kept, in bytes. Nobody can look for two requests with one key: both would have to be
/// signed by who has the secret. By chance, two of a million have one with a probability of 2^-89.
pub(super) const KEY_BYTES: usize = 16;

/// A request: a digest of its route's name and its decoded signature, which says nothing of either.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; KEY_BYTES]);

impl Key {
    /// The key of a request to the route of this name, with the signature that matched.
    pub(super) fn of(route: &str, signature: &Signature) -> Self {
        let mut hash = Sha256::new();
        // The signature has a fixed length, so no other route's name and signature are the same bytes.
        hash.update(signature.as_bytes());
        hash.update(route.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut key = [0; KEY_BYTES];
        for (slot, byte) in key.iter_mut().zip(digest) {
            *slot = byte;
        }
        Self(key)
    }

    /// The key of no request.
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// Its bytes: as good as random.
    pub(super) fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

/// An attempt to have a request counted. No two have the same, of all processes that share a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    /// Which process it is of: a random number.
    pub(super) process: u64,
    /// Which of the process's: from 1.
    pub(super) number: u64,
}

/// Gives out tickets.
#[derive(Debug)]
pub(super) struct Tickets {
    process: u64,
    given: AtomicU64,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            process: rand::random(),
            given: AtomicU64::new(0),
        }
    }
}

impl Tickets {
    pub(super) fn next(&self) -> Ticket {
        let before = self.given.fetch_add(1, Ordering::Relaxed);
        Ticket {
            process: self.process,
            number: before.wrapping_add(1),
        }
    }
}
