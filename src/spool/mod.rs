//! Verified events that wait for their app, so that none is lost.
//!
//! An event is stored, answered 202, and delivered until the app has taken it, or will not. Where events are kept is a
//! [`Store`]: [`disk`] for one process, [`nats`] for several. Stores know of times and of order; what an answer of an
//! app means ([`verdict`]), when an attempt is made ([`backoff`]) and how many at once ([`pace`]) is decided here, for
//! each route in a [`lane`]. Sending is asked of others ([`Deliver`]), who send stored and live requests by the same
//! code.

mod archive;
mod backoff;
mod clock;
mod deliver;
mod disk;
mod event;
mod knowledge;
mod lane;
mod lanes;
mod nats;
mod opening;
mod pace;
mod store;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails"
)]
mod tests;
mod troubles;
mod verdict;
mod waiting;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use clock::Clock;
use event::Event;
use knowledge::Knowledge;
use lanes::Lanes;
use opening::Opened;
use store::Store;
use troubles::Troubles;

pub(crate) use archive::{Archive, Listed};
pub(crate) use deliver::{Attempted, Attempting, Deliver};
pub(crate) use event::EventId;
pub(crate) use knowledge::SpoolSeen;
pub(crate) use opening::{open_archive, try_out};
pub(crate) use store::{Lease, RouteTotals, StoreError, Totals};

use crate::active::Route;
use crate::config::SpoolConfig;
use crate::handoff::Stored;
use crate::observe::metrics::SpoolMetrics;
use crate::verify::Timestamp;

/// How long a store may take to make an event safe. Twenty waits five seconds for its answer, and the app had some of
/// them.
const STORING: Duration = Duration::from_secs(2);

/// How long a store may take to say how many events there are.
const COUNTING: Duration = Duration::from_secs(2);

/// Why a request is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is stored before it is sent.
    StoredFirst,
    /// The app has just not taken it.
    AppFailed {
        /// How long the app wants to be left alone.
        asked: Option<Duration>,
    },
}

/// What a store does besides answering. It never ends.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps verified requests until their apps have taken them.
pub(crate) struct Spool {
    in_use: Option<InUse>,
    clock: Clock,
    lanes: Lanes,
    stopping: watch::Sender<bool>,
    /// Whether all attempts have ended, once it stops.
    ended: watch::Sender<bool>,
}

struct InUse {
    store: Arc<dyn Store>,
    troubles: Arc<Troubles>,
    knowledge: Arc<Knowledge>,
}

impl Spool {
    /// Opens the store that is configured; without one nothing is stored. `lock` is the lock of a process that has it
    /// open, and whose successor this is. What the store does not do is counted in `metrics`. Returns what it has to do
    /// besides, which never ends.
    ///
    /// # Errors
    /// Why it cannot be opened, in words.
    pub(crate) fn open(
        config: Option<&SpoolConfig>,
        lock: Option<OwnedFd>,
        metrics: &SpoolMetrics,
    ) -> Result<(Self, Option<Work>), String> {
        let clock = Clock::of_system();
        let Some(config) = config else {
            return Ok((Self::new(None, clock), None));
        };
        let Opened { store, place, work } = opening::open(config, clock.clone(), lock)?;
        let troubles = Troubles::of(place, metrics.failures());
        Ok((Self::new(Some((store, troubles)), clock), work))
    }

    /// A spool with this store, and what tells of its failures.
    fn new(store: Option<(Arc<dyn Store>, Troubles)>, clock: Clock) -> Self {
        let in_use = store.map(|(store, troubles)| InUse {
            store,
            troubles: Arc::new(troubles),
            knowledge: Arc::default(),
        });
        Self {
            in_use,
            clock,
            lanes: Lanes::default(),
            stopping: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        }
    }

    /// The lock of the store, to be handed to a successor.
    pub(crate) fn lock(&self) -> Option<BorrowedFd<'_>> {
        self.in_use.as_ref()?.store.lock()
    }

    /// Stores a request that was received then. Returns once it is safe, or it is known that it is not.
    ///
    /// # Errors
    /// [`StoreError`], which is logged, and nothing is stored.
    pub(crate) async fn keep(
        &self,
        route: &Route,
        request: Stored,
        received_at: Timestamp,
        cause: Cause,
    ) -> Result<EventId, StoreError> {
        let Some(in_use) = &self.in_use else {
            return Err(StoreError::Failed("there is no [spool]".to_owned()));
        };
        let InUse {
            store,
            troubles,
            knowledge,
        } = in_use;
        let now = self.clock.now();
        let lane = self.lanes.of(&route.name);
        let pause = match cause {
            Cause::StoredFirst => Duration::ZERO,
            Cause::AppFailed { asked } => {
                if let Some(asked) = asked {
                    lane.hold(now, asked);
                }
                backoff::pause_as_asked(1, asked)
            }
        };
        let id = EventId::fresh();
        let event = Event {
            id,
            route: Arc::clone(&route.name),
            received_at,
            due_at: now.after(pause),
            request,
        };
        let change = lane.waiting.change();
        change.one_more();
        let stored = timeout(STORING, store.put(event)).await;
        let stored = stored.unwrap_or(Err(StoreError::Slow));
        knowledge.put(stored.as_ref(), now);
        if let Err(error) = stored {
            change.one_less();
            troubles.store_failed(&error);
            return Err(error);
        }
        if matches!(cause, Cause::AppFailed { .. }) {
            // Once it is stored: an answer in between releases what is there.
            lane.app_failed();
        }
        route.metrics.spool_stored.inc();
        Ok(id)
    }

    /// The app of this route has answered a live request, and not that it failed.
    pub(crate) fn app_answers(&self, route: &Arc<str>) {
        if let Some(InUse { store, .. }) = &self.in_use
            && self.lanes.of(route).app_answers(self.clock.now())
        {
            store.release(route);
        }
    }

    /// Whether events of this route wait, as far as this process knows.
    pub(crate) fn has_waiting(&self, route: &Arc<str>) -> bool {
        self.in_use.is_some() && self.lanes.of(route).waiting.is_any()
    }

    /// How many events there are. `None` where there is no store, or it does not say. One that did not answer when it was
    /// last asked is not waited for: what it last said is known, and it is asked once a second anyway.
    pub(crate) async fn totals(&self) -> Option<Totals> {
        let InUse {
            store, knowledge, ..
        } = self.in_use.as_ref()?;
        if knowledge.is_away() {
            return knowledge.now(self.clock.now()).1;
        }
        let totals = timeout(COUNTING, store.totals()).await;
        totals.unwrap_or(Err(StoreError::Slow)).ok()
    }

    /// What is known of the store without asking it; `None` where there is none.
    pub(crate) fn seen(&self) -> Option<SpoolSeen> {
        let InUse {
            store, knowledge, ..
        } = self.in_use.as_ref()?;
        let (is_ok, totals) = knowledge.now(self.clock.now());
        Some(SpoolSeen {
            store: store.kind(),
            max_bytes: store.max_bytes(),
            is_ok,
            totals,
        })
    }

    /// From now on all events may take so many bytes.
    pub(crate) fn set_max_bytes(&self, max_bytes: u64) {
        if let Some(InUse { store, .. }) = &self.in_use {
            store.set_max_bytes(max_bytes);
        }
    }

    /// Has events delivered until it is stopped. Never ends before.
    pub(crate) async fn run(self: Arc<Self>, deliver: Arc<dyn Deliver>) {
        let mut stopping = self.stopping.subscribe();
        if let Some(in_use) = &self.in_use {
            let InUse {
                store, troubles, ..
            } = in_use;
            let parts = lanes::Parts {
                store: Arc::clone(store),
                deliver,
                clock: self.clock.clone(),
                troubles: Arc::clone(troubles),
                knowledge: Arc::clone(&in_use.knowledge),
            };
            self.lanes.run(parts, stopping.clone()).await;
            store.stop_delivering();
            if let Err(error) = store.give_back().await {
                troubles.store_failed(&error);
            }
        }
        self.ended.send_replace(true);
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    }

    /// Begins no attempt any more. What is asked to be kept is kept.
    pub(crate) fn stop_delivering(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns once the attempts have ended that were begun, after [`Self::stop_delivering`].
    pub(crate) async fn attempts_ended(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|has_ended| *has_ended).await;
    }
}
