//! Taking the addresses to listen on.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections the system may hold for us until we accept them.
const BACKLOG: u32 = 4_096;

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

/// Listens on an address, which the configuration gives under `key`. Needs a runtime around it.
///
/// # Errors
/// [`StartError::Listen`] where the address is taken, or is none of this host.
pub(crate) fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, StartError> {
    let take = || -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A restart must not wait until the system forgets the connections of the last run.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    take().map_err(|source| StartError::Listen {
        address,
        key,
        source,
    })
}
