//! `replay.url`: where a Redis or Valkey is, and how it is reached.
//!
//! Each server is read by the `redis` crate, from a URL of its own, so that it means what that crate takes it
//! for. Lists of servers are no URLs that it knows, and some of what it lets pass would be a mistake here: a
//! parameter that nobody reads, a `#insecure` that switches the checks of certificates off, a user without a
//! password. So the text is taken apart first.
//!
//! It may have a password in it, which errors and `Debug` never show. The text is wiped when it is dropped. What
//! the `redis` crate makes of it is not: it is kept, with the password, as long as the configuration is, and by
//! each connection.

mod error;
mod parts;
mod socket;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use error::RedisUrlError;
use parts::{Kind, Path, are_credentials};

use super::listen_address::UNIX;
use super::url_parts::is_loopback;

/// Where a Redis or Valkey is: one server, a cluster, or one that sentinels know.
#[derive(Clone)]
pub struct RedisUrl {
    /// As it was written. It may have a password in it.
    text: SecretString,
    /// The same without user and password.
    place: String,
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

impl RedisTopology {
    fn is_found_by_sentinels(&self) -> bool {
        matches!(self, Self::Sentinel(_))
    }
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

    /// The password, which is the same for all servers.
    pub(crate) fn password(&self) -> Option<&str> {
        self.nodes.first()?.redis_settings().password()
    }

    /// Whether there is a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password().is_some()
    }

    /// Whether a password may be sent to another machine without TLS. Where the server is that sentinels name is not
    /// known.
    pub(crate) fn exposes_password(&self) -> bool {
        let is_elsewhere =
            |host: &String| self.topology.is_found_by_sentinels() || !is_loopback(host);
        let is_open = |address: &ConnectionAddr| matches!(address, ConnectionAddr::Tcp(host, _) if is_elsewhere(host));
        let mut addresses = self.nodes.iter().map(ConnectionInfo::addr);
        self.password().is_some() && addresses.any(is_open)
    }
}

/// Where it is, without user and password: `redis://127.0.0.1:6379/0`.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RedisUrlError::Bytes);
        }
        if text.contains('#') {
            return Err(RedisUrlError::Fragment);
        }
        if let Some(rest) = text.strip_prefix(UNIX) {
            return socket::read(text, rest);
        }
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Scheme)?;
        let (node_scheme, kind) = match scheme {
            "redis" => ("redis", Kind::One),
            "rediss" => ("rediss", Kind::One),
            "redis+cluster" => ("redis", Kind::Cluster),
            "rediss+cluster" => ("rediss", Kind::Cluster),
            "redis+sentinel" => ("redis", Kind::Sentinel),
            "rediss+sentinel" => ("rediss", Kind::Sentinel),
            _ => return Err(RedisUrlError::Scheme),
        };
        let (servers, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match servers.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, servers),
        };
        // An `@` further on is behind a `/` of a password.
        if path.contains('@') || !user.is_none_or(are_credentials) {
            return Err(RedisUrlError::Credentials);
        }
        if rest.contains('?') {
            return Err(RedisUrlError::Parameter);
        }
        let servers = kind.servers(hosts)?;
        if path == "/" || path.ends_with("//") {
            return Err(RedisUrlError::Database);
        }
        let Path {
            topology,
            database,
            place,
        } = kind.read_path(path.strip_suffix('/').unwrap_or(path))?;
        let user = user.map(|user| Zeroizing::new(format!("{user}@")));
        let user = user.as_ref().map_or("", |user| user.as_str());
        let node = |server: &String| {
            let url = Zeroizing::new(format!("{node_scheme}://{user}{server}/{database}"));
            // All that it can still refuse is an address that nobody is reached at, such as 0.0.0.0.
            url.as_str()
                .into_connection_info()
                .map_err(|_| RedisUrlError::Host)
        };
        Ok(Self {
            text: text.into(),
            place: format!("{scheme}://{}{place}", servers.join(",")),
            topology,
            nodes: servers.iter().map(node).collect::<Result<_, _>>()?,
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
        f.debug_tuple("RedisUrl").field(&self.place).finish()
    }
}
