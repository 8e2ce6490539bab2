//! One attempt to connect to one destination, TLS included.

use std::os::fd::AsRawFd;

use pingora::protocols::Stream;
use tokio::net::{TcpStream, UnixStream};

use super::cause::Cause;
use super::destination::{Address, Destination};
use crate::transport::stream;

/// A new connection to `destination`. Without a time limit, which is the caller's.
pub(super) async fn attempt(destination: &Destination) -> Result<Stream, Cause> {
    let failed = |error| Cause::of_connect(&error);
    let tcp = match destination.address() {
        Address::Unix(path) => {
            let unix = UnixStream::connect(path).await.map_err(failed)?;
            let socket = unix.as_raw_fd();
            return Ok(stream(unix, socket));
        }
        Address::Tcp(address) => TcpStream::connect(address).await.map_err(failed)?,
    };
    // Small writes are sent at once. If this fails, they are only slower.
    let _ = tcp.set_nodelay(true);
    let socket = tcp.as_raw_fd();
    Ok(match destination.tls() {
        Some(tls) => stream(tls.handshake(tcp).await?, socket),
        None => stream(tcp, socket),
    })
}
