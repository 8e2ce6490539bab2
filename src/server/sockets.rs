//! The sockets that hookward listens on: taken, before anything is served, or handed over.
//!
//! Pingora would take addresses inside its services, where a port in use is tried for half a minute and then
//! ends a task. Taken here, one that cannot be had is an error at the start, and port 0 has a number that
//! the log can tell. Pingora is given a second descriptor of each socket.

use std::fs::Permissions;
use std::io::{Error, ErrorKind, PipeReader};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use pingora::listeners::{L4BufferSettings, ListenerConfig};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::inherited::Inherited;
use super::listener::{Listener, Wanted};
use crate::config::ListenAddress;
use crate::os::socket::let_newcomers_in;

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
        address: ListenAddress,
        /// The configuration key it comes from.
        key: &'static str,
        /// What the system said.
        source: Error,
    },
    /// A file that says which process serves cannot be made.
    #[error("cannot make {file} ({key}): {source}")]
    File {
        /// The file.
        file: String,
        /// The configuration key it comes from.
        key: &'static str,
        /// What the system said.
        source: Error,
    },
    /// What a process that serves hands over cannot be read.
    #[error("cannot take over the sockets of the process that serves: {0}")]
    TakeOver(Error),
    /// The store of events cannot be opened.
    #[error("cannot open the spool: {0}")]
    Spool(String),
    /// The metrics cannot be registered.
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The async runtime cannot be started.
    #[error("cannot start the worker threads: {0}")]
    Runtime(Error),
}

/// A socket that listens, and what it is for.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Listener,
    wanted: Wanted,
    /// Where it listens: with a port that the system chose, if it was to.
    address: ListenAddress,
    /// The file of a Unix socket that this process made.
    own_file: Option<FileId>,
    /// What Pingora changes the mode of in the place of a Unix socket's file.
    stand_in: Option<PipeReader>,
}

/// Which file it is, whatever its name: its device and its number there.
type FileId = (u64, u64);

impl Bound {
    /// Listens on an address, with a socket that was handed over if there is one for it.
    ///
    /// # Errors
    /// [`StartError::Listen`] where the address is taken, or is none of this host.
    pub(crate) fn take(wanted: Wanted, inherited: &mut Inherited) -> Result<Self, StartError> {
        let handed_over = inherited.take(&wanted);
        let is_new = handed_over.is_none();
        let listener = handed_over.map_or_else(|| bind(&wanted), Ok);
        let bound = listener.and_then(|listener| {
            // One that was handed over may be none that can listen.
            SockRef::from(&listener).listen(BACKLOG)?;
            let address = match (&listener, &wanted.address) {
                (Listener::Tcp(socket), _) => ListenAddress::Tcp(socket.local_addr()?),
                (Listener::Unix(_), address) => address.clone(),
            };
            let mut stand_in = None;
            match &listener {
                Listener::Tcp(socket) => {
                    // A process that had it before may have been killed while it stopped.
                    let_newcomers_in(socket);
                    socket.set_nonblocking(true)?;
                }
                Listener::Unix(socket) => {
                    socket.set_nonblocking(true)?;
                    stand_in = Some(std::io::pipe()?.0);
                }
            }
            Ok((listener, address, stand_in))
        });
        match bound {
            Ok((listener, address, stand_in)) => Ok(Self {
                own_file: file_of(&address).filter(|_| is_new),
                listener,
                wanted,
                address,
                stand_in,
            }),
            Err(source) => Err(StartError::Listen {
                address: wanted.address,
                key: wanted.key,
                source,
            }),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// The address, where it is one of the network.
    pub(crate) fn socket_address(&self) -> Option<SocketAddr> {
        match &self.address {
            ListenAddress::Tcp(address) => Some(*address),
            ListenAddress::Unix { .. } => None,
        }
    }

    /// What it is called when it is handed over.
    pub(crate) fn name(&self) -> String {
        self.wanted.name()
    }

    /// Whether connections to it begin with a TLS handshake.
    pub(crate) fn is_tls(&self) -> bool {
        self.wanted.is_tls
    }

    /// How Pingora is to listen on it: without the buffers of 64 KiB a connection that it would make.
    pub(crate) fn endpoint(&self) -> ListenerConfig {
        let endpoint = match &self.address {
            ListenAddress::Tcp(_) => ListenerConfig::tcp(self.key()),
            ListenAddress::Unix { .. } => ListenerConfig::uds(self.key()),
        };
        endpoint.l4_buffer(L4BufferSettings::unbuffered())
    }

    /// Its name in Pingora's table of descriptors.
    ///
    /// Pingora changes the mode of what is at the path of a Unix socket, and ends accepting where it cannot. A
    /// socket that was handed over keeps its mode, and its path may be gone, another's, or not ours to change:
    /// so the path is that of a pipe which is there for nothing else.
    pub(crate) fn key(&self) -> String {
        match (&self.stand_in, &self.address) {
            (Some(pipe), _) => format!("/proc/self/fd/{}", pipe.as_raw_fd()),
            (None, address) => address.to_string(),
        }
    }

    /// A descriptor of the same socket, for Pingora to own.
    pub(crate) fn descriptor(&self) -> std::io::Result<RawFd> {
        let twin: OwnedFd = self.as_fd().try_clone_to_owned()?;
        Ok(twin.into_raw_fd())
    }

    /// Removes the file of a Unix socket that this process made, if it is still there.
    pub(crate) fn remove_file(&self) {
        if let ListenAddress::Unix { path, .. } = &self.address
            && self.own_file.is_some()
            && file_of(&self.address) == self.own_file
        {
            // If somebody else has removed it, that is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// The file that is at the path of a Unix socket now.
fn file_of(address: &ListenAddress) -> Option<FileId> {
    let ListenAddress::Unix { path, .. } = address else {
        return None;
    };
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A socket with this address, which the caller has listen.
fn bind(wanted: &Wanted) -> std::io::Result<Listener> {
    match &wanted.address {
        ListenAddress::Tcp(address) => {
            let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
            // A restart must not wait until the system forgets the connections of the last run.
            socket.set_reuse_address(true)?;
            if address.is_ipv6() {
                // Whatever this host has as its default.
                socket.set_only_v6(wanted.is_ipv6_only)?;
            }
            socket.bind(&(*address).into())?;
            Ok(Listener::Tcp(socket.into()))
        }
        ListenAddress::Unix { path, mode } => {
            let listener = bind_unix(path)?;
            std::fs::set_permissions(path, Permissions::from_mode(*mode))?;
            Ok(Listener::Unix(listener))
        }
    }
}

/// Listens on a Unix socket, in place of a file that a process left behind.
///
/// # Errors
/// [`ErrorKind::AddrInUse`] where somebody listens there, [`ErrorKind::AlreadyExists`] where the file is no
/// socket.
pub(crate) fn bind_unix(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let text = "a file is there that is no socket";
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        Ok(_) => match connect_at_once(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
            }
            // So many wait there already that nobody else may.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::AddrInUse.into());
            }
            Err(error) => return Err(error),
            Ok(()) => return Err(ErrorKind::AddrInUse.into()),
        },
        Err(_) => {}
    }
    UnixListener::bind(path)
}

/// Connects to a Unix socket without waiting for its process.
fn connect_at_once(path: &Path) -> std::io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
