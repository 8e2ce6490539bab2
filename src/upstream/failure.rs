//! What can go wrong between a permitted request and the app's answer, and what the sender is told.

use pingora::{BError, ErrorType};

use super::connect_error::ConnectError;
use super::http2::errors::{ResetReason, Unsendable};

/// Why the app's answer did not reach its sender whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the app did not answer completely within upstream_timeout")]
    TooSlow,
    /// Its cause comes from the system.
    #[error("the app closed the connection before its answer was complete")]
    Closed,
    #[error("the app's answer cannot be read as HTTP/1.1")]
    Garbage,
    #[error("the app's answer breaks the rules of HTTP/2")]
    Http2Garbage,
    #[error("the app reset the stream before its answer was complete ({0})")]
    Reset(ResetReason),
    /// It was tried on more than one connection.
    #[error("the app refused to process the request each time (REFUSED_STREAM or GOAWAY)")]
    Refused,
    #[error("the request cannot be sent over HTTP/2: {0}; upstream_protocol = \"http/1.1\" can")]
    Unsendable(#[from] Unsendable),
    #[error("the app switched protocols, which nobody had asked for")]
    Switched,
    #[error("the app's answer has a transfer coding other than chunked")]
    TransferCoding,
    #[error("the app's answer has a length that is no number")]
    Length,
}

/// Whether an app says with this status that it failed: it did not take the request, and may take it later. A status
/// above 599 is none that HTTP has, and counts as one of 500 (RFC 9110 section 15).
pub(crate) fn is_failure(status: u16) -> bool {
    status == 429 || status >= 500
}

impl Failure {
    /// The status of our own answer. Both are 5xx: HubSpot tries those again.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::TooSlow => 504,
            _ => 502,
        }
    }

    /// In a word, for logs.
    pub(crate) fn name(&self) -> &'static str {
        self.word().as_str()
    }

    /// The word.
    pub(crate) fn word(&self) -> FailureWord {
        match self {
            Self::Connect(ConnectError::Lookup(_)) => FailureWord::NotFound,
            Self::Connect(ConnectError::Unreachable { .. }) => FailureWord::Unreachable,
            Self::Connect(ConnectError::NotHttp2 { .. }) => FailureWord::NotHttp2,
            Self::Connect(ConnectError::Full { .. }) => FailureWord::ConnectionsFull,
            Self::TooSlow => FailureWord::TooSlow,
            Self::Closed => FailureWord::Closed,
            Self::Garbage | Self::Http2Garbage => FailureWord::Garbage,
            Self::Reset(_) => FailureWord::Reset,
            Self::Refused => FailureWord::Refused,
            Self::Unsendable(_) => FailureWord::Unsendable,
            Self::Switched | Self::TransferCoding | Self::Length => FailureWord::AnswerUnfit,
        }
    }
}

/// A failure in a word: what logs say, and what can be remembered of one as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureWord {
    NotFound,
    Unreachable,
    NotHttp2,
    ConnectionsFull,
    TooSlow,
    Closed,
    Garbage,
    Reset,
    Refused,
    Unsendable,
    AnswerUnfit,
}

impl FailureWord {
    /// All of them. Each is known by its place.
    pub(crate) const ALL: [Self; 11] = [
        Self::NotFound,
        Self::Unreachable,
        Self::NotHttp2,
        Self::ConnectionsFull,
        Self::TooSlow,
        Self::Closed,
        Self::Garbage,
        Self::Reset,
        Self::Refused,
        Self::Unsendable,
        Self::AnswerUnfit,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "app_not_found",
            Self::Unreachable => "app_unreachable",
            Self::NotHttp2 => "app_not_http2",
            Self::ConnectionsFull => "app_connections_full",
            Self::TooSlow => "app_too_slow",
            Self::Closed => "app_closed",
            Self::Garbage => "app_garbage",
            Self::Reset => "app_reset",
            Self::Refused => "app_refused",
            Self::Unsendable => "request_unsendable",
            Self::AnswerUnfit => "app_answer_unfit",
        }
    }
}

/// What Pingora's client says of an answer. Its own words are not kept: they quote the answer.
impl From<BError> for Failure {
    fn from(error: BError) -> Self {
        match error.etype() {
            ErrorType::ConnectionClosed
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::SocketError => Self::Closed,
            _ => Self::Garbage,
        }
    }
}
