//! Which store is in use: made as the configuration says, replaced at a reload, and told of the last ends when the
//! process does.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::failures::Failures;
use super::memory::MemoryStore;
use super::redis::{Keeper, RedisStore};
use super::store::Store;
use crate::config::ReplayConfig;
use crate::observe::metrics::Metrics;

/// How long a store may take to learn of the claims that ended with the process.
const FINISHING: Duration = Duration::from_secs(2);

/// The store in use, and how its successor is made.
pub(super) struct Stores {
    current: ArcSwap<InUse>,
    metrics: Arc<Metrics>,
    /// Tells the task behind the Redis store which one it serves.
    redis: watch::Sender<Option<Arc<RedisStore>>>,
}

/// A store, and the configuration that it was made by.
pub(super) struct InUse {
    pub(super) config: ReplayConfig,
    pub(super) store: Arc<dyn Store>,
    pub(super) failures: Arc<Failures>,
    pub(super) metrics: Arc<Metrics>,
}

impl Stores {
    /// Makes the first store. The future serves one that needs a connection, and never ends.
    pub(super) fn start(
        config: ReplayConfig,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send + Sync + 'static) {
        let (redis, served) = watch::channel(None);
        let first = make(config, &metrics, &redis);
        let stores = Self {
            current: ArcSwap::from_pointee(first),
            metrics,
            redis,
        };
        (stores, Keeper::new(served).run())
    }

    /// The store in use.
    pub(super) fn current(&self) -> Arc<InUse> {
        self.current.load_full()
    }

    /// From now on the store is as `config` says. What the same store remembers stays.
    pub(super) fn set(&self, config: ReplayConfig) {
        let current = self.current.load();
        let is_same = match (&current.config, &config) {
            (ReplayConfig::Memory { .. }, ReplayConfig::Memory { capacity }) => {
                current.store.set_capacity(*capacity);
                true
            }
            (ReplayConfig::Redis(before), ReplayConfig::Redis(now)) => before.is_same_store(now),
            _ => false,
        };
        let next = if is_same {
            InUse {
                config,
                store: Arc::clone(&current.store),
                failures: Arc::clone(&current.failures),
                metrics: Arc::clone(&self.metrics),
            }
        } else {
            make(config, &self.metrics, &self.redis)
        };
        self.current.store(Arc::new(next));
    }

    /// For the end of the process, when nothing runs any more: the store is told of claims whose requests were cut.
    pub(super) fn finish(&self) {
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

/// A new store; of one that needs a connection, `redis` tells the task that makes it.
fn make(
    config: ReplayConfig,
    metrics: &Arc<Metrics>,
    redis: &watch::Sender<Option<Arc<RedisStore>>>,
) -> InUse {
    let (store, failures): (Arc<dyn Store>, _) = match &config {
        ReplayConfig::Memory { capacity } => {
            redis.send_replace(None);
            let failures = Failures::of("memory".to_owned());
            (
                Arc::new(MemoryStore::new(*capacity, metrics)),
                Arc::new(failures),
            )
        }
        ReplayConfig::Redis(config) => {
            let failures = Arc::new(Failures::of(config.url.to_string()));
            let store = Arc::new(RedisStore::new(config.clone(), Arc::clone(&failures)));
            redis.send_replace(Some(Arc::clone(&store)));
            (store, failures)
        }
    };
    InUse {
        config,
        store,
        failures,
        metrics: Arc::clone(metrics),
    }
}
