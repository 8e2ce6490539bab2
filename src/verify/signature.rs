//! The signature of a request that verified, as it is handed out.

use super::encoding::Digest;

/// A signature that matched, decoded.
///
/// It has no `PartialEq`, and `Debug` shows nothing of it; it is wiped when dropped. Whoever has it and the request can
/// send that again.
#[derive(Clone)]
pub struct Signature(Digest);

impl Signature {
    pub(super) fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its bytes: always as many for one scheme. To be remembered, so that each request is taken once; of no use for
    /// telling whether another request is signed, which the verifier alone does in constant time.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(…)")
    }
}
