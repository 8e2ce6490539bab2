//! Finds places for connections that Pingora accepted, and accepts no further one until there is one.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pingora::listeners::ConnectionFilter;
use tokio::time::{Instant, timeout_at};

use crate::edge::connections::Ticket;
use crate::edge::shared::Shared;
use crate::peer::Peer;
use crate::time_limit::{after, at_once};

/// How long a newcomer waits for a place while there is none. Those behind it wait in the system's queue.
/// Longer than the time for a first byte, after which a silent connection can be asked to go.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How long a connection of HTTP/1 that was asked to go takes for that, at most. One of HTTP/2 takes a second.
const CHANGE: Duration = Duration::from_millis(100);

/// Where newcomers wait for a place.
pub(crate) struct Door {
    shared: Arc<Shared>,
    /// Places for connections that were accepted and are not served yet.
    found: Mutex<Vec<Ticket>>,
    /// How many newcomers are at the door.
    newcomers: AtomicUsize,
    /// Until when newcomers wait for a place. Set while there is none at once.
    waiting_until: Mutex<Option<Instant>>,
}

impl Door {
    pub(crate) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self {
            shared,
            found: Mutex::default(),
            newcomers: AtomicUsize::new(0),
            waiting_until: Mutex::default(),
        })
    }

    /// The place of a connection that was let in.
    pub(crate) fn take(&self) -> Option<Ticket> {
        lock(&self.found).pop()
    }

    /// Gives back the places of connections that will not be served. For use after accepting has ended.
    pub(crate) fn clear(&self) {
        lock(&self.found).clear();
    }

    /// Whether nobody is at the door.
    pub(crate) fn is_empty(&self) -> bool {
        self.newcomers.load(Ordering::SeqCst) == 0
    }

    /// A place for a newcomer. `None` if it is refused.
    pub(crate) async fn admit(&self, client: Peer) -> Option<Ticket> {
        let _newcomer = Newcomer::new(&self.newcomers);
        let ticket = self.find_place().await;
        if ticket.is_none() {
            self.refuse(client);
        }
        ticket
    }

    /// A place for a newcomer, which waits for one as long as places change hands: a burst is better served
    /// a moment later than refused. Once none did for [`PLACE_WAIT`], newcomers are refused at once until
    /// there are places again.
    async fn find_place(&self) -> Option<Ticket> {
        let connections = &self.shared.connections;
        let mut admitting = std::pin::pin!(connections.admit());
        if let Some(ticket) = at_once(admitting.as_mut()).await {
            *lock(&self.waiting_until) = None;
            return Some(ticket);
        }
        let until = *lock(&self.waiting_until).get_or_insert_with(|| after(PLACE_WAIT));
        let is_any_going = connections.is_any_going();
        let deadline = until.max(after(if is_any_going { CHANGE } else { Duration::ZERO }));
        if let Ok(ticket) = timeout_at(deadline, admitting).await {
            *lock(&self.waiting_until) = Some(after(PLACE_WAIT));
            return Some(ticket);
        }
        let admitting = timeout_at(after(CHANGE), connections.admit_surplus());
        admitting.await.ok().flatten()
    }

    fn refuse(&self, client: Peer) {
        self.shared.services.metrics.connections_refused.inc();
        if self.shared.active.load().unrouted.refused.allows() {
            tracing::warn!(
                event = "connection_refused",
                client = %client,
                "max_connections are open, or as many as the limit of open files allows"
            );
        }
    }
}

#[async_trait]
impl ConnectionFilter for Door {
    /// Whether there is a place for the connection. Pingora accepts the next one after this.
    async fn should_accept(&self, address: Option<&SocketAddr>) -> bool {
        let client = address.map_or(Peer::Unix, |address| Peer::from(address.ip()));
        let ticket = self.admit(client).await;
        let is_let_in = ticket.is_some();
        lock(&self.found).extend(ticket);
        is_let_in
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

/// Counts a newcomer while it lives.
struct Newcomer<'a>(&'a AtomicUsize);

impl<'a> Newcomer<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Newcomer<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
