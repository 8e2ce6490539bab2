//! The deliveries of one route.
//!
//! A lane leases events from the store as fast as [`Pace`] allows, has each sent, and tells the store how that ended.
//! It keeps no events of its own: whatever ends it, the store gives what was leased to another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::backoff::{LONGEST_ASKED, pause_as_asked};
use super::clock::Clock;
use super::deliver::Deliver;
use super::pace::Pace;
use super::store::{End, Info, Lease, Store, StoreError};
use super::troubles::Troubles;
use super::verdict::{Untried, Verdict};
use super::waiting::Waiting;
use crate::active::Route;
use crate::handoff::Delivery;
use crate::verify::Timestamp;

/// The pause after the store, or this process, could not do its part.
const HOLD: Duration = Duration::from_secs(1);
/// How long a store may take to learn how an attempt ended.
const ENDING: Duration = Duration::from_secs(10);

/// What a lane and those who forward live requests share.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    pace: Mutex<Pace>,
    changed: Notify,
    /// How many events wait.
    pub(super) waiting: Waiting,
}

impl LaneState {
    /// The app wants to be left alone for so long.
    pub(super) fn hold(&self, now: Timestamp, asked: Duration) {
        self.lock().hold(now, asked.min(LONGEST_ASKED));
        // The lane may be waiting for an event that is due before.
        self.changed.notify_one();
    }

    /// The app failed to take a request that came, which is stored now.
    pub(super) fn app_failed(&self) {
        self.lock().doubt();
    }

    /// The app has answered a live request.
    pub(super) fn app_answers(&self, now: Timestamp) -> bool {
        let mut pace = self.lock();
        let has_recovered = pace.succeeded(now);
        drop(pace);
        if has_recovered {
            self.changed.notify_one();
        }
        has_recovered
    }

    fn lock(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers the events of one route.
pub(super) struct Lane {
    pub(super) name: Arc<str>,
    pub(super) store: Arc<dyn Store>,
    pub(super) deliver: Arc<dyn Deliver>,
    pub(super) clock: Clock,
    pub(super) state: Arc<LaneState>,
    pub(super) troubles: Arc<Troubles>,
}

impl Lane {
    /// Delivers until the route is gone, or the process stops. Ends once the attempts have ended that were begun.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut attempts = FuturesUnordered::new();
        loop {
            let route = self.deliver.route(&self.name);
            let is_over = *stopping.borrow() || route.is_none();
            let Some(route) = route.filter(|_| !is_over) else {
                while attempts.next().await.is_some() {}
                return;
            };
            let now = self.clock.now();
            let (at_once, pause) = {
                let pace = self.state.lock();
                (pace.at_once(now), pace.pause_left(now))
            };
            let in_order = route.spool.in_order;
            let most = if in_order { 1 } else { at_once };
            tokio::select! {
                Some(()) = attempts.next(), if !attempts.is_empty() => {}
                next = self.store.next(&self.name, in_order), if attempts.len() < most && pause.is_none() => {
                    match next {
                        Ok(lease) => attempts.push(self.attempt(lease)),
                        Err(error) => {
                            self.troubles.store_failed(&error);
                            self.hold();
                        }
                    }
                }
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                () = self.state.changed.notified() => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// Has a leased event sent, and tells the store how that ended.
    async fn attempt(&self, lease: Box<dyn Lease>) {
        // By the configuration of this moment: it may have been waited for long.
        let Some(route) = self.deliver.route(&self.name) else {
            return;
        };
        let info = lease.info().clone();
        let age = self.clock.now().millis_since(info.received_at);
        let max_age = i64::try_from(route.spool.max_age.as_millis()).unwrap_or(i64::MAX);
        let end = if age > max_age && !info.is_retried {
            let error = "the app did not take it within spool_max_age".to_owned();
            self.dead(&route, &info.id.to_string(), info.attempts, &error);
            End::Dead {
                // The last error says more.
                error: (info.attempts == 0).then_some(error),
                was_tried: false,
            }
        } else {
            match self.send(&route, &*lease, &info, age).await {
                Some(end) => end,
                None => return self.hold(),
            }
        };
        self.end(lease, end).await;
    }

    /// Has it sent. `None` where this process could not do its part.
    async fn send(
        &self,
        route: &Arc<Route>,
        lease: &dyn Lease,
        info: &Info,
        age: i64,
    ) -> Option<End> {
        let id = info.id.to_string();
        let attempt = info.attempts.saturating_add(1);
        let begun = self.state.lock().begin();
        let delivery = Delivery {
            id: &id,
            attempt,
            received_at: info.received_at,
        };
        let sent = self.deliver.send(route, lease, delivery).await;
        let end = match Verdict::of(sent) {
            Verdict::Delivered => {
                self.delivered(route, &id, attempt, age);
                End::Delivered
            }
            Verdict::Refused { error } => {
                // An app that refuses one event is there for others.
                self.answers();
                self.dead(route, &id, attempt, &error);
                End::Dead {
                    error: Some(error),
                    was_tried: true,
                }
            }
            Verdict::Failed { error, asked } => {
                let now = self.clock.now();
                let blame = self.state.lock().failed(begun, now, asked);
                if info.is_retried {
                    self.dead(route, &id, attempt, &error);
                    End::Dead {
                        error: Some(error),
                        was_tried: true,
                    }
                } else {
                    let pause = pause_as_asked(attempt, asked);
                    self.failed(route, &id, attempt, &error, pause);
                    End::Again {
                        at: now.after(pause),
                        error,
                        is_its_own: blame.is_its_own,
                    }
                }
            }
            Verdict::Untried(Untried::Unreadable) => {
                let error = "what is stored cannot be read as a request".to_owned();
                self.dead(route, &id, info.attempts, &error);
                End::Dead {
                    error: Some(error),
                    was_tried: false,
                }
            }
            Verdict::Untried(Untried::NotNow) => return None,
        };
        Some(end)
    }

    /// Tells the store how an attempt ended.
    async fn end(&self, lease: Box<dyn Lease>, end: End) {
        let change = self.state.waiting.change();
        let ended = timeout(ENDING, lease.end(end.clone())).await;
        if let Err(error) = ended.unwrap_or(Err(StoreError::Slow)) {
            self.troubles.store_failed(&error);
            self.hold();
        }
        if !matches!(end, End::Again { .. }) {
            change.one_less();
        }
        drop(change);
        match end {
            End::Delivered => self.answers(),
            // The app has answered again since, before the store knew that this one waits for that.
            End::Again {
                is_its_own: false, ..
            } if !self.state.lock().is_failing() => self.store.release(&self.name),
            End::Again { .. } | End::Dead { .. } => {}
        }
    }

    /// The app has answered: those that wait for that are due.
    fn answers(&self) {
        let has_recovered = self.state.lock().succeeded(self.clock.now());
        if has_recovered {
            self.store.release(&self.name);
        }
    }

    fn hold(&self) {
        self.state.lock().hold(self.clock.now(), HOLD);
    }

    fn delivered(&self, route: &Route, id: &str, attempt: u32, age_ms: i64) {
        route.metrics.spool_delivered.inc();
        if route.log_limits.delivered.allows() {
            tracing::info!(
                event = "delivered",
                route = &*route.name,
                delivery = id,
                attempt,
                age_ms,
                "the app has taken a stored event"
            );
        }
    }

    fn failed(&self, route: &Route, id: &str, attempt: u32, error: &str, pause: Duration) {
        route.metrics.spool_failed.inc();
        if route.log_limits.delivery_failed.allows() {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                event = "delivery_failed",
                route = &*route.name,
                delivery = id,
                attempt,
                error,
                pause_ms,
                "the app did not take a stored event, which waits for its next attempt"
            );
        }
    }

    fn dead(&self, route: &Route, id: &str, attempts: u32, error: &str) {
        route.metrics.spool_dead.inc();
        if route.log_limits.dead_letter.allows() {
            tracing::error!(
                event = "dead_letter",
                route = &*route.name,
                delivery = id,
                attempts,
                error,
                "a stored event is not tried any more; `hookward spool retry` or `drop` decides on it"
            );
        }
    }
}
