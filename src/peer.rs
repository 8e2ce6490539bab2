//! Who is at the other end of a sender's connection, as the system says it.

use std::fmt;
use std::net::IpAddr;

/// The other end of a sender's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Another address of the network, or of this machine. IPv4 in IPv6 is taken as IPv4.
    Ip(IpAddr),
    /// A process of this machine, by a Unix socket.
    Unix,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address.to_canonical())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix:"),
        }
    }
}
