//! Why a request was refused: one fixed vocabulary for metrics, logs and tools.
//!
//! A request has one reason, the first that applies in the order of the variants below. The caller
//! never learns it: every reason of one status gets the same answer, so that a forger cannot tell a
//! wrong secret from a wrong timestamp.

use std::fmt;

/// The first thing that was wrong with a request, in the order in which things are checked. Another may come in between.
///
/// Those that name a route, a size, a time limit or a store come from the proxy alone. An app's verifier gives
/// [`BadRequest`](Self::BadRequest), [`BadTarget`](Self::BadTarget), and those from
/// [`DuplicateHeader`](Self::DuplicateHeader) to [`TimestampInFuture`](Self::TimestampInFuture) and both mismatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes allow two readings: framing, `Host`, `Connection`.
    BadRequest,
    /// The target has dot segments or bytes that it must not have, or the host is not in `public_hosts`.
    BadTarget,
    /// No route has this path.
    NoRoute,
    /// The route does not take this method.
    MethodNotAllowed,
    /// The body is larger than the route allows, declared or counted.
    BodyTooLarge,
    /// A signature, version, timestamp or key was sent twice.
    DuplicateHeader,
    /// No signature was sent.
    MissingSignature,
    /// No API key was sent.
    MissingApiKey,
    /// The signature's version is absent, unknown or not accepted on this route.
    UnacceptedVersion,
    /// The signature has the wrong length or alphabet.
    MalformedSignature,
    /// The scheme signs a timestamp and none was sent.
    MissingTimestamp,
    /// The timestamp is not 13 ASCII digits.
    MalformedTimestamp,
    /// The timestamp is older than `max_age`.
    TimestampExpired,
    /// The timestamp is further ahead than `max_skew`.
    TimestampInFuture,
    /// There is no memory left to hold the request, or no descriptor for a connection to the app.
    Overloaded,
    /// The body did not arrive within `body_timeout`.
    BodyTimeout,
    /// No secret of the route yields the signature that was sent.
    SignatureMismatch,
    /// The API key is none of the route's.
    ApiKeyMismatch,
    /// The same request was taken by the app before, or is on its way to it.
    Replayed,
    /// Whether the request came before cannot be found out: the store does not answer.
    ReplayStoreUnavailable,
}

impl Reason {
    /// The name used in metrics, logs and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::BadTarget => "bad_target",
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::DuplicateHeader => "duplicate_header",
            Self::MissingSignature => "missing_signature",
            Self::MissingApiKey => "missing_api_key",
            Self::UnacceptedVersion => "unaccepted_version",
            Self::MalformedSignature => "malformed_signature",
            Self::MissingTimestamp => "missing_timestamp",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::TimestampExpired => "timestamp_expired",
            Self::TimestampInFuture => "timestamp_in_future",
            Self::Overloaded => "overloaded",
            Self::BodyTimeout => "body_timeout",
            Self::SignatureMismatch => "signature_mismatch",
            Self::ApiKeyMismatch => "api_key_mismatch",
            Self::Replayed => "replayed",
            Self::ReplayStoreUnavailable => "replay_store_unavailable",
        }
    }

    /// Whether the request merely failed to prove who sent it.
    #[must_use]
    #[doc(hidden)]
    pub const fn is_unauthenticated(self) -> bool {
        matches!(
            self,
            Self::DuplicateHeader
                | Self::MissingSignature
                | Self::MissingApiKey
                | Self::UnacceptedVersion
                | Self::MalformedSignature
                | Self::MissingTimestamp
                | Self::MalformedTimestamp
                | Self::TimestampExpired
                | Self::TimestampInFuture
                | Self::SignatureMismatch
                | Self::ApiKeyMismatch
        )
    }

    /// Whether a route that says `enforce = false` lets such a request through. Requests with another reason
    /// cannot be read safely, have no route, or cannot be held.
    #[must_use]
    #[doc(hidden)]
    pub const fn is_waivable(self) -> bool {
        self.is_unauthenticated() || matches!(self, Self::Replayed | Self::ReplayStoreUnavailable)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
