//! HTTP/2 to the app (RFC 9113): many requests on one connection.
//!
//! A [`connections::Connections`] has the connections, an [`call::Http2Call`] is a request on one of them.
//! Connecting is the same as for HTTP/1. The frames are the `h2` crate's, without Pingora's session around it:
//! that one waits until a body is sent before it reads the answer, turns what the app said of a stream into a
//! text, drops informational answers, and drives connections with tasks that nobody owns.
//!
//! A request goes to the app once. It is sent again, on another connection, only where it is certain that
//! the app did not process it: the app said so (REFUSED_STREAM, or a GOAWAY that excludes its stream), or the
//! connection ended before any of the request was given to the system.

pub(super) mod call;
pub(super) mod connection;
pub(super) mod connections;
pub(super) mod errors;
mod head;
mod life;
mod open;
mod transport;
mod upload;
mod written;

use errors::ResetReason;

use super::failure::Failure;

/// What the library says of an answer. Its own words are not kept.
fn failure(error: &h2::Error) -> Failure {
    match error.reason() {
        Some(_) if is_unprocessed(error) => Failure::Refused,
        Some(reason) if error.is_remote() => Failure::Reset(ResetReason(reason)),
        Some(_) => Failure::Http2Garbage,
        None => Failure::Closed,
    }
}

/// Whether the app said that it has not processed a stream and will not (RFC 9113 sections 6.8 and 8.7).
/// The library ends a stream with the app's GOAWAY only where that excludes it.
fn is_unprocessed(error: &h2::Error) -> bool {
    let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (is_refused || error.is_go_away())
}
