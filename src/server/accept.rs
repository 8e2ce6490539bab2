//! Accepting connections. At a stop, those that the system has established already are still served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::edge::connection::Connection;
use crate::edge::connections::Ticket;
use crate::edge::shared::Shared;
use crate::os::descriptors::lacks_descriptors;
use crate::os::socket::turn_newcomers_away;
use crate::time_limit::at_once;

/// How long to wait before accepting again when the system has no file descriptor to give.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long a newcomer waits for a place while there is none. Those behind it wait in the system's queue.
/// Longer than the time for a first byte, after which a silent connection can be asked to go.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How long a connection that was asked to go takes for that, at most.
const CHANGE: Duration = Duration::from_millis(100);
/// How long a TCP handshake that is under way at a stop may take for its other half.
const HANDSHAKE: Duration = Duration::from_millis(200);
/// How often the log says that accepting fails.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(1);

/// Accepts until the server stops, and then the connections that the system has established by then.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut shutdown = shared.shutdown.clone();
    let mut door = Door::new(shared);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|is_stopping| *is_stopping) => break,
            accepted = listener.accept() => accepted,
        };
        door.take(accepted).await;
    }
    if turn_newcomers_away(&listener).is_ok() {
        let deadline = after(HANDSHAKE);
        // No new handshake begins, so those that were under way are complete by then.
        while let Ok(accepted) = timeout_at(deadline, listener.accept()).await {
            door.take(accepted).await;
        }
    }
    if let Err(error) = accept_waiting(listener, &mut door).await {
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

/// Accepts what the system holds for us, before the listener is closed: those senders were told that
/// they are connected, and may have sent already.
async fn accept_waiting(listener: TcpListener, door: &mut Door) -> std::io::Result<()> {
    // Asks the system directly: the event loop may not know of the last connections yet.
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                door.let_in(TcpStream::from_std(stream)?, peer).await;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Finds places for connections that the system accepted.
struct Door {
    shared: Arc<Shared>,
    /// Until when newcomers wait for a place. Set while there is none at once.
    waiting_until: Option<Instant>,
    complained: Option<Instant>,
}

impl Door {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            waiting_until: None,
            complained: None,
        }
    }

    async fn take(&mut self, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
        let error = match accepted {
            Ok((stream, peer)) => return self.let_in(stream, peer).await,
            // The peer was gone before it was accepted.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => return,
            Err(error) => error,
        };
        let is_news = |at: Instant| at.elapsed() > COMPLAINT_INTERVAL;
        if self.complained.is_none_or(is_news) {
            self.complained = Some(Instant::now());
            complain(&error);
        }
        if lacks_descriptors(&error) {
            self.shared.connections.make_room();
        }
        sleep(ACCEPT_PAUSE).await;
    }

    async fn let_in(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Some(ticket) = self.ticket().await else {
            self.shared.services.metrics.connections_refused.inc();
            if self.shared.active.load().unrouted.refused.allows() {
                let client = peer.ip().to_canonical();
                tracing::warn!(
                    event = "connection_refused",
                    client = %client,
                    "max_connections are open, or as many as the limit of open files allows"
                );
            }
            return;
        };
        // Otherwise an answer may wait for a next one to fill a packet. If this fails, it is only slower.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            shared: Arc::clone(&self.shared),
            ticket,
            peer,
        };
        tokio::spawn(connection.serve(stream));
    }

    /// A place for a newcomer, which waits for one as long as places change hands: a burst is better served
    /// a moment later than refused. Once none did for [`PLACE_WAIT`], newcomers are refused at once until
    /// there are places again.
    async fn ticket(&mut self) -> Option<Ticket> {
        let connections = &self.shared.connections;
        let mut admitting = std::pin::pin!(connections.admit());
        if let Some(ticket) = at_once(admitting.as_mut()).await {
            self.waiting_until = None;
            return Some(ticket);
        }
        let until = *self.waiting_until.get_or_insert_with(|| after(PLACE_WAIT));
        let is_any_going = connections.is_any_going();
        let deadline = until.max(after(if is_any_going { CHANGE } else { Duration::ZERO }));
        if let Ok(ticket) = timeout_at(deadline, admitting).await {
            self.waiting_until = Some(after(PLACE_WAIT));
            return Some(ticket);
        }
        let admitting = timeout_at(after(CHANGE), connections.admit_surplus());
        admitting.await.ok().flatten()
    }
}

fn after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now)
}
