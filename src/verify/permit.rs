//! The proof that a request may be forwarded.

use std::sync::Arc;

use super::rejection::Rejection;
use super::timestamp::Timestamp;
use crate::reason::Reason;

/// Leave to forward one request, made by the verifier alone.
///
/// Forwarding code takes a `Permit` by value, so that a path which skips verification does not
/// compile. Its fields are private to this module's parent: no other code can build one.
#[derive(Debug)]
pub struct Permit(Ground);

#[derive(Debug)]
enum Ground {
    Verified(Verified),
    Unenforced(Rejection),
}

/// Who a request was proved to come from.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The scheme that verified it, such as `hubspot-v3`.
    pub scheme: &'static str,
    /// The id of the secret that matched.
    pub secret: Arc<str>,
    /// The signed timestamp, where the scheme signs one.
    pub signed_at: Option<Timestamp>,
}

impl Permit {
    pub(super) fn verified(verified: Verified) -> Self {
        Self(Ground::Verified(verified))
    }

    pub(super) fn unenforced(rejection: Rejection) -> Self {
        Self(Ground::Unenforced(rejection))
    }

    /// Who sent the request; `None` if it was let through without proof.
    #[must_use]
    pub fn proof(&self) -> Option<&Verified> {
        match &self.0 {
            Ground::Verified(verified) => Some(verified),
            Ground::Unenforced(_) => None,
        }
    }

    /// Why the request would have been refused, had the route enforced it.
    #[must_use]
    pub fn waived(&self) -> Option<&Rejection> {
        match &self.0 {
            Ground::Verified(_) => None,
            Ground::Unenforced(rejection) => Some(rejection),
        }
    }

    /// The reason for [`Self::waived`].
    #[must_use]
    pub fn waived_reason(&self) -> Option<Reason> {
        self.waived().map(|rejection| rejection.reason)
    }

    /// The scheme it was judged by, for metrics.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match &self.0 {
            Ground::Verified(verified) => verified.scheme,
            Ground::Unenforced(rejection) => rejection.scheme,
        }
    }
}
