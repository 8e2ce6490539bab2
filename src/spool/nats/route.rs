//! A route: the deliveries that are kept of it, who waits for one, and the task that asks the server for them.
//!
//! The server is asked for one event at a time, and only while somebody waits for it, so that what this process does
//! not need is for another. What arrives when nobody waits any more is leased to whoever asks next, or goes back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Shared;
use super::failures::failed;
use super::kept::{Arrived, Delivery, GiveBack, Kept};
use super::link::Link;
use super::message::{self, Meta};
use crate::spool::store::{Info, StoreError};

/// How long the server lets one question wait for an event.
const PULL: Duration = Duration::from_secs(10);
/// How long after an error it is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// A route of which events were asked for.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    in_order: AtomicBool,
    kept: Mutex<Kept>,
    /// How many wait for an event.
    waiting: AtomicUsize,
    /// One more event can be leased.
    ready: Notify,
    /// One more waits.
    wanted: Notify,
}

impl Route {
    /// A route of which nothing is kept.
    pub(super) fn new(name: &Arc<str>, in_order: bool) -> Self {
        Self {
            name: Arc::clone(name),
            in_order: AtomicBool::new(in_order),
            kept: Mutex::default(),
            waiting: AtomicUsize::new(0),
            ready: Notify::new(),
            wanted: Notify::new(),
        }
    }

    /// From now on its events are delivered one after the other, or not.
    pub(super) fn set_in_order(&self, in_order: bool) {
        self.in_order.store(in_order, Ordering::Relaxed);
    }

    /// The deliveries that are kept.
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many more can be leased.
    pub(super) fn tell_ready(&self, count: usize) {
        for _ in 0..count {
            self.ready.notify_one();
        }
    }

    /// Waits for an event that can be leased. Dropping the future leases nothing.
    pub(super) async fn lease(&self) -> Delivery {
        let _waiting = Waiting::of(self);
        loop {
            let ready = self.ready.notified();
            if let Some(delivery) = self.kept().lease() {
                return delivery;
            }
            ready.await;
        }
    }

    /// Waits until more is asked for than there is.
    async fn wanted(&self) {
        loop {
            let wanted = self.wanted.notified();
            if self.waiting.load(Ordering::Relaxed) > self.kept().ready() {
                return;
            }
            wanted.await;
        }
    }
}

/// Somebody who waits for an event.
struct Waiting<'r>(&'r Route);

impl<'r> Waiting<'r> {
    fn of(route: &'r Route) -> Self {
        route.waiting.fetch_add(1, Ordering::Relaxed);
        route.wanted.notify_one();
        Self(route)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks for the events of a route, without an end.
pub(super) async fn pull(shared: Arc<Shared>, link: Arc<Link>, route: Arc<Route>) {
    loop {
        if let Err(error) = pull_until_changed(&shared, &link, &route).await {
            shared.failures.tell(&error);
            shared.doubts.notify_one();
            sleep(PAUSE).await;
        }
    }
}

/// Does so until the order is to be another.
async fn pull_until_changed(shared: &Shared, link: &Link, route: &Route) -> Result<(), StoreError> {
    let in_order = route.in_order.load(Ordering::Relaxed);
    let ack_wait = shared.settings.ack_wait;
    let consumer = link.consumer(&shared.subjects, &route.name, in_order, ack_wait);
    let consumer = consumer.await?;
    loop {
        route.wanted().await;
        if in_order != route.in_order.load(Ordering::Relaxed) {
            return Ok(());
        }
        let pull = consumer.batch().max_messages(1).expires(PULL);
        let mut messages = pull.messages().await.map_err(failed)?;
        if let Some(message) = messages.next().await {
            take_in(shared, link, route, &message.map_err(failed)?).await?;
        }
    }
}

/// Keeps what was delivered.
async fn take_in(
    shared: &Shared,
    link: &Link,
    route: &Route,
    message: &Message,
) -> Result<(), StoreError> {
    let Some(reply) = message.reply.clone() else {
        return Ok(());
    };
    let Some(delivery) = read(route, message) else {
        let is_ours = message.headers.as_ref().is_some_and(message::is_given_up);
        if !is_ours {
            let error = format!(
                "a message on {} was no event, and is removed",
                message.subject
            );
            shared.failures.tell(&error);
        }
        return link.say(reply, AckKind::Term.into()).await;
    };
    let arrived = route.kept().arrive(delivery, shared.clock.now());
    match arrived {
        Arrived::Ready => route.tell_ready(1),
        Arrived::Kept => {}
        Arrived::TooMany(back) => give_back(shared, link, back).await?,
    }
    shared.stirred.notify_one();
    Ok(())
}

fn read(route: &Route, message: &Message) -> Option<Delivery> {
    let headers = message.headers.as_ref()?;
    let meta = Meta::read(headers)?;
    let place = message.info().ok()?;
    // The server counts deliveries: this one is no attempt yet.
    let before = u32::try_from(place.delivered.saturating_sub(1)).unwrap_or_default();
    Some(Delivery {
        sequence: place.stream_sequence,
        reply: message.reply.clone()?,
        info: Info {
            id: meta.id,
            route: Arc::clone(&route.name),
            received_at: meta.received_at,
            attempts: meta.attempts.saturating_add(before),
            bytes: message::payload_bytes(headers),
            is_retried: meta.is_retried,
        },
        due_at: (before == 0).then_some(meta.due_at),
    })
}

/// Has the server deliver an event again.
pub(super) async fn give_back(
    shared: &Shared,
    link: &Link,
    back: GiveBack,
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    let delay = back.at.map(|at| at.millis_since(now));
    let delay = delay.and_then(|millis| u64::try_from(millis).ok());
    let word = AckKind::Nak(
        delay
            .filter(|millis| *millis > 0)
            .map(Duration::from_millis),
    );
    link.say(back.reply, word.into()).await
}
