//! The names of headers that the app trusts because hookward alone sets them.

use super::forwarding;
use super::hop_by_hop::is_hop_by_hop;
use crate::http1::names::{Names, begins_like};

/// `X-Hookward-Verified`: the scheme that verified the request.
pub const VERIFIED: &str = "X-Hookward-Verified";
/// `X-Hookward-Route`: the route's name.
pub const ROUTE: &str = "X-Hookward-Route";
/// `X-Hookward-Secret`: the id of the secret that matched.
pub const SECRET: &str = "X-Hookward-Secret";
/// `X-Hookward-Signed-At`: the signed timestamp in milliseconds.
pub const SIGNED_AT: &str = "X-Hookward-Signed-At";
/// `X-Hookward-Rejection`: why a request that was let through did not verify.
pub const REJECTION: &str = "X-Hookward-Rejection";
/// `X-Hookward-Delivery`: the name of a stored event, the same at every attempt.
pub const DELIVERY: &str = "X-Hookward-Delivery";
/// `X-Hookward-Attempt`: which attempt to deliver a stored event it is, from 1.
pub const ATTEMPT: &str = "X-Hookward-Attempt";
/// `X-Hookward-Received-At`: when a stored event came, in milliseconds.
pub const RECEIVED_AT: &str = "X-Hookward-Received-At";
/// `X-Request-Id`.
pub const REQUEST_ID: &str = "X-Request-Id";

/// `X-Forwarded-For`: who called.
pub const FORWARDED_FOR: &str = "X-Forwarded-For";
/// `X-Forwarded-Proto`: the scheme by which it called.
pub const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
/// `X-Forwarded-Host`: the host that it called.
pub const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// Whether a header's name begins with `X-Hookward-`, or like it (see
/// [`is_like`](crate::http1::names::is_like)).
pub(super) fn is_own(name: &[u8]) -> bool {
    begins_like(name, "X-Hookward-")
}

/// Whether hookward sets this header itself, or reads it on every route, or an app could take it for one of
/// those: no `Connection` header may name it, and no API key may be sent in it.
#[must_use]
pub fn is_reserved(name: &[u8]) -> bool {
    const OTHERS: Names = Names::new(&["Host", "Content-Length", "Expect", REQUEST_ID]);
    is_own(name)
        || forwarding::family_of(name).is_some()
        || OTHERS.has_like(name)
        || is_hop_by_hop(name)
}
