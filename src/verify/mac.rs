//! Keyed hashing that advances as bytes arrive.
//!
//! The state after absorbing the secret is computed once, when the configuration is read; a request
//! starts from a copy of it. Every state is wiped when it is dropped, because each is as good as the
//! secret for making signatures. Some hold the secret itself:
//!
//! - HMAC mixes it into a whole block, which is hashed at once: it cannot be read back from the state.
//! - HubSpot's v1 and v2 hash the secret and then the message. SHA-256 hashes blocks of 64 bytes, so what
//!   is left of the secret after its last whole block waits in the state, as it is, for the message to
//!   fill the block. Of a client secret of 36 characters that is all.
//!
//! Hashing is most of what verifying a large body costs, and no library is the fastest everywhere. Where
//! the CPU has instructions for SHA-256 all are equally fast, and RustCrypto's `hmac` and `sha2` are used,
//! which wipe their states themselves. Elsewhere theirs is portable code, and ring's takes half the time.
//! The tests compare the two.

use std::hint::black_box;
use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::encoding::Digest;
use super::scheme::MacAlgorithm;

/// Whose SHA-256 is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Library {
    RustCrypto,
    Ring,
}

impl Library {
    /// The fastest on this CPU.
    fn fastest() -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        let has_sha = std::arch::is_x86_feature_detected!("sha");
        #[cfg(target_arch = "aarch64")]
        let has_sha = std::arch::is_aarch64_feature_detected!("sha2");
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
        let has_sha = false;
        if has_sha {
            Self::RustCrypto
        } else {
            Self::Ring
        }
    }
}

/// A keyed hash: of the secret alone when new, of the secret and the beginning of a message later.
#[derive(Clone)]
pub(super) enum Mac {
    Hmac(Hmac<Sha256>),
    Prefixed(Sha256),
    RingHmac(RingHmac),
    RingPrefixed(RingSha256),
}

impl Mac {
    pub(super) fn new(algorithm: MacAlgorithm, secret: &[u8]) -> Self {
        Self::of(Library::fastest(), algorithm, secret)
    }

    fn of(library: Library, algorithm: MacAlgorithm, secret: &[u8]) -> Self {
        match (algorithm, library) {
            (MacAlgorithm::HmacSha256, Library::RustCrypto) => {
                Self::Hmac(Hmac::new((&*hmac_key(secret)).into()))
            }
            (MacAlgorithm::HmacSha256, Library::Ring) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                Self::RingHmac(RingHmac(ring::hmac::Context::with_key(&key)))
            }
            (MacAlgorithm::Sha256OfSecretAndMessage, Library::RustCrypto) => {
                Self::Prefixed(Sha256::new().chain_update(secret))
            }
            (MacAlgorithm::Sha256OfSecretAndMessage, Library::Ring) => {
                let mut state = ring::digest::Context::new(&ring::digest::SHA256);
                state.update(secret);
                Self::RingPrefixed(RingSha256(state))
            }
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hmac(state) => state.update(bytes),
            Self::Prefixed(state) => state.update(bytes),
            Self::RingHmac(state) => state.0.update(bytes),
            Self::RingPrefixed(state) => state.0.update(bytes),
        }
    }

    /// The digest of what was absorbed. Takes the state by reference: to move it would leave a copy of
    /// its bytes where it was, which nothing wipes.
    pub(super) fn finish(&self) -> Digest {
        let mut bytes = [0; 32];
        match self {
            Self::Hmac(state) => bytes = state.clone().finalize().into_bytes().into(),
            Self::Prefixed(state) => bytes = state.clone().finalize().into(),
            Self::RingHmac(state) => copy_prefix(&mut bytes, state.0.clone().sign().as_ref()),
            Self::RingPrefixed(state) => copy_prefix(&mut bytes, state.0.clone().finish().as_ref()),
        }
        Digest::new(bytes)
    }
}

/// ring's HMAC. It does not wipe its state, so on being dropped that is overwritten by one made of an
/// empty key.
#[derive(Clone)]
pub(super) struct RingHmac(ring::hmac::Context);

impl Drop for RingHmac {
    fn drop(&mut self) {
        static BLANK: LazyLock<ring::hmac::Context> = LazyLock::new(|| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[]);
            ring::hmac::Context::with_key(&key)
        });
        self.0 = BLANK.clone();
        // Nothing reads the state after this, so the compiler could leave the write out.
        black_box(&self.0);
    }
}

/// ring's SHA-256, overwritten as [`RingHmac`] is.
#[derive(Clone)]
pub(super) struct RingSha256(ring::digest::Context);

impl Drop for RingSha256 {
    fn drop(&mut self) {
        self.0 = ring::digest::Context::new(&ring::digest::SHA256);
        black_box(&self.0);
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
    use proptest::prelude::*;

    use super::*;
    use crate::verify::scheme::Encoding;

    const LIBRARIES: [Library; 2] = [Library::RustCrypto, Library::Ring];
    const ALGORITHMS: [MacAlgorithm; 2] = [
        MacAlgorithm::HmacSha256,
        MacAlgorithm::Sha256OfSecretAndMessage,
    ];

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
        for (library, (length, expected)) in LIBRARIES
            .iter()
            .flat_map(|library| cases.map(|case| (*library, case)))
        {
            let mut mac = Mac::of(library, MacAlgorithm::HmacSha256, &vec![b'k'; length]);
            mac.update(b"mess");
            mac.update(b"age");
            let tag = mac.finish().encode(Encoding::HexLower);
            assert!(tag.starts_with(expected), "{library:?} {length}: {tag}");
        }
    }

    proptest! {
        #[test]
        fn the_libraries_agree(
            secret in proptest::collection::vec(any::<u8>(), 0..200),
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            for algorithm in ALGORITHMS {
                let [first, second] = LIBRARIES.map(|library| {
                    let key = Mac::of(library, algorithm, &secret);
                    let mut mac = key.clone();
                    pieces.iter().for_each(|piece| mac.update(piece));
                    mac.finish().encode(Encoding::HexLower)
                });
                prop_assert_eq!(first, second);
            }
        }
    }
}
