//! What is known of events in memory alone: which are leased, which have just come or gone, and since when apps
//! answer again. It is lost with the process, and with it every lease ends.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::locks::{Delivering, Turn};
use crate::verify::Timestamp;

/// While so many ends of attempts are not written yet no further attempts begin: they are kept in memory.
const MAX_ENDED: usize = 4_096;

/// Which event it is: its place in this database. Another one that was begun has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) generation: u64,
    pub(super) seq: i64,
}

/// What is known of an event that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is stored, and nobody has been told so yet.
    New,
    Leased,
    /// Its attempt has ended, which is not written yet.
    Ended {
        is_gone: bool,
    },
}

/// Whether an event can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Free,
    Held,
    /// It is as good as not there.
    Gone,
}

pub(super) struct Held(Mutex<State>);

struct State {
    generation: u64,
    places: HashMap<i64, Place>,
    ended: usize,
    delivering: Delivering,
    routes: HashMap<Arc<str>, Route>,
}

#[derive(Default)]
struct Route {
    /// Notified when something has changed for those who wait for an event.
    changed: Arc<Notify>,
    /// When its app took events again.
    released_at: Option<Timestamp>,
}

impl Held {
    pub(super) fn new(delivering: Delivering) -> Self {
        Self(Mutex::new(State {
            generation: 0,
            places: HashMap::new(),
            ended: 0,
            delivering,
            routes: HashMap::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Another database was begun: nothing is held of it.
    pub(super) fn renew(&self) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        state.places.clear();
        state.ended = 0;
        state.delivering.let_go();
        drop(state);
        self.notify_all();
    }

    /// An event is being stored.
    pub(super) fn add(&self, seq: i64) -> Key {
        let mut state = self.lock();
        state.places.insert(seq, Place::New);
        let generation = state.generation;
        Key { generation, seq }
    }

    pub(super) fn access(&self, seq: i64) -> Access {
        match self.lock().places.get(&seq) {
            None => Access::Free,
            Some(Place::New | Place::Leased | Place::Ended { is_gone: false }) => Access::Held,
            Some(Place::Ended { is_gone: true }) => Access::Gone,
        }
    }

    /// Leases an event. `None` where attempts are not to begin, or somebody has it.
    pub(super) fn lease(&self, seq: i64) -> Option<Key> {
        let mut state = self.lock();
        let may_begin = state.delivering.is_begun() && state.ended < MAX_ENDED;
        if !may_begin || state.places.contains_key(&seq) {
            return None;
        }
        state.places.insert(seq, Place::Leased);
        let generation = state.generation;
        Some(Key { generation, seq })
    }

    /// The attempt has ended, or an event was given up. `is_gone` where it will not be tried again.
    pub(super) fn end(&self, key: Key, is_gone: bool) {
        let mut state = self.lock();
        if state.generation == key.generation {
            state.places.insert(key.seq, Place::Ended { is_gone });
            state.ended = state.ended.saturating_add(1);
        }
    }

    /// Nothing is held of an event any more.
    pub(super) fn free(&self, key: Key) {
        let mut state = self.lock();
        if state.generation != key.generation {
            return;
        }
        if let Some(Place::Ended { .. }) = state.places.remove(&key.seq) {
            state.ended = state.ended.saturating_sub(1);
        }
        state.let_go();
    }

    /// What is notified when something changes for a route.
    pub(super) fn changed(&self, route: &Arc<str>) -> Arc<Notify> {
        let mut state = self.lock();
        let route = state.routes.entry(Arc::clone(route)).or_default();
        Arc::clone(&route.changed)
    }

    pub(super) fn notify(&self, route: &str) {
        if let Some(route) = self.lock().routes.get(route) {
            route.changed.notify_waiters();
        }
    }

    pub(super) fn notify_all(&self) {
        for route in self.lock().routes.values() {
            route.changed.notify_waiters();
        }
    }

    pub(super) fn release(&self, route: &str, now: Timestamp) {
        let mut state = self.lock();
        if !state.routes.contains_key(route) {
            state.routes.insert(route.into(), Route::default());
        }
        if let Some(route) = state.routes.get_mut(route) {
            route.released_at = Some(now);
            route.changed.notify_waiters();
        }
    }

    pub(super) fn released_at(&self, route: &str) -> Option<Timestamp> {
        self.lock().routes.get(route)?.released_at
    }

    /// Sees to it that nobody else delivers.
    pub(super) fn begin_delivering(&self) -> io::Result<Turn> {
        self.lock().delivering.begin()
    }

    /// Lets no further attempts begin. Once the last one has ended, another process may deliver.
    pub(super) fn stop_delivering(&self) {
        let mut state = self.lock();
        state.delivering.stop();
        state.let_go();
        drop(state);
        self.notify_all();
    }
}

impl State {
    /// Lets another process deliver, where this one does not any more.
    fn let_go(&mut self) {
        let is_attempt = |place: &Place| !matches!(place, Place::New);
        if self.delivering.is_stopping() && !self.places.values().any(is_attempt) {
            self.delivering.let_go();
        }
    }
}
