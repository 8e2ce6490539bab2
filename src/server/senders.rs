//! Serving the connections of senders that Pingora accepted.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::protocols::l4::socket::SocketAddr as Address;
use pingora::server::ShutdownWatch;

use super::door::Door;
use super::sockets::Bound;
use crate::edge::connection::Connection;
use crate::edge::serve::serve;
use crate::edge::shared::Shared;
use crate::peer::Peer;

/// What becomes of connections from senders.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    door: Arc<Door>,
    /// The addresses on which connections begin with a TLS handshake.
    with_tls: Vec<SocketAddr>,
}

impl Senders {
    /// Serves connections to `sockets` that were let in by `door`.
    pub(crate) fn new(shared: Arc<Shared>, door: Arc<Door>, sockets: &[Bound]) -> Self {
        let with_tls = sockets.iter().filter(|socket| socket.is_tls());
        Self {
            shared,
            door,
            with_tls: with_tls.filter_map(Bound::socket_address).collect(),
        }
    }

    /// Who is at the other end, and whether the connection begins with a TLS handshake. `None` where the
    /// system does not know any more.
    fn origin(&self, stream: &Stream) -> Option<(Peer, bool)> {
        let digest = stream.get_socket_digest()?;
        match (digest.peer_addr(), digest.local_addr()) {
            (Some(Address::Inet(peer)), Some(Address::Inet(own))) => {
                Some((Peer::from(peer.ip()), self.is_tls(*own)))
            }
            // A client's own Unix socket has no name, usually.
            (_, Some(Address::Unix(_))) | (Some(Address::Unix(_)), None) => {
                Some((Peer::Unix, false))
            }
            _ => None,
        }
    }

    /// Whether a connection to this address of ours begins with a TLS handshake. Pingora does not tell by
    /// which of its listeners a connection came.
    ///
    /// A listener of IPv6 that takes IPv4 too gives IPv4 addresses in the form of IPv6 (RFC 4291 section 2.5.5.2): the
    /// form tells such a connection from one of a listener of IPv4.
    fn is_tls(&self, own: SocketAddr) -> bool {
        let is_it = |listen: &SocketAddr| {
            let is_of_family = listen.is_ipv4() == own.is_ipv4();
            let is_any = listen.ip().to_canonical().is_unspecified() && is_of_family;
            let is_same = listen.ip().to_canonical() == own.ip().to_canonical();
            listen.port() == own.port() && (is_any || is_same)
        };
        self.with_tls.iter().any(is_it)
    }
}

#[async_trait]
impl ServerApp for Senders {
    /// Serves the connection in another task: Pingora's, which ends with this, keeps room for a TLS handshake.
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        _shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let (peer, is_tls) = self.origin(&stream)?;
        let ticket = match self.door.take() {
            Some(ticket) => ticket,
            // Pingora asks at the door about those alone whose address it knows.
            None => self.door.admit(peer).await?,
        };
        let connection = Connection {
            shared: Arc::clone(&self.shared),
            ticket,
            peer,
            peer_text: peer.to_string().into(),
            is_tls,
        };
        serve(connection, stream);
        None
    }
}
