//! How a process tells the others that an app takes events again, so that what they hold for it is due.
//!
//! A message that is not kept: who misses it delivers what it holds after its own pauses. Whoever may write to the
//! subject can have attempts made early, and nothing else.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Message, Subscriber};

use super::Shared;
use super::link::Link;
use crate::spool::store::StoreError;

/// The routes whose apps take events again, and of which the others were not told.
#[derive(Default)]
pub(super) struct Untold(Mutex<HashSet<Arc<str>>>);

impl Untold {
    fn add(&self, route: &str) {
        self.with(|routes| routes.insert(route.into()));
    }

    fn take(&self) -> HashSet<Arc<str>> {
        self.with(std::mem::take)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashSet<Arc<str>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hears what the others tell from now on.
pub(super) async fn listen(shared: &Shared, link: &Link) -> Result<Subscriber, StoreError> {
    link.listen(shared.subjects.releases()).await
}

/// The app of this route takes events again: those that wait for that are due, here and at the others.
pub(super) fn release(shared: &Shared, route: &str) {
    if let Some(route) = shared.known_route(route) {
        route.kept().release(shared.clock.now());
    }
    shared.untold.add(route);
    shared.stirred.notify_one();
}

/// Tells the others what they were not told.
pub(super) async fn tell(shared: &Shared, link: &Link) -> Result<(), StoreError> {
    for route in shared.untold.take() {
        link.announce(shared.subjects.release(&route)).await?;
    }
    Ok(())
}

/// Another process told this.
pub(super) fn hear(shared: &Shared, message: &Message) {
    let name = shared.subjects.read_release(&message.subject);
    if let Some(route) = name.and_then(|name| shared.known_route(&name)) {
        route.kept().hear_release(shared.clock.now());
        shared.stirred.notify_one();
    }
}
