//! Where a route's requests go: the app's address, looked up without blocking.
//!
//! Pingora's own constructor resolves names by blocking and panics if that fails. Here a name is
//! resolved asynchronously, again when the answer is half a minute old, and the last good answer is
//! kept while lookups fail: a DNS outage must not lose events for an app that is up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pingora::prelude::HttpPeer;
use pingora::upstreams::peer::PeerOptions;
use pingora::utils::tls::{WrappedX509, parse_x509};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{RouteConfig, Upstream};

/// How old an answer may be before it is asked for again.
const ANSWER_LIFETIME: Duration = Duration::from_secs(30);

/// How old it may be where nobody takes a connection there.
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("cannot resolve the upstream host {host}: {source}")]
    Lookup {
        host: String,
        source: std::io::Error,
    },
    #[error("cannot resolve the upstream host {host} within upstream_connect_timeout")]
    TooSlow { host: String },
    #[error("the upstream host {host} has no address")]
    NoAddress { host: String },
    #[error("the upstream socket {path} cannot be used")]
    Socket { path: PathBuf },
}

/// A route's upstream.
pub(super) struct UpstreamPeer {
    upstream: Upstream,
    target: Target,
    options: PeerOptions,
    authorities: u64,
}

enum Target {
    Address {
        address: SocketAddr,
        server_name: Option<String>,
    },
    Name {
        name: Name,
        server_name: Option<String>,
    },
    Socket(PathBuf),
}

/// A host name and what it was last resolved to.
struct Name {
    host: String,
    port: u16,
    answer: RwLock<Option<Answer>>,
    /// Held by whoever asks for a new answer.
    asking: Mutex<()>,
    /// Which of several addresses took the last connection.
    preferred: AtomicUsize,
}

#[derive(Clone)]
struct Answer {
    addresses: Arc<[SocketAddr]>,
    at: Instant,
    /// Nobody took a connection there.
    is_doubted: bool,
}

impl UpstreamPeer {
    pub(super) fn new(config: &RouteConfig) -> Self {
        let mut options = PeerOptions::new();
        options.connection_timeout = Some(config.upstream_connect_timeout);
        options.total_connection_timeout = Some(config.upstream_connect_timeout);
        if let Some(certificates) = &config.upstream_ca {
            let wrapped = certificates
                .iter()
                .map(|certificate| WrappedX509::new(certificate.clone(), parse_x509));
            options.ca = Some(wrapped.collect());
        }
        let authorities = authorities(config);
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
                        name: Name {
                            host: host.clone(),
                            port: *port,
                            answer: RwLock::new(None),
                            asking: Mutex::new(()),
                            preferred: AtomicUsize::new(0),
                        },
                        server_name,
                    },
                }
            }
        };
        Self {
            upstream: config.upstream.clone(),
            target,
            options,
            authorities,
        }
    }

    /// Whether this is the upstream that a route asks for.
    pub(super) fn is_of(&self, config: &RouteConfig) -> bool {
        self.upstream == config.upstream
            && self.authorities == authorities(config)
            && self.options.connection_timeout == Some(config.upstream_connect_timeout)
    }

    /// The peer to connect to now, after `attempts` attempts that failed: of several addresses the
    /// next. A look-up may take until `deadline`.
    pub(super) async fn peer(
        &self,
        attempts: u32,
        deadline: Instant,
    ) -> Result<HttpPeer, LookupError> {
        let (address, server_name) = match &self.target {
            Target::Socket(path) => return self.socket_peer(path),
            Target::Address {
                address,
                server_name,
            } => (*address, server_name),
            Target::Name { name, server_name } => {
                (name.address(attempts, deadline).await?, server_name)
            }
        };
        let name = server_name.clone().unwrap_or_default();
        let mut peer = HttpPeer::new(address, server_name.is_some(), name);
        peer.options = self.options.clone();
        peer.group_key = self.authorities;
        Ok(peer)
    }

    /// Begins with the address that took a connection after this many attempts.
    pub(super) fn prefer(&self, attempts: u32) {
        if attempts > 0
            && let Target::Name { name, .. } = &self.target
        {
            let attempts = usize::try_from(attempts).unwrap_or_default();
            name.preferred.fetch_add(attempts, Ordering::Relaxed);
        }
    }

    /// Asks for the address again at the next attempt, unless it is quite new: nobody takes connections
    /// there.
    pub(super) fn doubt(&self) {
        if let Target::Name { name, .. } = &self.target {
            name.doubt();
        }
    }

    fn socket_peer(&self, path: &Path) -> Result<HttpPeer, LookupError> {
        let unusable = || LookupError::Socket {
            path: path.to_owned(),
        };
        let text = path.to_str().ok_or_else(unusable)?;
        let mut peer = HttpPeer::new_uds(text, false, String::new()).map_err(|_| unusable())?;
        peer.options = self.options.clone();
        Ok(peer)
    }
}

/// What keeps connections apart that were verified against different authorities.
fn authorities(config: &RouteConfig) -> u64 {
    let Some(certificates) = &config.upstream_ca else {
        return 0;
    };
    let mut hasher = DefaultHasher::new();
    certificates.hash(&mut hasher);
    hasher.finish()
}

impl Name {
    async fn address(&self, attempts: u32, deadline: Instant) -> Result<SocketAddr, LookupError> {
        let addresses = self.addresses(deadline).await?;
        let attempts = usize::try_from(attempts).unwrap_or_default();
        let preferred = self.preferred.load(Ordering::Relaxed);
        let turn = preferred
            .wrapping_add(attempts)
            .checked_rem(addresses.len());
        let address = turn.and_then(|turn| addresses.get(turn).copied());
        address.ok_or_else(|| self.no_address())
    }

    /// Whoever finds the answer too old asks; who comes meanwhile waits for the same answer.
    async fn addresses(&self, deadline: Instant) -> Result<Arc<[SocketAddr]>, LookupError> {
        if let Some(addresses) = self.fresh_answer() {
            return Ok(addresses);
        }
        let _asking = self.asking.lock().await;
        if let Some(addresses) = self.fresh_answer() {
            return Ok(addresses);
        }
        let addresses = match (self.look_up(deadline).await, self.last_answer()) {
            (Ok(addresses), _) => addresses,
            (Err(error), Some(last)) => {
                tracing::warn!(event = "upstream_lookup_failed", error = %error, "keeping the last answer");
                last.addresses
            }
            (Err(error), None) => return Err(error),
        };
        let answer = Answer {
            addresses: Arc::clone(&addresses),
            at: Instant::now(),
            is_doubted: false,
        };
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(addresses)
    }

    fn doubt(&self) {
        let mut answer = self.answer.write().unwrap_or_else(PoisonError::into_inner);
        let old = answer.as_mut().filter(|old| old.at.elapsed() > DOUBT_AFTER);
        if let Some(old) = old {
            old.is_doubted = true;
        }
    }

    fn last_answer(&self) -> Option<Answer> {
        let answer = self.answer.read().unwrap_or_else(PoisonError::into_inner);
        answer.clone()
    }

    fn fresh_answer(&self) -> Option<Arc<[SocketAddr]>> {
        let last = self.last_answer()?;
        let is_fresh = !last.is_doubted && last.at.elapsed() < ANSWER_LIFETIME;
        is_fresh.then_some(last.addresses)
    }

    async fn look_up(&self, deadline: Instant) -> Result<Arc<[SocketAddr]>, LookupError> {
        let looking = tokio::net::lookup_host((&*self.host, self.port));
        let found = tokio::time::timeout_at(deadline, looking).await;
        let host = || self.host.clone();
        let found = found.map_err(|_| LookupError::TooSlow { host: host() })?;
        let found = found.map_err(|source| LookupError::Lookup {
            host: host(),
            source,
        })?;
        let addresses: Arc<[SocketAddr]> = found.collect();
        if addresses.is_empty() {
            return Err(self.no_address());
        }
        Ok(addresses)
    }

    fn no_address(&self) -> LookupError {
        LookupError::NoAddress {
            host: self.host.clone(),
        }
    }
}
