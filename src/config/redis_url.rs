//! `replay.url`: where a Redis or Valkey is, and how it is reached.

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};

/// Where a Redis or Valkey is: one server, a cluster, or one that sentinels know.
#[derive(Clone)]
pub struct RedisUrl {
    /// As it was written. It may have a password in it.
    text: SecretString,
    /// How the servers belong together.
    topology: RedisTopology,
    /// How each server of the URL is reached, with user and password; of sentinels, how the server is that they
    /// name, with the sentinel's address.
    nodes: Vec<ConnectionInfo>,
}

/// How the servers of a [`RedisUrl`] belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisTopology {
    /// There is one.
    One,
    /// They are nodes of a cluster.
    Cluster,
    /// They are sentinels, which know the master of this name.
    Sentinel(String),
}

/// Why a text is no [`RedisUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Another scheme.
    #[error("expected redis://, rediss://, unix://, redis+cluster:// or redis+sentinel://")]
    Scheme,
    /// The rest cannot be read.
    #[error("expected HOST:PORT after the scheme")]
    Address,
}

impl RedisUrl {
    /// How the servers belong together.
    #[must_use]
    pub fn topology(&self) -> &RedisTopology {
        &self.topology
    }

    /// How each server of the URL is reached.
    #[must_use]
    pub fn nodes(&self) -> &[ConnectionInfo] {
        &self.nodes
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let node = text
            .into_connection_info()
            .map_err(|_| RedisUrlError::Address)?;
        Ok(Self {
            text: text.into(),
            topology: RedisTopology::One,
            nodes: vec![node],
        })
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose_secret() == other.text.expose_secret()
    }
}

impl Eq for RedisUrl {}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisUrl")
            .field("topology", &self.topology)
            .finish_non_exhaustive()
    }
}
