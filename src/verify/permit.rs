//! The proof that a request may be forwarded.

use std::sync::Arc;

use bytes::Bytes;

use super::body::Body;
use super::rejection::Rejection;
use super::request::Request;
use super::signature::Signature;
use super::timestamp::Timestamp;
use crate::reason::Reason;

/// A request that may be forwarded: the permit, the request it was made for, and the body that was
/// judged with it.
///
/// Forwarding takes one by value. Its fields are private and nothing but the verifier makes one, so that
/// neither a request that was not judged, nor another body than the one that was, can be forwarded:
///
/// ```compile_fail
/// # use hookward::verify::{Permit, Permitted, Request};
/// fn forge(permit: Permit, another: Request<'_>) -> Permitted<'_> {
///     Permitted { permit, request: another, body: Default::default() }
/// }
/// ```
#[derive(Debug)]
pub struct Permitted<'r> {
    permit: Permit,
    request: Request<'r>,
    body: Body,
}

impl<'r> Permitted<'r> {
    pub(super) fn new(permit: Permit, request: Request<'r>, body: Body) -> Self {
        Self {
            permit,
            request,
            body,
        }
    }

    /// Why it may be forwarded.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The request, as it was judged.
    #[must_use]
    pub fn request(&self) -> Request<'r> {
        self.request
    }

    /// The length of its body in bytes.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.body.len()
    }

    /// The pieces of its body, shared: they can be looked at, and not changed.
    #[must_use]
    pub fn share_body(&mut self) -> Vec<Bytes> {
        self.body.share_pieces()
    }

    /// The same request, let through for another reason than that it verified: the route waives `rejection`.
    #[must_use]
    pub fn waived_for(self, rejection: Rejection) -> Self {
        Self {
            permit: Permit::unenforced(rejection),
            ..self
        }
    }

    /// Gives up the proof for its body.
    #[must_use]
    pub fn into_body(self) -> Body {
        self.body
    }
}

/// Leave to forward one request.
#[derive(Debug)]
pub struct Permit(Ground);

#[derive(Debug)]
enum Ground {
    Verified(Verified),
    Unenforced(Rejection),
}

/// Who a request was proved to come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The scheme that verified it, such as `hubspot-v3`.
    pub scheme: &'static str,
    /// The id of the secret that matched.
    pub secret: Arc<str>,
    /// The signed timestamp, where the scheme signs one.
    pub signed_at: Option<Timestamp>,
    /// The signature that matched, where the scheme has one.
    pub signature: Option<Signature>,
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
