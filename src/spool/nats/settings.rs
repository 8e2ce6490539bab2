//! Which NATS it is, and how it is told who we are.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// How long the server waits for the end of an attempt, or for a word that it is still being made.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// A stream of a NATS JetStream.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Each server as `nats://HOST:PORT` or `tls://HOST:PORT`, without user, password and token.
    pub(crate) urls: Vec<String>,
    /// Nothing may be said without TLS, also to servers of which these tell.
    pub(crate) needs_tls: bool,
    /// Who we are.
    pub(crate) login: Option<Login>,
    /// A file that says who we are.
    pub(crate) credentials: Option<PathBuf>,
    /// The name of the stream.
    pub(crate) stream: String,
    /// On how many servers the stream is kept, if it is made.
    pub(crate) replicas: u8,
    /// After what silence an event is delivered to another process. All that share a stream have the same.
    pub(crate) ack_wait: Duration,
}

/// Who we are, for all servers.
#[derive(Clone)]
pub(crate) enum Login {
    /// A user.
    Password {
        user: SecretString,
        password: SecretString,
    },
    /// A token.
    Token(SecretString),
}

impl Settings {
    /// A stream on these servers, for those who need not say who they are.
    pub(crate) fn new(urls: Vec<String>, stream: &str, replicas: u8) -> Self {
        Self {
            needs_tls: urls.iter().any(|url| url.starts_with("tls:")),
            urls,
            login: None,
            credentials: None,
            stream: stream.to_owned(),
            replicas,
            ack_wait: ACK_WAIT,
        }
    }
}

/// Where it is: nothing of who we are.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.urls.join(","))
    }
}
