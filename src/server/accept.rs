//! Accepting connections, and stopping so that nobody who was told to be connected is cut off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

use crate::edge::connection::Connection;
use crate::edge::shared::Shared;
use crate::os::descriptors::lacks_descriptors;
use crate::os::socket::turn_newcomers_away;

/// How long to wait before accepting again when the system has no file descriptor to give.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long whoever is half way through a handshake at a stop may take for the other half.
const HANDSHAKE: Duration = Duration::from_millis(200);
/// How often the log says that accepting fails.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(1);

/// Accepts until the server stops, and then whoever was told by the system to be connected.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut shutdown = shared.shutdown.clone();
    tokio::select! {
        biased;
        () = accept_all(&listener, &shared) => {}
        _ = shutdown.wait_for(|is_stopping| *is_stopping) => {}
    }
    if turn_newcomers_away(&listener).is_ok() {
        let half_way = accept_all(&listener, &shared);
        // Nobody is left half way: that is how it ends.
        let _ = tokio::time::timeout(HANDSHAKE, half_way).await;
    }
    if let Err(error) = accept_waiting(listener, &shared) {
        complain(&error);
    }
}

fn complain(error: &std::io::Error) {
    tracing::error!(
        event = "accept_failed",
        error = %error,
        "the system gives no new connection"
    );
}

async fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut complained: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => spawn_connection(stream, peer, shared),
            // The peer was gone before it was accepted.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() > COMPLAINT_INTERVAL) {
                    complained = Some(Instant::now());
                    complain(&error);
                }
                if lacks_descriptors(&error) {
                    shared.connections.make_room();
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Accepts what the system holds for us, before the listener is closed: those senders were told that
/// they are connected, and may have sent already.
fn accept_waiting(listener: TcpListener, shared: &Arc<Shared>) -> std::io::Result<()> {
    // Asks the system: what the event loop was told last may be older than a connection.
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                spawn_connection(TcpStream::from_std(stream)?, peer, shared);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

fn spawn_connection(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let Some(ticket) = shared.connections.admit() else {
        shared.services.metrics.connections_refused.inc();
        if shared.site.load().unrouted.refused.allows() {
            let client = peer.ip().to_canonical();
            tracing::warn!(
                event = "connection_refused",
                client = %client,
                "max_connections are open, and none of them is idle"
            );
        }
        return;
    };
    // An answer must not wait for a next one to fill a packet; without the option it is only slower.
    let _ = stream.set_nodelay(true);
    let connection = Connection {
        shared: Arc::clone(shared),
        ticket,
        peer,
    };
    tokio::spawn(connection.serve(stream));
}
