//! What HTTP/2 adds to the failures of an app.

use std::fmt;

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
pub(crate) struct ResetReason(pub(super) h2::Reason);

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
