//! An address that senders connect to.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The longest path of a Unix socket in bytes: what `sun_path` holds, less its terminating zero byte
/// (unix(7)).
pub(super) const MAX_SOCKET_PATH_BYTES: usize = 107;

/// What the path of a Unix socket is written behind.
pub(super) const UNIX: &str = "unix:";

/// An address that senders connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes any free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Where its file is: absolute, and at most 107 bytes.
        path: PathBuf,
        /// The permissions of its file, at most 0o777. Whoever may write may connect (unix(7)).
        mode: u32,
    },
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "{UNIX}{}", path.display()),
        }
    }
}
