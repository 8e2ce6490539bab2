//! Where a route's requests go: what `upstream` says, and the addresses that it resolves to now.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::destination::{Address, Destination};
use super::look_up::{LookUp, LookupError, SystemLookUp};
use super::resolve::Name;
use super::tls::{TlsClient, TlsSetupError};
use crate::config::{Upstream, UpstreamProtocol};

/// An upstream, the authorities by which it proves itself and what is spoken with it, as in
/// [`UpstreamAddress::new`].
pub(crate) type AddressKey<'a> = (&'a Upstream, Option<&'a [Vec<u8>]>, UpstreamProtocol);

/// The address of an app, shared by all routes to it.
pub(crate) struct UpstreamAddress {
    upstream: Upstream,
    authorities: Option<Vec<Vec<u8>>>,
    protocol: UpstreamProtocol,
    place: Place,
}

enum Place {
    Fixed(Arc<[Destination]>),
    Name(Box<Name>),
    /// TLS with it cannot be set up.
    Unusable(TlsSetupError),
}

impl UpstreamAddress {
    /// The address of `upstream`. An app that speaks TLS proves itself by `authorities`, DER
    /// certificates; by the system's where there are none.
    pub(crate) fn new(
        upstream: &Upstream,
        authorities: Option<&[Vec<u8>]>,
        protocol: UpstreamProtocol,
    ) -> Self {
        Self::with_look_up(upstream, authorities, protocol, Arc::new(SystemLookUp))
    }

    /// The same with names looked up in another way.
    pub(super) fn with_look_up(
        upstream: &Upstream,
        authorities: Option<&[Vec<u8>]>,
        protocol: UpstreamProtocol,
        look_up: Arc<dyn LookUp>,
    ) -> Self {
        let place =
            Place::new(upstream, authorities, protocol, look_up).unwrap_or_else(Place::Unusable);
        Self {
            upstream: upstream.clone(),
            authorities: authorities.map(<[Vec<u8>]>::to_vec),
            protocol,
            place,
        }
    }

    /// What it was made of. Routes with the same key share one address, so that its name is looked up once.
    pub(crate) fn key(&self) -> AddressKey<'_> {
        let authorities = self.authorities.as_deref();
        (&self.upstream, authorities, self.protocol)
    }

    /// What is spoken with the app.
    pub(super) fn protocol(&self) -> UpstreamProtocol {
        self.protocol
    }

    /// The upstream for logs: host and port, or a socket's path.
    pub(crate) fn shown(&self) -> String {
        match &self.upstream {
            Upstream::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Upstream::Tcp { host, port, .. } => format!("{host}:{port}"),
            Upstream::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Where to connect to now, in the order in which to try. Waits for a look-up until `deadline`, if none
    /// has found anything yet.
    ///
    /// # Errors
    /// [`LookupError`] if no address is known by then.
    pub(super) async fn destinations(
        &self,
        deadline: Instant,
    ) -> Result<Arc<[Destination]>, LookupError> {
        match &self.place {
            Place::Fixed(destinations) => Ok(Arc::clone(destinations)),
            Place::Name(name) => name.destinations(deadline).await,
            Place::Unusable(error) => Err(LookupError::Tls(error.clone())),
        }
    }

    /// The same without waiting, if anything is known.
    pub(super) fn known_destinations(&self) -> Option<Arc<[Destination]>> {
        match &self.place {
            Place::Fixed(destinations) => Some(Arc::clone(destinations)),
            Place::Name(name) => name.known_destinations(),
            Place::Unusable(_) => None,
        }
    }

    /// `destination` has taken a connection: it is tried first from now on.
    pub(super) fn set_working(&self, destination: &Destination) {
        if let Place::Name(name) = &self.place {
            name.set_working(destination);
        }
    }

    /// Nobody takes connections there: the app may have moved. Asks for its address again, unless what
    /// is known is quite new.
    pub(super) fn refresh(&self) {
        if let Place::Name(name) = &self.place {
            name.refresh();
        }
    }
}

impl Place {
    fn new(
        upstream: &Upstream,
        authorities: Option<&[Vec<u8>]>,
        protocol: UpstreamProtocol,
        look_up: Arc<dyn LookUp>,
    ) -> Result<Self, TlsSetupError> {
        let fixed =
            |address, tls| Self::Fixed(Arc::from([Destination::new(address, tls, protocol)]));
        let (host, port, speaks_tls) = match upstream {
            Upstream::Unix(path) => return Ok(fixed(Address::Unix(Path::to_owned(path)), None)),
            Upstream::Tcp { host, port, tls } => (host, *port, *tls),
        };
        let tls = speaks_tls.then(|| TlsClient::new(host, authorities, protocol));
        let tls = tls.transpose()?.map(Arc::new);
        Ok(match host.parse::<IpAddr>() {
            Ok(ip) => fixed(Address::Tcp((ip, port).into()), tls),
            Err(_) => Self::Name(Box::new(Name::new(host, port, tls, protocol, look_up))),
        })
    }
}
