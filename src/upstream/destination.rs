//! One place that connections go to: an address, what TLS must prove there, and what is spoken.
//!
//! Connections to equal destinations may stand in for each other, whichever route they were made for.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::tls::TlsClient;
use crate::config::UpstreamProtocol;

/// An address that the system can connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where connections go. Made once an address is known, not once a request; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Destination(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: Address,
    tls: Option<Arc<TlsClient>>,
    protocol: UpstreamProtocol,
    /// The hash of the rest, which is asked for at every request.
    hash: u64,
}

impl Destination {
    pub(crate) fn new(
        address: Address,
        tls: Option<Arc<TlsClient>>,
        protocol: UpstreamProtocol,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        tls.hash(&mut hasher);
        protocol.hash(&mut hasher);
        let hash = hasher.finish();
        Self(Arc::new(Inner {
            address,
            tls,
            protocol,
            hash,
        }))
    }

    /// Equal for equal destinations.
    pub(crate) fn precomputed_hash(&self) -> u64 {
        self.0.hash
    }

    pub(crate) fn address(&self) -> &Address {
        &self.0.address
    }

    /// What proves that the app is the one that was meant, where TLS is spoken.
    pub(crate) fn tls(&self) -> Option<&TlsClient> {
        self.0.tls.as_deref()
    }
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash
                && self.0.address == other.0.address
                && self.0.tls == other.0.tls
                && self.0.protocol == other.0.protocol)
    }
}

impl Eq for Destination {}

impl Hash for Destination {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}
