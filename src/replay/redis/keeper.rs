//! The task that keeps a store connected, and tells it of claims that have ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{CONNECTING, Link, RedisStore, commands};
use crate::replay::store::StoreError;

/// How long after a failed attempt to connect the next one begins.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a connection is looked at that nobody doubts.
const LOOK: Duration = Duration::from_millis(250);

/// How long a cluster's library may take to find its way by itself.
const REPAIRING: Duration = Duration::from_secs(2);

/// Serves the store in use, and those that were replaced until their last request has ended.
pub(crate) struct Keeper {
    stores: watch::Receiver<Option<Arc<RedisStore>>>,
}

impl Keeper {
    /// A keeper of the store that the channel names.
    pub(crate) fn new(stores: watch::Receiver<Option<Arc<RedisStore>>>) -> Self {
        Self { stores }
    }

    /// Never ends by itself.
    pub(crate) async fn run(mut self) {
        let mut serving = JoinSet::new();
        self.stores.mark_changed();
        loop {
            tokio::select! {
                changed = self.stores.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                    let store = self.stores.borrow_and_update().clone();
                    if let Some(store) = store {
                        serving.spawn(serve(store));
                    }
                }
                Some(served) = serving.join_next() => {
                    if let Err(error) = served
                        && error.is_panic()
                    {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
        }
    }
}

async fn serve(store: Arc<RedisStore>) {
    let mut has_failed = false;
    while !is_over(&store) {
        let link = match connect(&store).await {
            Ok(link) => Arc::new(link),
            Err(error) => {
                store.set_obstacle(&error);
                if !has_failed {
                    store.failures.tell(&error);
                }
                has_failed = true;
                tidy(&store);
                sleep(PAUSE).await;
                continue;
            }
        };
        has_failed = false;
        store.set_link(Arc::clone(&link));
        let Some(doubt) = work(&store, &link).await else {
            return;
        };
        // A cluster's other nodes may answer; what it has is given up once there is better.
        if !link.repairs_itself() {
            store.link.store(None);
        }
        store.set_obstacle(&doubt);
        store.failures.tell(&doubt);
    }
}

/// Whether nobody uses a store any more, and it knows all that it must.
fn is_over(store: &Arc<RedisStore>) -> bool {
    Arc::strong_count(store) == 1 && store.ends.is_empty()
}

/// Has those ends told again whose time has come, and says how many were lost.
fn tidy(store: &RedisStore) {
    store.ends.tell_due(super::now());
    let lost = store.ends.take_lost();
    if lost > 0 {
        tracing::error!(
            event = "replay_ends_lost",
            count = lost,
            "the replay store could not be told of so many requests that ended; they are refused until they expire"
        );
    }
}

/// A connection; to one server, one that can be written to.
async fn connect(store: &RedisStore) -> Result<Link, StoreError> {
    let connecting = async {
        let link = Link::connect(&store.config).await?;
        if !link.repairs_itself() {
            commands::is_number(&link.ask(&store.commands.probe()).await?)?;
        }
        Ok(link)
    };
    timeout(CONNECTING, connecting)
        .await
        .unwrap_or(Err(StoreError::Slow))
}

/// Uses a connection until it is of no use: then says why. `None` where the store is over.
async fn work(store: &Arc<RedisStore>, link: &Link) -> Option<StoreError> {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing_since: Option<Instant> = None;
    loop {
        // In no order: what always has something to do must not keep the others from their turn.
        tokio::select! {
            () = store.ends.arrived() => store.tell(link).await,
            () = store.doubts.notified() => {
                let Err(error) = look(store, link).await else {
                    failing_since = None;
                    continue;
                };
                let since = *failing_since.get_or_insert_with(Instant::now);
                if !link.repairs_itself() || since.elapsed() > REPAIRING {
                    return Some(error);
                }
            }
            _ = looks.tick() => {
                if is_over(store) {
                    return None;
                }
                tidy(store);
                store.doubts.notify_one();
            }
        }
    }
}

/// Whether the server answers, and can be written to; of a cluster, the one that has the key.
async fn look(store: &RedisStore, link: &Link) -> Result<(), StoreError> {
    let probe = store.commands.probe();
    let answer = timeout(store.config.timeout, link.ask(&probe)).await;
    commands::is_number(&answer.unwrap_or(Err(StoreError::Slow))?)
}
