//! Keyed hashing that advances as bytes arrive.
//!
//! The state after absorbing the secret is computed once, when the configuration is read; a request
//! starts from a copy of it. Both kinds wipe their state when dropped.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};

use zeroize::Zeroizing;

use super::encoding::Digest;
use super::scheme::MacAlgorithm;

/// A keyed hash: ready to start when fresh, holding part of a message once updated.
#[derive(Clone)]
pub(super) enum Mac {
    Hmac(Hmac<Sha256>),
    Prefixed(Sha256),
}

impl Mac {
    pub(super) fn new(algorithm: MacAlgorithm, secret: &[u8]) -> Self {
        match algorithm {
            MacAlgorithm::HmacSha256 => Self::Hmac(Hmac::new((&*hmac_key(secret)).into())),
            MacAlgorithm::Sha256OfSecretAndMessage => {
                Self::Prefixed(Sha256::new().chain_update(secret))
            }
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hmac(state) => state.update(bytes),
            Self::Prefixed(state) => state.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Digest {
        match self {
            Self::Hmac(state) => Digest::new(state.finalize().into_bytes().into()),
            Self::Prefixed(state) => Digest::new(state.finalize().into()),
        }
    }
}

/// SHA-256 hashes blocks of this many bytes.
const BLOCK_BYTES: usize = 64;

/// A secret as HMAC's key block (RFC 2104 section 2): hashed if longer than a block, then padded
/// with zeros. Done here because the block, unlike a slice, makes keying infallible.
fn hmac_key(secret: &[u8]) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    if secret.len() > BLOCK_BYTES {
        let hashed = Sha256::digest(secret);
        copy_prefix(block.as_mut_slice(), &hashed);
    } else {
        copy_prefix(block.as_mut_slice(), secret);
    }
    block
}

fn copy_prefix(block: &mut [u8], bytes: &[u8]) {
    for (slot, byte) in block.iter_mut().zip(bytes) {
        *slot = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::scheme::Encoding;

    /// Expected values: `printf message | openssl dgst -sha256 -hmac kkk…`.
    #[test]
    fn keys_on_both_sides_of_the_block_size_agree_with_openssl() {
        let cases = [
            (1, "9831a5afefa770d5fe6c985f6c343796"),
            (63, "e27efa30bcbfbc25b4d936ffd8553392"),
            (64, "890f3a16e0ca0aaa3bf180f70fa8e397"),
            (65, "0c256505306af48015530c139bb7add5"),
            (200, "3badf82b9f5273bc369d6a02e72487c7"),
        ];
        for (length, expected) in cases {
            let mut mac = Mac::new(MacAlgorithm::HmacSha256, &vec![b'k'; length]);
            mac.update(b"mess");
            mac.update(b"age");
            let tag = mac.finish().encode(Encoding::HexLower);
            assert!(tag.starts_with(expected), "{length}: {tag}");
        }
    }
}
