//! Why there is no connection to an app, in words for operators.

use super::cause::{Cause, TlsFailure};
use super::http2::errors::NotHttp2;
use super::look_up::LookupError;
use super::race::Lost;

/// Why there is no connection to the app.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The address cannot be found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The app does not take a connection.
    #[error("no connection to {upstream}: {lost}")]
    Unreachable { upstream: String, lost: Lost },
    /// It takes connections, and HTTP/2 cannot be spoken with it.
    #[error("no HTTP/2 with {upstream}: {why}")]
    NotHttp2 { upstream: String, why: NotHttp2 },
    /// No connection of those that there may be has room for another request.
    #[error(
        "no connection to {upstream} has had room for the request within upstream_connect_timeout: the \
         app allows too few streams for its requests, or another connection is still being opened"
    )]
    Full { upstream: String },
}

impl ConnectError {
    /// What was wrong with the app's TLS, at the first address where it was that.
    pub(crate) fn tls_failure(&self) -> Option<&TlsFailure> {
        let Self::Unreachable { lost, .. } = self else {
            return None;
        };
        lost.tried.iter().find_map(|(_, cause)| match cause {
            Cause::Tls(failure) => Some(failure),
            _ => None,
        })
    }
}
