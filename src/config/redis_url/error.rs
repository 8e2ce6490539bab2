//! What is said of a `replay.url` that cannot be read.

use crate::config::url_parts::ServerError;

/// Why a text is no [`RedisUrl`](super::RedisUrl). It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Another scheme, or none.
    #[error(
        "expected redis://HOST:PORT/DB, rediss:// for TLS, unix:///PATH, redis+cluster:// or redis+sentinel://"
    )]
    Scheme,
    /// Blanks, control bytes, or bytes beyond ASCII.
    #[error("expected a URL in visible ASCII: other bytes are written as %20 and the like")]
    Bytes,
    /// A `#`.
    #[error(
        "expected no `#`: in a password it is written %23, and certificates are checked always, so there is no \
         `#insecure`"
    )]
    Fragment,
    /// A `?`, but for the parameters of a Unix socket.
    #[error(
        "expected nothing behind a `?`, which in a password is written %3F; unix:/// alone takes db, user and pass, \
         each once"
    )]
    Parameter,
    /// What stands before the `@` is no user and password.
    #[error(
        "expected USER:PASSWORD@ or :PASSWORD@ once, before the first host; in them `@` is written %40, `/` %2F, `:` \
         %3A and `%` %25"
    )]
    Credentials,
    /// A host is missing, or cannot be read.
    #[error("expected HOST or HOST:PORT, an IPv6 address in brackets: [::1]:6379")]
    Host,
    /// In a list of servers there is nothing between two commas, or at an end.
    #[error("expected HOST:PORT between all commas, and no comma at an end")]
    Element,
    /// A port is missing after its colon, or is none.
    #[error("expected a port from 1 to 65535")]
    Port,
    /// Several servers where one is meant.
    #[error("expected one server; several are redis+cluster:// or redis+sentinel://")]
    Several,
    /// What follows the server is no database.
    #[error("expected nothing after the server but the number of a database: /0")]
    Database,
    /// Another database of a cluster than 0.
    #[error("expected no database after the servers: a cluster has number 0 alone")]
    ClusterDatabase,
    /// The sentinels are not told which master.
    #[error(
        "expected the name of the master after the sentinels, of letters, digits and `.` `-` `_`: \
         redis+sentinel://HOST:PORT/MASTER or …/MASTER/DB"
    )]
    Master,
    /// The path of a Unix socket is relative, or longer than the system takes.
    #[error("expected unix:///PATH, an absolute path of at most 107 bytes")]
    Socket,
}

impl From<ServerError> for RedisUrlError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Host => Self::Host,
            ServerError::Port => Self::Port,
        }
    }
}
