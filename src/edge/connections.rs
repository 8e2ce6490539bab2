//! Which connections are open, and which has to go when there are too many.
//!
//! A connection registers once, when it is accepted. Whether it is idle is an atomic of its own, so
//! that a request on a kept-alive connection takes no shared lock. Only a newcomer at the limit
//! looks at all of them, and the one that has been idle the longest makes room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGauge;
use tokio::sync::Notify;

/// A connection that is serving a request, or has not had its first.
const BUSY: u64 = 0;
/// A connection that was told to close.
const EVICTED: u64 = u64::MAX;
/// A connection whose last answer was written.
const LEAVING: u64 = EVICTED - 1;

/// All open connections.
pub(crate) struct Connections {
    max: AtomicUsize,
    open: Mutex<Open>,
    all_closed: Notify,
    gauge: IntGauge,
    /// Orders the beginnings of idleness.
    clock: AtomicU64,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, Arc<State>>,
}

struct State {
    idle_since: AtomicU64,
    evicted: Notify,
}

impl Connections {
    pub(crate) fn new(max: usize, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            max: AtomicUsize::new(max),
            open: Mutex::default(),
            all_closed: Notify::new(),
            gauge,
            clock: AtomicU64::new(BUSY),
        })
    }

    /// From now on this is the limit. Idle connections beyond it are told to close.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while open.by_id.len() > max && open.evict_longest_idle() {}
        self.show(&open);
    }

    /// Registers a new connection; `None` if there is no room and no idle one to evict.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Ticket> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.by_id.len() >= self.max.load(Ordering::Relaxed) && !open.evict_longest_idle() {
            return None;
        }
        let id = open.next_id;
        open.next_id = id.wrapping_add(1);
        let state = Arc::new(State {
            idle_since: AtomicU64::new(BUSY),
            evicted: Notify::new(),
        });
        open.by_id.insert(id, Arc::clone(&state));
        self.show(&open);
        Some(Ticket {
            connections: Arc::clone(self),
            id,
            state,
        })
    }

    /// Tells the longest-idle connection to close, because something else needs what it holds.
    pub(crate) fn make_room(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.evict_longest_idle();
        self.show(&open);
    }

    /// Whether any connection serves a request, or may be about to.
    pub(crate) fn is_any_busy(&self) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states = open.by_id.values();
        states.any(|state| state.idle_since.load(Ordering::Acquire) == BUSY)
    }

    /// Shows the count. Takes the lock's content, so that two changes cannot show in the wrong order.
    fn show(&self, open: &Open) {
        let count = i64::try_from(open.by_id.len()).unwrap_or(i64::MAX);
        self.gauge.set(count);
    }

    /// Returns once no connection is open.
    pub(crate) async fn closed(&self) {
        loop {
            let notified = self.all_closed.notified();
            let is_empty = {
                let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.by_id.is_empty()
            };
            if is_empty {
                return;
            }
            notified.await;
        }
    }
}

impl Open {
    fn evict_longest_idle(&mut self) -> bool {
        let idle_since = |state: &State| {
            let since = state.idle_since.load(Ordering::Acquire);
            (since != BUSY && since < LEAVING).then_some(since)
        };
        loop {
            let longest = self
                .by_id
                .iter()
                .filter_map(|(id, state)| Some((idle_since(state)?, *id, Arc::clone(state))))
                .min_by_key(|(since, ..)| *since);
            let Some((since, id, state)) = longest else {
                return false;
            };
            // It may have become busy since; then the next longest is looked for.
            let exchanged = state.idle_since.compare_exchange(
                since,
                EVICTED,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if exchanged.is_ok() {
                state.evicted.notify_one();
                self.by_id.remove(&id);
                return true;
            }
        }
    }
}

/// One open connection. Dropping it closes the books on it.
pub(crate) struct Ticket {
    connections: Arc<Connections>,
    id: u64,
    state: Arc<State>,
}

impl Ticket {
    /// The connection waits for a next request from now on.
    pub(crate) fn set_idle(&self) {
        let now = self.connections.clock.fetch_add(1, Ordering::Relaxed);
        self.state
            .idle_since
            .store(now.saturating_add(1), Ordering::Release);
    }

    /// A next request has begun. `false` if the connection was told to close meanwhile.
    pub(crate) fn set_busy(&self) -> bool {
        self.state.idle_since.swap(BUSY, Ordering::AcqRel) != EVICTED
    }

    /// The last answer was written; what remains is to see it off.
    pub(crate) fn set_leaving(&self) {
        self.state.idle_since.store(LEAVING, Ordering::Release);
    }

    /// Returns once the connection is told to close.
    pub(crate) async fn evicted(&self) {
        self.state.evicted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self
            .connections
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.by_id.remove(&self.id);
        self.connections.show(&open);
        let is_last = open.by_id.is_empty();
        drop(open);
        if is_last {
            self.connections.all_closed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(max: usize) -> Arc<Connections> {
        Connections::new(max, IntGauge::new("connections", "test").unwrap())
    }

    #[test]
    fn the_longest_idle_makes_room_and_busy_ones_stay() {
        let connections = connections(3);
        let tickets: Vec<_> = (0..3).map(|_| connections.admit().unwrap()).collect();
        assert!(connections.admit().is_none(), "all are busy");
        tickets[1].set_idle();
        tickets[2].set_idle();
        let newcomer = connections.admit().unwrap();
        assert!(!tickets[1].set_busy(), "the longest idle was evicted");
        assert!(tickets[2].set_busy());
        assert!(connections.is_any_busy());
        tickets[2].set_leaving();
        newcomer.set_idle();
        tickets[0].set_leaving();
        assert!(!connections.is_any_busy());
        drop((tickets, newcomer));
        assert_eq!(connections.gauge.get(), 0);
    }
}
