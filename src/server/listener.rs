//! An address of the configuration, and a socket for it.

use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use crate::config::ListenAddress;

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

/// An address of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) address: ListenAddress,
    /// The key that it comes from.
    pub(crate) key: &'static str,
    /// Connections to it begin with a TLS handshake.
    pub(crate) is_tls: bool,
}

impl Wanted {
    /// What a socket for it is called when it is handed over.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.key, self.address)
    }
}
