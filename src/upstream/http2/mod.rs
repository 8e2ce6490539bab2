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
mod head;
mod life;
mod open;
mod transport;
mod upload;
mod written;

use std::fmt;

use super::failure::Failure;

/// Why an app cannot be spoken HTTP/2 with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHttp2 {
    #[error(
        "the app does not speak HTTP/2 without TLS; let it do so by prior knowledge (h2c), or set \
         upstream_protocol = \"http/1.1\""
    )]
    OtherProtocol,
    #[error(
        "the app ended the connection instead of beginning HTTP/2; let it speak HTTP/2 by prior \
         knowledge (h2c), or set upstream_protocol = \"http/1.1\""
    )]
    Ended,
    #[error("the app did not begin HTTP/2 within upstream_connect_timeout")]
    Silent,
    #[error("the app takes no requests on a new connection")]
    NoStreams,
}

/// What of a request HTTP/2, or the library for it, has no form for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("its target is over 65,534 bytes, or has a backtick in its path")]
    Target,
    #[error("its Host cannot be sent as :authority")]
    Host,
    #[error("its method cannot be sent")]
    Method,
    #[error("its header {0} cannot be sent")]
    Field(String),
    #[error("its header has no form in HTTP/2")]
    Head,
}

/// What an app gave as the reason for resetting a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetReason(h2::Reason);

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

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
