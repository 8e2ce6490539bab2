//! Where a route's requests go: the app's address, looked up without blocking.
//!
//! Pingora's own constructor resolves names by blocking and panics if that fails. Here a name is
//! resolved asynchronously, again when the answer is half a minute old, and the last good answer is
//! kept while lookups fail: a DNS outage must not lose events for an app that is up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pingora::prelude::HttpPeer;
use pingora::upstreams::peer::{Peer, PeerOptions};
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
pub(crate) enum LookupError {
    #[error("the upstream's name {host} cannot be looked up")]
    Lookup {
        host: String,
        source: std::io::Error,
    },
    #[error("the upstream's name {host} cannot be looked up within upstream_connect_timeout")]
    TooSlow { host: String },
    #[error("the upstream's name {host} has no address")]
    NoAddress { host: String },
    #[error("the upstream's socket {path} cannot be used")]
    Socket { path: PathBuf },
}

/// A route's upstream.
pub(crate) struct UpstreamPeer {
    upstream: Upstream,
    target: Target,
    connect_timeout: Duration,
    authorities: u64,
}

enum Target {
    Fixed(Arc<Destination>),
    Name(Box<Name>),
    /// A path that no socket can have.
    Unusable(PathBuf),
}

/// Where connections go. Made once an address is known, not once a request.
pub(crate) struct Destination {
    pub(crate) peer: HttpPeer,
    /// Tells apart connections that may not stand in for each other.
    pub(crate) key: u64,
}

impl Destination {
    fn new(mut peer: HttpPeer, options: &PeerOptions, authorities: u64) -> Arc<Self> {
        peer.options = options.clone();
        peer.group_key = authorities;
        let key = peer.reuse_hash();
        Arc::new(Self { peer, key })
    }
}

/// A host name and what it was last resolved to.
struct Name {
    host: String,
    port: u16,
    is_tls: bool,
    options: PeerOptions,
    authorities: u64,
    answer: RwLock<Option<Answer>>,
    /// Held by whoever asks for a new answer.
    asking: Mutex<()>,
    /// Which of several addresses took the last connection.
    preferred: AtomicUsize,
}

#[derive(Clone)]
struct Answer {
    destinations: Arc<[Arc<Destination>]>,
    at: Instant,
    /// Nobody took a connection there.
    is_doubted: bool,
}

impl UpstreamPeer {
    pub(crate) fn new(config: &RouteConfig) -> Self {
        let authorities = authorities(config);
        let options = options(config);
        let target = match &config.upstream {
            Upstream::Unix(path) => match socket_peer(path) {
                Some(peer) => Target::Fixed(Destination::new(peer, &options, authorities)),
                None => Target::Unusable(path.clone()),
            },
            Upstream::Tcp { host, port, tls } => match host.parse::<IpAddr>() {
                Ok(ip) => {
                    let peer = tcp_peer(SocketAddr::new(ip, *port), *tls, host);
                    Target::Fixed(Destination::new(peer, &options, authorities))
                }
                Err(_) => Target::Name(Box::new(Name {
                    host: host.clone(),
                    port: *port,
                    is_tls: *tls,
                    options,
                    authorities,
                    answer: RwLock::new(None),
                    asking: Mutex::new(()),
                    preferred: AtomicUsize::new(0),
                })),
            },
        };
        Self {
            upstream: config.upstream.clone(),
            target,
            connect_timeout: config.upstream_connect_timeout,
            authorities,
        }
    }

    /// Whether this is the upstream that a route asks for.
    pub(crate) fn is_of(&self, config: &RouteConfig) -> bool {
        self.upstream == config.upstream
            && self.authorities == authorities(config)
            && self.connect_timeout == config.upstream_connect_timeout
    }

    /// The upstream for logs: host and port, or a socket's path.
    pub(crate) fn shown(&self) -> String {
        match &self.upstream {
            Upstream::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Upstream::Tcp { host, port, .. } => format!("{host}:{port}"),
            Upstream::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Where to connect to now, after `attempts` attempts that failed: of several addresses the next.
    /// A look-up may take until `deadline`.
    pub(crate) async fn destination(
        &self,
        attempts: u32,
        deadline: Instant,
    ) -> Result<Arc<Destination>, LookupError> {
        match &self.target {
            Target::Fixed(destination) => Ok(Arc::clone(destination)),
            Target::Name(name) => name.destination(attempts, deadline).await,
            Target::Unusable(path) => Err(LookupError::Socket { path: path.clone() }),
        }
    }

    /// Begins with the address that took a connection after this many attempts.
    pub(crate) fn prefer(&self, attempts: u32) {
        if attempts > 0
            && let Target::Name(name) = &self.target
        {
            let attempts = usize::try_from(attempts).unwrap_or_default();
            name.preferred.fetch_add(attempts, Ordering::Relaxed);
        }
    }

    /// Asks for the address again at the next attempt, unless it is quite new: nobody takes connections
    /// there.
    pub(crate) fn doubt(&self) {
        if let Target::Name(name) = &self.target {
            name.doubt();
        }
    }
}

fn options(config: &RouteConfig) -> PeerOptions {
    let mut options = PeerOptions::new();
    options.connection_timeout = Some(config.upstream_connect_timeout);
    options.total_connection_timeout = Some(config.upstream_connect_timeout);
    if let Some(certificates) = &config.upstream_ca {
        let wrapped = certificates
            .iter()
            .map(|certificate| WrappedX509::new(certificate.clone(), parse_x509));
        options.ca = Some(wrapped.collect());
    }
    options
}

fn tcp_peer(address: SocketAddr, is_tls: bool, host: &str) -> HttpPeer {
    let server_name = if is_tls { host } else { "" };
    HttpPeer::new(address, is_tls, server_name.to_owned())
}

fn socket_peer(path: &Path) -> Option<HttpPeer> {
    HttpPeer::new_uds(path.to_str()?, false, String::new()).ok()
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
    async fn destination(
        &self,
        attempts: u32,
        deadline: Instant,
    ) -> Result<Arc<Destination>, LookupError> {
        let destinations = self.destinations(deadline).await?;
        let attempts = usize::try_from(attempts).unwrap_or_default();
        let preferred = self.preferred.load(Ordering::Relaxed);
        let turn = preferred
            .wrapping_add(attempts)
            .checked_rem(destinations.len());
        let destination = turn.and_then(|turn| destinations.get(turn).cloned());
        destination.ok_or_else(|| self.no_address())
    }

    /// Whoever finds the answer too old asks; who comes meanwhile waits for the same answer.
    async fn destinations(
        &self,
        deadline: Instant,
    ) -> Result<Arc<[Arc<Destination>]>, LookupError> {
        if let Some(destinations) = self.fresh_answer() {
            return Ok(destinations);
        }
        let _asking = self.asking.lock().await;
        if let Some(destinations) = self.fresh_answer() {
            return Ok(destinations);
        }
        let destinations = match (self.look_up(deadline).await, self.last_answer()) {
            (Ok(destinations), _) => destinations,
            (Err(error), Some(last)) => {
                tracing::warn!(event = "upstream_lookup_failed", error = %error, "keeping the last answer");
                last.destinations
            }
            (Err(error), None) => return Err(error),
        };
        let answer = Answer {
            destinations: Arc::clone(&destinations),
            at: Instant::now(),
            is_doubted: false,
        };
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(destinations)
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

    fn fresh_answer(&self) -> Option<Arc<[Arc<Destination>]>> {
        let last = self.last_answer()?;
        let is_fresh = !last.is_doubted && last.at.elapsed() < ANSWER_LIFETIME;
        is_fresh.then_some(last.destinations)
    }

    async fn look_up(&self, deadline: Instant) -> Result<Arc<[Arc<Destination>]>, LookupError> {
        let looking = tokio::net::lookup_host((&*self.host, self.port));
        let found = tokio::time::timeout_at(deadline, looking).await;
        let host = || self.host.clone();
        let found = found.map_err(|_| LookupError::TooSlow { host: host() })?;
        let found = found.map_err(|source| LookupError::Lookup {
            host: host(),
            source,
        })?;
        let destinations: Arc<[Arc<Destination>]> = found
            .map(|address| {
                let peer = tcp_peer(address, self.is_tls, &self.host);
                Destination::new(peer, &self.options, self.authorities)
            })
            .collect();
        if destinations.is_empty() {
            return Err(self.no_address());
        }
        Ok(destinations)
    }

    fn no_address(&self) -> LookupError {
        LookupError::NoAddress {
            host: self.host.clone(),
        }
    }
}
