//! Events in a stream of NATS JetStream, which several processes share. Written for the servers from 2.9 on.
//!
//! **The stream** has a subject for the waiting events of each route and one for its dead letters. It is a work
//! queue: a message goes when it is acknowledged. Each route has a durable consumer, and so an event is out at one
//! process at a time; dead letters have none, and stay.
//!
//! **An event that waits for its next attempt** is held by the process that made the last one: the server is told
//! before its time limit is over that it is still taken care of. When its time has come, the server gets it back and
//! delivers it to whichever process asks. So the server counts the attempts, and the count survives us all. A process
//! that stops gives back what it holds; what one holds when it dies is delivered to another after that time limit. At
//! most 1,000 events of a route are out, held ones included; no further ones come before one of those has ended or is
//! due. Who learns that an app takes events again tells the others: what they hold for it is due then.
//!
//! **What else the server counts as an attempt**, because it delivers an event once more: one that was out at a process
//! that died or stopped, and one that was given back because nobody asked for it within three seconds. A lease that is
//! dropped is no such case: it is for the next who asks in this process.
//!
//! **What is lost when.** The stream confirms an event when it is written to its files, on most of the servers where it
//! has replicas. A server forces its files to the disk every two minutes by default (`sync_interval`): an event
//! survives its process at once, and the loss of power by replicas. Acknowledgements and counts are written a moment
//! later, and so a server that is killed may deliver an event again, or count an attempt less. One of 2.9 may also have
//! events again that were delivered, and deliver them to nobody: they stay in the stream. One of 2.15 does not.
//!
//! **In order** a route's consumer has one event out at a time.
//!
//! **Time limits.** [`link`] bounds what is asked of the server; the [`Keeper`] all that is done besides.

mod archive;
mod errors;
mod failures;
mod keeper;
mod kept;
mod lease;
mod link;
mod message;
mod releases;
mod route;
mod settings;
mod stream;
mod subjects;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use archive::NatsArchive;
use keeper::FAREWELL;
pub(crate) use keeper::Keeper;
pub(crate) use settings::{Login, Settings};

use failures::Failures;
use lease::NatsLease;
use link::{Link, PublishFailure};
use message::{HEADER_ROOM, Meta};
use releases::Untold;
use route::Route;
use stream::Making;
use subjects::Subjects;
use undo::{GivenUp, Publishing};

use super::archive::State;
use super::clock::Clock;
use super::event::Event;
use super::store::{Answer, Lease, RouteTotals, Store, StoreError, Totals};

/// How often an event is published that the stream does not confirm. It counts once.
const PUBLISHINGS: usize = 2;
/// How many subjects are counted at most. Routes are few, but others may write into the stream.
const MAX_SUBJECTS: usize = 10_000;

/// A stream of a NATS JetStream. Dropping it gives back what it holds.
pub(crate) struct NatsStore {
    shared: Arc<Shared>,
}

/// What the store, its leases and its [`Keeper`] share.
struct Shared {
    settings: Settings,
    subjects: Subjects,
    clock: Clock,
    /// The connection; `None` while there is none.
    links: watch::Sender<Option<Arc<Link>>>,
    /// Why there is none.
    obstacle: Mutex<String>,
    /// It is known whether there is one.
    tried: CancellationToken,
    routes: Mutex<HashMap<Arc<str>, Arc<Route>>>,
    given_up: GivenUp,
    untold: Untold,
    failures: Failures,
    /// Something may be due earlier than it was.
    stirred: Notify,
    /// The connection may be of no use any more.
    doubts: Notify,
    /// Nothing is asked for any more, and what is held is for others.
    leaving: CancellationToken,
    /// They have it.
    left: CancellationToken,
    /// The store was dropped.
    over: CancellationToken,
}

impl NatsStore {
    /// A store that has no connection yet: the [`Keeper`] makes it, on the runtime where it runs.
    pub(crate) fn new(settings: Settings, clock: Clock) -> (Self, Keeper) {
        let shared = Arc::new(Shared {
            subjects: Subjects::of(&settings.stream),
            failures: Failures::of(settings.to_string()),
            settings,
            clock,
            links: watch::Sender::new(None),
            obstacle: Mutex::new("none was made yet".to_owned()),
            tried: CancellationToken::new(),
            routes: Mutex::default(),
            given_up: GivenUp::default(),
            untold: Untold::default(),
            stirred: Notify::new(),
            doubts: Notify::new(),
            leaving: CancellationToken::new(),
            left: CancellationToken::new(),
            over: CancellationToken::new(),
        });
        let store = Self {
            shared: Arc::clone(&shared),
        };
        (store, Keeper { shared })
    }

    async fn publish(&self, event: Event) -> Result<(), StoreError> {
        let shared = &*self.shared;
        let meta = Meta::of(&event);
        let subject = shared.subjects.name(State::Waiting, &event.route);
        let max_bytes = largest_event(&*shared.first_link().await?);
        let bytes = event.request.bytes();
        if bytes > max_bytes {
            return Err(StoreError::TooLarge(format!(
                "it has {bytes} bytes, and the server takes {max_bytes} (its max_payload, less what headers need)"
            )));
        }
        let headers = meta.headers(&event.id.to_string());
        let payload = message::payload(&event.request);
        drop(event);
        let mut publishing = Publishing::new(shared, meta.id, &subject);
        let mut outcome = Err(StoreError::Slow);
        for _ in 0..PUBLISHINGS {
            let Ok(link) = shared.link() else {
                break;
            };
            publishing.is_sent();
            let published = link.publish(subject.clone(), headers.clone(), payload.clone());
            match published.await {
                Ok(_) => {
                    publishing.is_settled();
                    return Ok(());
                }
                Err(PublishFailure::Refused(error)) => {
                    publishing.is_settled();
                    shared.doubts.notify_one();
                    return Err(error);
                }
                Err(PublishFailure::Unknown(error)) => outcome = Err(error),
            }
            shared.doubts.notify_one();
        }
        outcome
    }

    async fn lease(&self, route: &Arc<str>, in_order: bool) -> Result<Box<dyn Lease>, StoreError> {
        let route = self.shared.route(route, in_order);
        // What cannot be read now is no use to anybody.
        self.shared.connected().await;
        let delivery = route.lease().await;
        let lease = NatsLease::new(Arc::clone(&self.shared), route, delivery);
        Ok(Box::new(lease))
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let shared = &*self.shared;
        shared.leaving.cancel();
        shared.link()?;
        let left = timeout(FAREWELL, shared.left.cancelled()).await;
        left.map_err(|_| StoreError::Slow)
    }

    async fn count(&self) -> Result<Totals, StoreError> {
        let shared = &*self.shared;
        let link = shared.first_link().await?;
        let (subjects, bytes) = link.subjects().await?;
        let mut routes: HashMap<Arc<str>, RouteTotals> = HashMap::new();
        for (subject, count) in subjects.into_iter().take(MAX_SUBJECTS) {
            let Some((state, route)) = shared.subjects.read(&subject) else {
                continue;
            };
            let totals = routes
                .entry(Arc::clone(&route))
                .or_insert_with(|| RouteTotals {
                    route,
                    waiting: 0,
                    dead: 0,
                    oldest: None,
                });
            match state {
                State::Dead => totals.dead = count,
                State::Waiting => {
                    totals.waiting = count;
                    let first = link.next(1, &subject).await?;
                    let meta = first.and_then(|first| Meta::read(&first.headers));
                    totals.oldest = meta.map(|meta| meta.received_at);
                }
            }
        }
        let routes = routes.into_values().collect();
        Ok(Totals { routes, bytes })
    }
}

/// Whether a store can be used as it is configured. Returns the largest event, head and body, that the server takes.
/// The stream is looked at, and not made.
///
/// # Errors
/// Why it cannot.
pub(crate) async fn try_out(settings: &Settings) -> Result<u64, StoreError> {
    let link = Link::connect(settings, Making::Later).await?;
    Ok(largest_event(&link))
}

fn largest_event(link: &Link) -> u64 {
    let bytes = link.max_payload().saturating_sub(HEADER_ROOM);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Store for NatsStore {
    fn kind(&self) -> &'static str {
        "nats"
    }

    fn put(&self, event: Event) -> Answer<'_, ()> {
        Box::pin(self.publish(event))
    }

    fn next<'a>(&'a self, route: &'a Arc<str>, in_order: bool) -> Answer<'a, Box<dyn Lease>> {
        Box::pin(self.lease(route, in_order))
    }

    fn release(&self, route: &str) {
        releases::release(&self.shared, route);
    }

    fn give_back(&self) -> Answer<'_, ()> {
        Box::pin(self.leave())
    }

    fn totals(&self) -> Answer<'_, Totals> {
        Box::pin(self.count())
    }
}

impl Drop for NatsStore {
    fn drop(&mut self) {
        self.shared.over.cancel();
    }
}

impl Shared {
    /// The connection, or why there is none.
    fn link(&self) -> Result<Arc<Link>, StoreError> {
        let link = self.links.borrow().clone();
        link.filter(|link| link.is_up()).ok_or_else(|| {
            let obstacle = lock(&self.obstacle);
            StoreError::Failed(format!("no connection to NATS: {obstacle}"))
        })
    }

    /// Waits for a connection.
    async fn connected(&self) {
        let mut links = self.links.subscribe();
        let is_up = |link: &Option<Arc<Link>>| link.as_ref().is_some_and(|link| link.is_up());
        let _ = links.wait_for(is_up).await;
    }

    /// The same, and waits for it while the first one is being made: at the start of a process nothing has failed.
    async fn first_link(&self) -> Result<Arc<Link>, StoreError> {
        self.tried.cancelled().await;
        self.link()
    }

    /// From now on there is a connection.
    fn set_link(&self, link: &Arc<Link>) {
        self.failures.is_up();
        "the connection was lost".clone_into(&mut lock(&self.obstacle));
        self.links.send_replace(Some(Arc::clone(link)));
        self.tried.cancel();
    }

    /// From now on there is none, for this reason.
    fn set_obstacle(&self, error: &StoreError) {
        self.links.send_replace(None);
        *lock(&self.obstacle) = error.to_string();
        self.tried.cancel();
        self.failures.is_down(error);
    }

    /// The route of this name.
    fn route(&self, name: &Arc<str>, in_order: bool) -> Arc<Route> {
        let mut routes = lock(&self.routes);
        if let Some(route) = routes.get(name) {
            route.set_in_order(in_order);
            return Arc::clone(route);
        }
        let route = Arc::new(Route::new(name, in_order));
        routes.insert(Arc::clone(name), Arc::clone(&route));
        drop(routes);
        self.stirred.notify_one();
        route
    }

    /// The route of this name, if events of it were asked for.
    fn known_route(&self, name: &str) -> Option<Arc<Route>> {
        lock(&self.routes).get(name).cloned()
    }

    /// The routes of which events were asked for.
    fn routes(&self) -> Vec<Arc<Route>> {
        lock(&self.routes).values().cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
