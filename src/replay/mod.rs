//! A request counts once: what remembers those that are on their way to an app, and those that one took.
//!
//! A signature stays valid for minutes, so whoever saw a request can send it again. A request is therefore
//! *claimed* after it was verified and before it is forwarded. The claim is *kept* once the app has taken the
//! request, and *released* by everything else, so that what the app did not take may come again: by a status
//! that says so, and by dropping its [`ClaimGuard`], as a panic or a cut task does.
//!
//! What claims is a [`Store`]: [`memory`] for one process, [`redis`] for several. Nothing outside this room
//! knows which.

mod failures;
mod guard;
mod key;
mod memory;
mod redis;
mod store;
mod stores;

use std::sync::Arc;
use std::time::Instant;

pub(crate) use guard::ClaimGuard;
use key::{Key, Tickets};
pub(crate) use redis::try_out;
use store::{Claim, Claimed, Claiming, StoreError};
use stores::Stores;

use crate::config::{OnStoreFailure, ReplayConfig};
use crate::observe::metrics::Metrics;
use crate::verify::{Signature, Timestamp};

pub(crate) use memory::MAX_ENTRY_BYTES;

/// Remembers requests, in the store that the configuration names.
pub(crate) struct Replay {
    stores: Stores,
    tickets: Tickets,
}

/// A verified request that may come again.
pub(crate) struct Repeatable<'a> {
    /// The name of its route.
    pub(crate) route: &'a str,
    /// The signature that matched.
    pub(crate) signature: &'a Signature,
    /// The last moment at which its timestamp is accepted.
    pub(crate) expires_at: Timestamp,
    /// It is answered otherwise where the app has taken the earlier one.
    pub(crate) tells_taken: bool,
}

/// What is known of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplaySeen {
    /// What it is, as `replay.store` names it.
    pub(crate) store: &'static str,
    /// How many requests are remembered; `None` where the store does not tell.
    pub(crate) entries: Option<usize>,
    /// How many are remembered at most, where there is a limit.
    pub(crate) capacity: Option<usize>,
    /// Whether it answers; `None` before it was asked.
    pub(crate) is_ok: Option<bool>,
}

/// Why a request is not to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The app has taken it.
    Taken,
    /// It is on its way to the app.
    OnItsWay,
    /// It is one of both.
    Before,
    /// Its timestamp ended while its body came, so that no store remembers it any more.
    Expired,
    /// The store does not say, and the configuration has such requests refused.
    Unknown,
}

impl Replay {
    /// Remembers requests as `config` says. The future serves a store that needs a connection, and never ends.
    pub(crate) fn start(
        config: ReplayConfig,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send + Sync + 'static) {
        let (stores, serving) = Stores::start(config, metrics);
        let replay = Self {
            stores,
            tickets: Tickets::default(),
        };
        (replay, serving)
    }

    /// From now on requests are remembered as `config` says. What the same store remembers stays.
    pub(crate) fn set(&self, config: ReplayConfig) {
        self.stores.set(config);
    }

    /// Claims a verified request, at the time `now`. `None` where it is forwarded without a claim, because the
    /// store does not answer and the configuration lets such requests through.
    ///
    /// # Errors
    /// [`Repeated`] where it is not to be forwarded.
    pub(crate) async fn claim(
        &self,
        request: &Repeatable<'_>,
        now: Timestamp,
    ) -> Result<Option<ClaimGuard>, Repeated> {
        if now > request.expires_at {
            return Err(Repeated::Expired);
        }
        let claim = Claim {
            key: Key::of(request.route, request.signature),
            ticket: self.tickets.next(),
            expires_at: request.expires_at,
            tells_taken: request.tells_taken,
        };
        let current = self.stores.current();
        let metrics = &current.metrics.replay;
        let began = Instant::now();
        let claimed = match current.store.claim(claim, now) {
            Claiming::Done(claimed) => Ok(claimed),
            Claiming::Asked(answer) => answer.await,
        };
        // Where it is known that there is no connection, nothing was asked.
        if !matches!(claimed, Err(StoreError::Down(_))) {
            metrics.store_seconds.observe(began.elapsed().as_secs_f64());
        }
        if claimed.is_ok() {
            current.failures.has_answered();
        }
        match claimed {
            Ok(Claimed::New) => {
                metrics.new.inc();
                Ok(Some(ClaimGuard::new(claim, current)))
            }
            Ok(Claimed::Taken) => {
                metrics.replayed.inc();
                Err(Repeated::Taken)
            }
            Ok(Claimed::Expired) => Err(Repeated::Expired),
            Ok(Claimed::OnItsWay) => {
                metrics.replayed.inc();
                Err(Repeated::OnItsWay)
            }
            Ok(Claimed::Earlier) => {
                metrics.replayed.inc();
                Err(Repeated::Before)
            }
            Err(error) => {
                metrics.failed.inc();
                let on_failure = current.config.on_store_failure();
                current.failures.log(&error, on_failure);
                match on_failure {
                    OnStoreFailure::Allow => Ok(None),
                    OnStoreFailure::Reject => Err(Repeated::Unknown),
                }
            }
        }
    }

    /// What is known of the store at the time `now`, without asking it.
    pub(crate) fn seen(&self, now: Timestamp) -> ReplaySeen {
        let current = self.stores.current();
        current.store.tidy(now);
        ReplaySeen {
            store: current.store.kind(),
            entries: current.store.entries(),
            capacity: current.config.capacity(),
            is_ok: current.store.is_ok(),
        }
    }

    /// Forgets what has expired, without waiting for the next request.
    pub(crate) fn tidy(&self, now: Timestamp) {
        self.stores.current().store.tidy(now);
    }

    /// For the end of the process, when nothing runs any more: the store is told of claims whose requests were cut.
    /// Takes two seconds at most.
    pub(crate) fn finish(&self) {
        self.stores.finish();
    }
}
