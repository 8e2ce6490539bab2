//! What is said of a `spool.url` that cannot be read.

use crate::config::url_parts::ServerError;

/// Why a text is no [`NatsServers`](super::NatsServers). It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NatsServersError {
    /// Another scheme, or none.
    #[error("expected nats://HOST:PORT, or tls:// for TLS; several are separated by commas")]
    Scheme,
    /// Some servers with TLS, others without.
    #[error(
        "expected one scheme for all servers: with nats:// beside tls:// the same is sent without TLS"
    )]
    OtherScheme,
    /// Blanks, control bytes, or bytes beyond ASCII.
    #[error("expected a URL in visible ASCII: other bytes are written as %20 and the like")]
    Bytes,
    /// What stands before an `@` is no user and password, and no token.
    #[error(
        "expected USER:PASSWORD@ or TOKEN@ before the first host; in them `@` is written %40, `/` %2F, `:` %3A, `,` \
         %2C and `%` %25"
    )]
    Login,
    /// A server is to be told something else than the first.
    #[error("expected one user for all servers: USER:PASSWORD@ before the first host is for all")]
    OtherLogin,
    /// Something behind a server.
    #[error(
        "expected nothing after HOST:PORT but a comma and the next; in a password `/` is written %2F, `?` %3F and \
         `#` %23"
    )]
    Rest,
    /// There is nothing between two commas, or at an end.
    #[error("expected HOST:PORT between all commas, and no comma at an end")]
    Element,
    /// A host is missing, or cannot be read.
    #[error("expected HOST or HOST:PORT, an IPv6 address in brackets: [::1]:4222")]
    Host,
    /// A port is missing after its colon, or is none.
    #[error("expected a port from 1 to 65535")]
    Port,
}

impl From<ServerError> for NatsServersError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Host => Self::Host,
            ServerError::Port => Self::Port,
        }
    }
}
