//! An address of the configuration, and a socket for it.
//!
//! Linux has `[::]` take the addresses of IPv4 as well, so that with `0.0.0.0` beside it, on the same port, the second of
//! them would be in use. What each takes is therefore decided by all addresses together.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use crate::config::{Config, ListenAddress};

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
    /// It is `[::]`, and the addresses of IPv4 have a socket of their own.
    pub(crate) is_ipv6_only: bool,
}

impl Wanted {
    /// The addresses for senders, and the one for operators.
    pub(crate) fn of(config: &Config) -> (Vec<Self>, Self) {
        let wanted = |address: ListenAddress, key, is_tls| Self {
            address,
            key,
            is_tls,
            is_ipv6_only: false,
        };
        let plain = config.server.listen.iter();
        let plain = plain.map(|address| wanted(address.clone(), "server.listen", false));
        let tls = config.server.tls.iter().flat_map(|tls| &tls.listen);
        let tls = tls.map(|address| wanted((*address).into(), "server.tls.listen", true));
        let mut senders: Vec<_> = plain.chain(tls).collect();
        let mut admin = wanted(config.admin.listen.into(), "admin.listen", false);
        let all = senders.iter().chain([&admin]);
        let of_ipv4: Vec<u16> = all.filter_map(Self::port_of_all_ipv4).collect();
        for wanted in senders.iter_mut().chain([&mut admin]) {
            wanted.is_ipv6_only = wanted.is_all_of_ipv6(&of_ipv4);
        }
        (senders, admin)
    }

    /// What a socket for it is called when it is handed over. One that takes IPv4 is none for an address that does
    /// not, nor the other way round.
    pub(crate) fn name(&self) -> String {
        let alone = if self.is_ipv6_only { " alone" } else { "" };
        format!("{} {}{alone}", self.key, self.address)
    }

    /// The port, where this is `0.0.0.0`. Two that may be any are never the same.
    fn port_of_all_ipv4(&self) -> Option<u16> {
        match self.address {
            ListenAddress::Tcp(address) if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
                Some(address.port()).filter(|port| *port != 0)
            }
            _ => None,
        }
    }

    /// Whether this is `[::]` on one of these ports.
    fn is_all_of_ipv6(&self, ports: &[u16]) -> bool {
        match self.address {
            ListenAddress::Tcp(address) => {
                address.is_ipv6()
                    && address.ip().is_unspecified()
                    && ports.contains(&address.port())
            }
            ListenAddress::Unix { .. } => false,
        }
    }
}
