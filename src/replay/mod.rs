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

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use failures::Failures;
pub(crate) use guard::ClaimGuard;
use key::{Key, Tickets};
use memory::MemoryStore;
use redis::{Keeper, RedisStore};
use store::{Claim, Claimed, Claiming, Store};

use crate::config::{OnStoreFailure, ReplayConfig};
use crate::observe::metrics::Metrics;
use crate::verify::{Digest, Timestamp};

pub(crate) use memory::MAX_ENTRY_BYTES;

/// How long the store may take to learn of the claims that ended with the process.
const FINISHING: Duration = Duration::from_secs(2);

/// Remembers requests, in the store that the configuration names.
pub(crate) struct Replay {
    current: ArcSwap<Current>,
    tickets: Tickets,
    metrics: Arc<Metrics>,
    failures: Arc<Failures>,
    /// Tells the task behind the Redis store which one it serves.
    redis: watch::Sender<Option<Arc<RedisStore>>>,
}

/// What is in use.
struct Current {
    config: ReplayConfig,
    store: Arc<dyn Store>,
}

/// A verified request that may come again.
pub(crate) struct Repeatable<'a> {
    /// The name of its route.
    pub(crate) route: &'a str,
    /// The signature that matched.
    pub(crate) signature: &'a Digest,
    /// The last moment at which its timestamp is accepted.
    pub(crate) expires_at: Timestamp,
    /// It is answered otherwise where the app has taken the earlier one.
    pub(crate) tells_taken: bool,
}

/// Why a request is not to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The app has taken it.
    Taken,
    /// It is on its way to the app.
    OnItsWay,
    /// Its timestamp ended while its body came, so that no store remembers it any more.
    Expired,
    /// The store does not say, and the configuration has such requests refused.
    Unknown,
}

impl Replay {
    /// Remembers requests as `config` says. The future serves a Redis store, and never ends.
    pub(crate) fn start(
        config: ReplayConfig,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send + Sync + 'static) {
        let (redis, served) = watch::channel(None);
        let failures = Arc::default();
        let store = make(&config, &metrics, &failures, &redis);
        let replay = Self {
            current: ArcSwap::from_pointee(Current { config, store }),
            tickets: Tickets::default(),
            metrics,
            failures,
            redis,
        };
        (replay, Keeper::new(served).run())
    }

    /// From now on requests are remembered as `config` says. What the same store remembers stays.
    pub(crate) fn set(&self, config: ReplayConfig) {
        let current = self.current.load();
        let store = match (&current.config, &config) {
            (ReplayConfig::Memory { .. }, ReplayConfig::Memory { capacity }) => {
                current.store.set_capacity(*capacity);
                Arc::clone(&current.store)
            }
            (ReplayConfig::Redis(before), ReplayConfig::Redis(now))
                if before.is_same_store(now) =>
            {
                Arc::clone(&current.store)
            }
            _ => make(&config, &self.metrics, &self.failures, &self.redis),
        };
        self.current.store(Arc::new(Current { config, store }));
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
        let metrics = &self.metrics.replay;
        let claim = Claim {
            key: Key::of(request.route, request.signature),
            ticket: self.tickets.next(),
            expires_at: request.expires_at,
            tells_taken: request.tells_taken,
        };
        let current = self.current.load_full();
        let began = Instant::now();
        let claimed = match current.store.claim(claim, now) {
            Claiming::Done(claimed) => Ok(claimed),
            Claiming::Asked(answer) => answer.await,
        };
        metrics.store_seconds.observe(began.elapsed().as_secs_f64());
        match claimed {
            Ok(Claimed::New) => {
                metrics.new.inc();
                let store = Arc::clone(&current.store);
                let metrics = Arc::clone(&self.metrics);
                Ok(Some(ClaimGuard::new(claim, store, metrics)))
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
            Err(error) => {
                metrics.failed.inc();
                let on_failure = current.config.on_store_failure();
                self.failures.log(&error, on_failure);
                match on_failure {
                    OnStoreFailure::Allow => Ok(None),
                    OnStoreFailure::Reject => Err(Repeated::Unknown),
                }
            }
        }
    }

    /// How many requests are remembered in memory at the time `now`; `None` where another store does that.
    pub(crate) fn entries(&self, now: Timestamp) -> Option<usize> {
        let store = &self.current.load().store;
        store.tidy(now);
        store.entries()
    }

    /// Forgets what has expired, without waiting for the next request.
    pub(crate) fn tidy(&self, now: Timestamp) {
        self.current.load().store.tidy(now);
    }

    /// For the end of the process, when nothing runs any more: the store is told of claims whose requests were cut.
    /// Takes two seconds at most.
    pub(crate) fn finish(&self) {
        let current = self.current.load();
        let Some(finishing) = current.store.finish() else {
            return;
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            let _ = runtime.block_on(async { tokio::time::timeout(FINISHING, finishing).await });
        }
    }
}

/// A new store; of a Redis store, `redis` tells the task that serves it.
fn make(
    config: &ReplayConfig,
    metrics: &Metrics,
    failures: &Arc<Failures>,
    redis: &watch::Sender<Option<Arc<RedisStore>>>,
) -> Arc<dyn Store> {
    match config {
        ReplayConfig::Memory { capacity } => {
            redis.send_replace(None);
            Arc::new(MemoryStore::new(*capacity, metrics))
        }
        ReplayConfig::Redis(config) => {
            let store = Arc::new(RedisStore::new(config.clone(), Arc::clone(failures)));
            redis.send_replace(Some(Arc::clone(&store)));
            store
        }
    }
}
