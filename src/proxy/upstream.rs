//! Where a route's requests go: the app's address, looked up without blocking.
//!
//! Pingora's own constructor resolves names by blocking and panics if that fails. Here a name is
//! resolved asynchronously, again when the answer is half a minute old, and the last good answer is
//! kept while lookups fail: a DNS outage must not lose events for an app that is up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use pingora::prelude::HttpPeer;
use pingora::upstreams::peer::PeerOptions;

use crate::config::{RouteConfig, Upstream};

/// How old an answer may be before it is asked for again.
const ANSWER_LIFETIME: Duration = Duration::from_secs(30);

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("cannot resolve the upstream host {host}: {source}")]
    Lookup {
        host: String,
        source: std::io::Error,
    },
    #[error("the upstream host {host} has no address")]
    NoAddress { host: String },
    #[error("the upstream socket {path} cannot be used")]
    Socket { path: PathBuf },
}

/// A route's upstream.
pub(super) struct UpstreamPeer {
    target: Target,
    options: PeerOptions,
}

enum Target {
    Address {
        address: SocketAddr,
        server_name: Option<String>,
    },
    Name {
        host: String,
        port: u16,
        server_name: Option<String>,
        answer: RwLock<Option<Answer>>,
    },
    Socket(PathBuf),
}

#[derive(Clone, Copy)]
struct Answer {
    address: SocketAddr,
    at: Instant,
}

impl UpstreamPeer {
    pub(super) fn new(config: &RouteConfig) -> Self {
        let mut options = PeerOptions::new();
        options.connection_timeout = Some(config.upstream_connect_timeout);
        options.total_connection_timeout = Some(config.upstream_connect_timeout);
        options.read_timeout = Some(config.upstream_timeout);
        options.write_timeout = Some(config.upstream_timeout);
        options.idle_timeout = Some(config.upstream_idle_timeout);
        let target = match &config.upstream {
            Upstream::Unix(path) => Target::Socket(path.clone()),
            Upstream::Tcp { host, port, tls } => {
                let server_name = tls.then(|| host.clone());
                match host.parse() {
                    Ok(ip) => Target::Address {
                        address: SocketAddr::new(ip, *port),
                        server_name,
                    },
                    Err(_) => Target::Name {
                        host: host.clone(),
                        port: *port,
                        server_name,
                        answer: RwLock::new(None),
                    },
                }
            }
        };
        Self { target, options }
    }

    /// The peer to connect to now.
    pub(super) async fn peer(&self) -> Result<HttpPeer, UpstreamError> {
        let (address, server_name) = match &self.target {
            Target::Socket(path) => return self.socket_peer(path),
            Target::Address {
                address,
                server_name,
            } => (*address, server_name),
            Target::Name {
                host,
                port,
                server_name,
                answer,
            } => (resolve(host, *port, answer).await?, server_name),
        };
        let name = server_name.clone().unwrap_or_default();
        let mut peer = HttpPeer::new(address, server_name.is_some(), name);
        peer.options = self.options.clone();
        Ok(peer)
    }

    fn socket_peer(&self, path: &Path) -> Result<HttpPeer, UpstreamError> {
        let unusable = || UpstreamError::Socket {
            path: path.to_owned(),
        };
        let text = path.to_str().ok_or_else(unusable)?;
        let mut peer = HttpPeer::new_uds(text, false, String::new()).map_err(|_| unusable())?;
        peer.options = self.options.clone();
        Ok(peer)
    }
}

async fn resolve(
    host: &str,
    port: u16,
    answer: &RwLock<Option<Answer>>,
) -> Result<SocketAddr, UpstreamError> {
    let last = *answer.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(last) = last
        && last.at.elapsed() < ANSWER_LIFETIME
    {
        return Ok(last.address);
    }
    let looked_up = match tokio::net::lookup_host((host, port)).await {
        Ok(mut addresses) => addresses.next().ok_or_else(|| UpstreamError::NoAddress {
            host: host.to_owned(),
        }),
        Err(source) => Err(UpstreamError::Lookup {
            host: host.to_owned(),
            source,
        }),
    };
    let address = match (looked_up, last) {
        (Ok(address), _) => address,
        (Err(error), Some(last)) => {
            tracing::warn!(event = "upstream_lookup_failed", error = %error, "keeping the last answer");
            last.address
        }
        (Err(error), None) => return Err(error),
    };
    let fresh = Answer {
        address,
        at: Instant::now(),
    };
    *answer.write().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
    Ok(address)
}
