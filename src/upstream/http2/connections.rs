//! The connections to apps that speak HTTP/2, shared by all requests to one destination.
//!
//! A request gets a place on the oldest connection that has one, so that later ones can grow idle and go.
//! Where none has, one request opens another connection while the others wait for it. A connection has a
//! descriptor of the account of its own; where there is none, that of a request that uses it stands for it,
//! and it is closed after its last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connection::{Connection, Lease};
use super::errors::NotHttp2;
use super::life::lock;
use super::open::open;
use crate::os::descriptors::Descriptors;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect_error::ConnectError;
use crate::upstream::destination::Destination;

/// The most connections to one upstream. With one stream on each, as apps may demand, that is how many
/// requests it gets at once.
const MAX_CONNECTIONS: usize = 256;
/// The pause after an app ended a connection that it had just taken: it may be starting.
const PAUSE: Duration = Duration::from_millis(50);
/// A request with less time left than this takes over what another has found out.
const LITTLE: Duration = Duration::from_millis(250);

/// The connections to apps that speak HTTP/2.
pub(in crate::upstream) struct Connections {
    places: Mutex<HashMap<Destination, Place>>,
    descriptors: Arc<Descriptors>,
    next_number: AtomicU64,
}

#[derive(Default)]
struct Place {
    connections: Vec<Arc<Connection>>,
    /// Held by the request that opens a connection, or waits for room.
    gate: Arc<AsyncMutex<Option<Failed>>>,
    room: Arc<Notify>,
}

/// Why the last attempt to open a connection failed, and when.
struct Failed {
    at: Instant,
    error: ConnectError,
}

impl Connections {
    pub(in crate::upstream) fn new(descriptors: Arc<Descriptors>) -> Self {
        Self {
            places: Mutex::default(),
            descriptors,
            next_number: AtomicU64::new(1),
        }
    }

    /// A place for a request to `upstream`, on a connection with a higher number than `after`. `connect` makes
    /// connections, and tries until `deadline` while that can help.
    ///
    /// # Errors
    /// [`ConnectError`], in words for operators.
    pub(in crate::upstream) async fn place<C>(
        &self,
        upstream: &UpstreamAddress,
        after: u64,
        deadline: Instant,
        connect: impl Fn() -> C,
    ) -> Result<Lease, ConnectError>
    where
        C: Future<Output = Result<(Stream, Destination), ConnectError>>,
    {
        let began = Instant::now();
        let destinations = upstream.destinations(deadline).await?;
        if let Some(lease) = self.lease(&destinations, after) {
            return Ok(lease);
        }
        let full = || ConnectError::Full {
            upstream: upstream.shown(),
        };
        let first = destinations.first().ok_or_else(full)?;
        let (gate, room) = self.gate(first);
        let mut failed = timeout_at(deadline, gate.lock())
            .await
            .map_err(|_| full())?;
        loop {
            let mut has_room = std::pin::pin!(room.notified());
            // From here on nothing is missed.
            has_room.as_mut().enable();
            if let Some(lease) = self.lease(&destinations, after) {
                return Ok(lease);
            }
            if self.count(&destinations) < MAX_CONNECTIONS {
                break;
            }
            timeout_at(deadline, has_room).await.map_err(|_| full())?;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left < LITTLE
            && let Some(failed) = failed.as_ref().filter(|failed| failed.at >= began)
        {
            return Err(failed.error.clone());
        }
        let opened = self.open(upstream, &room, deadline, connect).await;
        *failed = opened.as_ref().err().map(|error| Failed {
            at: Instant::now(),
            error: error.clone(),
        });
        opened
    }

    /// Opens a connection, and keeps a place on it.
    async fn open<C>(
        &self,
        upstream: &UpstreamAddress,
        room: &Arc<Notify>,
        deadline: Instant,
        connect: impl Fn() -> C,
    ) -> Result<Lease, ConnectError>
    where
        C: Future<Output = Result<(Stream, Destination), ConnectError>>,
    {
        let failed = |why| ConnectError::NotHttp2 {
            upstream: upstream.shown(),
            why,
        };
        loop {
            let (stream, destination) = connect().await?;
            let slot = self.descriptors.try_reserve();
            let again_at = Instant::now().checked_add(PAUSE).unwrap_or(deadline);
            let why = match open(stream, slot, deadline).await {
                Ok((requests, life)) => {
                    let connection = Connection::new(
                        self.next_number.fetch_add(1, Ordering::Relaxed),
                        destination.tls().is_some(),
                        requests,
                        life,
                        Arc::clone(room),
                        Arc::clone(&self.descriptors),
                    );
                    if let Some(lease) = connection.lease(Instant::now()) {
                        self.add(destination, connection, room);
                        return Ok(lease);
                    }
                    // It has left already, or allows no stream at all.
                    NotHttp2::NoStreams
                }
                Err(NotHttp2::Ended) => NotHttp2::Ended,
                Err(why) => return Err(failed(why)),
            };
            if again_at >= deadline {
                return Err(failed(why));
            }
            sleep_until(again_at).await;
        }
    }

    fn add(&self, destination: Destination, connection: Arc<Connection>, room: &Arc<Notify>) {
        let mut places = lock(&self.places);
        let place = places.entry(destination).or_insert_with(|| Place {
            room: Arc::clone(room),
            ..Place::default()
        });
        place.connections.push(connection);
    }

    /// A place on a connection that is there.
    fn lease(&self, destinations: &[Destination], after: u64) -> Option<Lease> {
        let now = Instant::now();
        let places = lock(&self.places);
        let mut found = destinations.iter().filter_map(|it| places.get(it));
        found.find_map(|place| {
            let mut newer = place.connections.iter().filter(|it| it.number() > after);
            newer.find_map(|connection| connection.lease(now))
        })
    }

    /// How many connections there are that may have room again.
    fn count(&self, destinations: &[Destination]) -> usize {
        let places = lock(&self.places);
        let found = destinations.iter().filter_map(|it| places.get(it));
        let open = found.flat_map(|place| &place.connections);
        open.filter(|connection| connection.is_open()).count()
    }

    /// What requests to a destination wait at.
    fn gate(&self, first: &Destination) -> (Arc<AsyncMutex<Option<Failed>>>, Arc<Notify>) {
        let mut places = lock(&self.places);
        let place = places.entry(first.clone()).or_default();
        (Arc::clone(&place.gate), Arc::clone(&place.room))
    }

    /// Closes a connection that no request uses. `false` if there is none.
    pub(in crate::upstream) fn evict_one(&self) -> bool {
        let places = lock(&self.places);
        let mut all = places.values().flat_map(|place| &place.connections);
        all.any(|connection| connection.close_unused())
    }

    /// Whether there is a connection that no request uses.
    pub(in crate::upstream) fn has_unused(&self) -> bool {
        let places = lock(&self.places);
        let mut all = places.values().flat_map(|place| &place.connections);
        all.any(|connection| connection.is_unused())
    }

    /// Closes connections that are of no use any more. Call it about once a second.
    pub(in crate::upstream) fn sweep(&self) {
        let now = Instant::now();
        let mut places = lock(&self.places);
        places.retain(|_, place| {
            place.connections.retain(|connection| connection.look(now));
            // Requests that wait at the gate have it too.
            !place.connections.is_empty() || Arc::strong_count(&place.gate) > 1
        });
    }
}
