//! The hand-off: what the app receives besides what was sent.
//!
//! The app trusts a handful of headers because hookward sets them, so whatever came in under those
//! names is removed first. So is every name that an app could take for one of them, or for one that
//! says how long the request is: gateways to CGI and what came after it write `-` as `_`, and some of
//! them every other character too. Headers of one connection end here, as in any proxy (RFC 9110
//! section 7.6.1). Everything else goes on as it came.

mod filter;
mod forwarded;
pub mod forwarding;
mod hop_by_hop;
mod names;
mod outbound;
mod request_id;
mod stored;

pub use filter::Filter;
pub use hop_by_hop::{is_hop_by_hop, is_persistent, nominations};
pub use names::{
    ATTEMPT, DELIVERY, FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, RECEIVED_AT, REJECTION,
    REQUEST_ID, ROUTE, SECRET, SIGNED_AT, VERIFIED, is_reserved,
};
pub use outbound::{HandOff, Outbound};
pub use request_id::request_id;
pub use stored::{Delivery, Stored};
