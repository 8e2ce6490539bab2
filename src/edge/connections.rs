//! Which connections are open, and which has to go when there are too many.
//!
//! When there is no place for a newcomer, one connection is asked to go: first those that were accepted
//! and have not sent a byte, the oldest of them first; then the one that has been idle the longest. A
//! connection that serves a request never has to go. Nor does one on which a request has arrived by the
//! time it is asked: it keeps its place, and another is asked.
//!
//! A sender that has just connected is about to send, so it is not asked before [`FIRST_BYTE`] is over.
//! Until then further newcomers wait, rather than take the place of a sender that is known.
//!
//! A connection reports the beginning and the end of every request. That is one atomic store, and no
//! lock: the order of idle connections ([`Open::idle`]) is brought up to date when one has to go. Each
//! connection is in it at most once, with a time at which it became idle; it may have been busy since.
//! Asking takes the oldest entry: one that is out of date is put where it belongs, or taken out if its
//! connection is busy. There is at most one such correction for each request, so asking costs O(log n) on
//! average.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A connection that was accepted and has not sent a byte.
const SILENT: u64 = 0;
/// A connection that is serving a request.
const BUSY: u64 = 1;
/// A connection of HTTP/1 whose last answer was written.
const LEAVING: u64 = 2;
/// A connection that was asked to go.
const ASKED: u64 = 3;
/// Every other state is the beginning of an idle time, on a clock that counts such beginnings. Idle is also one of HTTP/2
/// that is being closed while its sender may still read an answer.
const FIRST_IDLE: u64 = 4;

/// How long a connection may take for its first byte before it can be asked to go.
const FIRST_BYTE: Duration = Duration::from_secs(1);

/// All open connections.
pub(crate) struct Connections {
    open: Mutex<Open>,
    /// Notified when a connection is closed, or stays although it was asked to go.
    changed: Notify,
    /// How many newcomers wait for a place.
    waiting: AtomicUsize,
    gauge: IntGauge,
    /// Orders the beginnings of idleness.
    clock: AtomicU64,
}

/// How many connections may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// As many as can be served at once.
    pub(crate) max: usize,
    /// How many more may be accepted, only to be answered that there is no room.
    pub(crate) surplus: usize,
}

struct Open {
    limits: Limits,
    next_id: u64,
    by_id: HashMap<u64, Member>,
    /// Newcomers by age, with the time from which on they may be asked to go. Some may have sent since.
    silent: BTreeMap<u64, Instant>,
    /// Connections by the beginning of an idle time, which may be over.
    idle: BTreeSet<(u64, u64)>,
    /// How many were asked to go and are still there.
    asked: usize,
}

/// The result of looking for a connection that can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// One was asked.
    Asked,
    /// One can be asked at this time, if it has not sent anything by then.
    Later(Instant),
    AllBusy,
}

struct Member {
    state: Arc<State>,
    /// Where it is in [`Open::idle`].
    queued_at: Option<u64>,
}

struct State {
    now: AtomicU64,
    /// It is in [`Open::idle`]. Written under the lock, and read without.
    is_queued: AtomicBool,
    asked: Notify,
}

impl Connections {
    pub(crate) fn new(limits: Limits, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::new(Open {
                limits,
                next_id: 0,
                by_id: HashMap::new(),
                silent: BTreeMap::new(),
                idle: BTreeSet::new(),
                asked: 0,
            }),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
            gauge,
            clock: AtomicU64::new(FIRST_IDLE),
        })
    }

    /// From now on these are the limits. Idle connections beyond them are asked to go.
    pub(crate) fn set_limits(&self, limits: Limits) {
        let mut open = self.lock();
        open.limits = limits;
        while open.staying() > limits.max && open.ask_one(None) == Search::Asked {}
        drop(open);
        self.changed.notify_waiters();
    }

    /// Registers a new connection, once there is a place for it. The future may be dropped at any time.
    pub(crate) async fn admit(self: &Arc<Self>) -> Ticket {
        self.admit_below(|limits| limits.max).await
    }

    /// Registers a new connection beyond those that are sure to be served: its requests are served if there
    /// is a descriptor left for the app, and refused as overloaded otherwise. `None` if the limits allow no
    /// such connections. The future may be dropped at any time.
    pub(crate) async fn admit_surplus(self: &Arc<Self>) -> Option<Ticket> {
        if self.lock().limits.surplus == 0 {
            return None;
        }
        let limit = |limits: Limits| limits.max.saturating_add(limits.surplus);
        Some(self.admit_below(limit).await)
    }

    async fn admit_below(self: &Arc<Self>, limit: impl Fn(Limits) -> usize) -> Ticket {
        let _waiting = Waiting::new(&self.waiting);
        loop {
            // Made before the places are looked at, so that no change is missed.
            let changed = self.changed.notified();
            let mut search = Search::Asked;
            let placed = self.place(|open| {
                let limit = limit(open.limits);
                if open.staying() >= limit {
                    search = open.ask_one(Some(Instant::now()));
                }
                open.by_id.len() < limit
            });
            match (placed, search) {
                (Some(ticket), _) => return ticket,
                (None, Search::Later(at)) => {
                    // Whichever comes first, it is time to look again.
                    let _ = timeout_at(at, changed).await;
                }
                (None, Search::Asked | Search::AllBusy) => changed.await,
            }
        }
    }

    /// How many are open, and how many may be.
    pub(crate) fn count(&self) -> (usize, usize) {
        let open = self.lock();
        (open.by_id.len(), open.limits.max)
    }

    /// Whether any connection was asked to go and is still there.
    pub(crate) fn is_any_going(&self) -> bool {
        self.lock().asked > 0
    }

    /// Asks one connection to go, because something else needs its descriptor.
    pub(crate) fn make_room(&self) {
        self.lock().ask_one(None);
    }

    /// Whether all that can be served are open, and none of them is idle.
    pub(crate) fn are_all_busy(&self) -> bool {
        let open = self.lock();
        open.by_id.len() >= open.limits.max && !open.states().any(may_be_asked)
    }

    /// Whether any connection serves a request.
    pub(crate) fn is_any_busy(&self) -> bool {
        self.lock().states().any(|state| state == BUSY)
    }

    /// Returns once no connection is open.
    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().by_id.is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn place(self: &Arc<Self>, has_place: impl FnOnce(&mut Open) -> bool) -> Option<Ticket> {
        let mut open = self.lock();
        if !has_place(&mut open) {
            return None;
        }
        let id = open.next_id;
        open.next_id = id.wrapping_add(1);
        let state = Arc::new(State {
            now: AtomicU64::new(SILENT),
            is_queued: AtomicBool::new(false),
            asked: Notify::new(),
        });
        let member = Member {
            state: Arc::clone(&state),
            queued_at: None,
        };
        open.by_id.insert(id, member);
        let now = Instant::now();
        let may_be_asked = now.checked_add(FIRST_BYTE).unwrap_or(now);
        open.silent.insert(id, may_be_asked);
        self.show(&open);
        Some(Ticket {
            connections: Arc::clone(self),
            id,
            state,
        })
    }

    /// Makes waiting newcomers look again for a connection that can go.
    fn wake_newcomers(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the count. Takes the lock's content, so that two changes cannot show in the wrong order.
    fn show(&self, open: &Open) {
        let count = i64::try_from(open.by_id.len()).unwrap_or(i64::MAX);
        self.gauge.set(count);
    }
}

impl Open {
    /// How many there are less those that were asked to go.
    fn staying(&self) -> usize {
        self.by_id.len().saturating_sub(self.asked)
    }

    fn states(&self) -> impl Iterator<Item = u64> {
        let members = self.by_id.values();
        members.map(|member| member.state.now.load(Ordering::SeqCst))
    }

    /// Asks the next connection to go. With `now`, newcomers are not asked before their time.
    fn ask_one(&mut self, now: Option<Instant>) -> Search {
        while let Some(entry) = self.silent.first_entry() {
            let (id, at) = (*entry.key(), *entry.get());
            let state = self.by_id.get(&id).map(|member| &member.state.now);
            let is_silent = state.is_some_and(|state| state.load(Ordering::SeqCst) == SILENT);
            if is_silent && now.is_some_and(|now| now < at) {
                return Search::Later(at);
            }
            entry.remove();
            if self.ask(id, SILENT) {
                return Search::Asked;
            }
        }
        while let Some((since, id)) = self.idle.pop_first() {
            if let Some(member) = self.by_id.get_mut(&id) {
                member.queued_at = None;
                member.state.is_queued.store(false, Ordering::SeqCst);
            }
            if self.ask(id, since) {
                return Search::Asked;
            }
            // It served a request meanwhile, and may be idle again.
            self.queue_if_idle(id);
        }
        Search::AllBusy
    }

    /// Asks a connection to go if it is still in this state.
    fn ask(&mut self, id: u64, expected: u64) -> bool {
        let Some(member) = self.by_id.get(&id) else {
            return false;
        };
        let now = &member.state.now;
        let exchanged = now.compare_exchange(expected, ASKED, Ordering::SeqCst, Ordering::SeqCst);
        if exchanged.is_err() {
            return false;
        }
        member.state.asked.notify_one();
        self.asked = self.asked.saturating_add(1);
        true
    }

    /// Puts a connection among the idle ones, if it is idle and not there yet.
    fn queue_if_idle(&mut self, id: u64) {
        let Some(member) = self.by_id.get_mut(&id) else {
            return;
        };
        if member.queued_at.is_some() {
            return;
        }
        // `is_queued` is false by now. A connection that becomes idle after this read sees that, and
        // queues itself; one that became idle before is queued here.
        let since = member.state.now.load(Ordering::SeqCst);
        if since >= FIRST_IDLE {
            member.queued_at = Some(since);
            member.state.is_queued.store(true, Ordering::SeqCst);
            self.idle.insert((since, id));
        }
    }
}

/// Whether a connection in this state is not in use.
fn may_be_asked(state: u64) -> bool {
    state == SILENT || state >= FIRST_IDLE
}

/// One open connection. Dropping it gives its place back: drop it after its socket is closed.
pub(crate) struct Ticket {
    connections: Arc<Connections>,
    id: u64,
    state: Arc<State>,
}

/// Counts a newcomer that waits, while it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticket {
    /// The connection waits for a next request from now on.
    pub(crate) fn set_idle(&self) {
        let now = self.connections.clock.fetch_add(1, Ordering::Relaxed);
        self.enter(now.max(FIRST_IDLE));
        if !self.state.is_queued.load(Ordering::SeqCst) {
            self.connections.lock().queue_if_idle(self.id);
        }
        self.connections.wake_newcomers();
    }

    /// A request has begun to arrive. The connection keeps its place, also if it was asked to go.
    pub(crate) fn set_busy(&self) {
        if self.enter(BUSY) == SILENT {
            self.connections.wake_newcomers();
        }
    }

    /// The last answer was written, and the connection is being closed.
    pub(crate) fn set_leaving(&self) {
        self.enter(LEAVING);
    }

    /// Whether it was asked to go, and has not kept its place.
    pub(crate) fn is_asked(&self) -> bool {
        self.state.now.load(Ordering::SeqCst) == ASKED
    }

    /// Returns once the connection is asked to go. If nothing has arrived on it, drop it; otherwise
    /// [`Self::set_busy`] keeps its place.
    pub(crate) async fn asked_to_go(&self) {
        loop {
            self.state.asked.notified().await;
            // One that kept its place when it was asked finds that asking here.
            if self.is_asked() {
                return;
            }
        }
    }

    /// Returns the state that was left.
    fn enter(&self, state: u64) -> u64 {
        let left = self.state.now.swap(state, Ordering::SeqCst);
        if left == ASKED {
            let mut open = self.connections.lock();
            open.asked = open.asked.saturating_sub(1);
            drop(open);
            self.connections.changed.notify_waiters();
        }
        left
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        if let Some(member) = open.by_id.remove(&self.id)
            && let Some(since) = member.queued_at
        {
            open.idle.remove(&(since, self.id));
        }
        open.silent.remove(&self.id);
        if self.state.now.load(Ordering::SeqCst) == ASKED {
            open.asked = open.asked.saturating_sub(1);
        }
        self.connections.show(&open);
        drop(open);
        self.connections.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
