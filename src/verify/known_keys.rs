//! Texts that are secrets, found wherever they stand.
//!
//! Only their digests are kept. Unlike the comparison that decides about a request, this one takes different times
//! for different texts: it is for work of which no sender sees how long it takes.

use std::collections::HashSet;

use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

use super::secret::Secret;

/// A set of secrets and API keys, of which it is known whether a text is one.
#[derive(Default)]
pub struct KnownKeys {
    lengths: HashSet<usize>,
    digests: HashSet<[u8; 32]>,
}

impl KnownKeys {
    /// Those.
    #[must_use]
    pub fn of<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut known = Self::default();
        for secret in secrets {
            let text = secret.value.expose_secret().as_bytes();
            known.lengths.insert(text.len());
            known.digests.insert(Sha256::digest(text).into());
        }
        known
    }

    /// Whether a text is one of them. Only a text that is as long as one of them is hashed.
    #[must_use]
    pub fn has(&self, text: &[u8]) -> bool {
        self.lengths.contains(&text.len())
            && self
                .digests
                .contains(&<[u8; 32]>::from(Sha256::digest(text)))
    }
}
