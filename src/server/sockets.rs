//! Taking the addresses to listen on, before anything is served.
//!
//! Pingora would take them inside its services, where a port in use is tried for half a minute and then
//! ends a task. Taken here, one that cannot be had is an error at the start, and port 0 has a number that
//! the log can tell. Pingora is given a second descriptor of each socket.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use pingora::listeners::{L4BufferSettings, ListenerConfig};
use socket2::{Domain, Socket, Type};

/// How many connections the system may hold for us until they are accepted. Pingora asks for as many.
const BACKLOG: i32 = 65_535;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// The address, as configured.
        address: SocketAddr,
        /// The configuration key it comes from.
        key: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The metrics cannot be registered.
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The async runtime cannot be started.
    #[error("cannot start the worker threads: {0}")]
    Runtime(std::io::Error),
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    is_tls: bool,
}

impl Bound {
    /// Listens on an address, which the configuration gives under `key`, for connections with TLS or without.
    ///
    /// # Errors
    /// [`StartError::Listen`] where the address is taken, or is none of this host.
    pub(crate) fn take(
        address: SocketAddr,
        key: &'static str,
        is_tls: bool,
    ) -> Result<Self, StartError> {
        let take = || -> std::io::Result<Self> {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            // A restart must not wait until the system forgets the connections of the last run.
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            let socket = TcpListener::from(socket);
            let address = socket.local_addr()?;
            Ok(Self {
                socket,
                address,
                is_tls,
            })
        };
        take().map_err(|source| StartError::Listen {
            address,
            key,
            source,
        })
    }

    /// The address that was taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether connections to it begin with a TLS handshake.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// How Pingora is to listen on it: without the buffers of 64 KiB a connection that it would make.
    pub(crate) fn endpoint(&self) -> ListenerConfig {
        let buffers = L4BufferSettings::unbuffered();
        ListenerConfig::tcp(self.key()).l4_buffer(buffers)
    }

    /// Its name in Pingora's table of descriptors.
    pub(crate) fn key(&self) -> String {
        self.address.to_string()
    }

    /// A descriptor of the same socket, for Pingora to own.
    pub(crate) fn descriptor(&self) -> std::io::Result<RawFd> {
        let twin: OwnedFd = self.socket.as_fd().try_clone_to_owned()?;
        Ok(twin.into_raw_fd())
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
