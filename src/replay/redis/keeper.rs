//! The task that keeps a store connected, and tells it of claims that have ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{CONNECTING, Link, RedisStore, commands};
use crate::replay::store::StoreError;

/// How long after a failed attempt to connect the next one begins.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a connection is looked at that nobody doubts.
const LOOK: Duration = Duration::from_millis(250);

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
    // What has to be replaced, and of which a part may be of use until then.
    let mut old: Option<Arc<Link>> = None;
    let mut has_failed = false;
    while !is_over(&store) {
        let link = match connect_beside(old.as_deref(), &store).await {
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
        if link.has_parts() {
            old = Some(link);
            store.set_obstacle(&doubt);
        } else {
            store.lose_link(&doubt);
        }
        store.failures.tell(&doubt);
    }
}

/// Connects in the place of what is there, which is told of ends meanwhile.
async fn connect_beside(old: Option<&Link>, store: &RedisStore) -> Result<Link, StoreError> {
    let Some(old) = old else {
        return connect(store).await;
    };
    let mut connecting = std::pin::pin!(async {
        sleep(LOOK).await;
        connect(store).await
    });
    tidy(store);
    loop {
        tokio::select! {
            connected = &mut connecting => return connected,
            () = store.ends.arrived() => store.tell(old).await,
        }
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

/// A connection to a server that can be written to, or to a cluster.
async fn connect(store: &RedisStore) -> Result<Link, StoreError> {
    let connecting = async {
        let link = Link::connect(&store.config).await?;
        // What a cluster has lost is no reason to do without the rest.
        if !link.has_parts() {
            probe(store, &link).await?;
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
    loop {
        // In no order: what always has something to do must not keep the others from their turn.
        let looked = tokio::select! {
            () = store.ends.arrived() => {
                store.tell(link).await;
                Ok(())
            }
            () = store.doubts.notified() => look(store, link).await,
            _ = looks.tick() => {
                if is_over(store) {
                    return None;
                }
                tidy(store);
                look(store, link).await
            }
        };
        if let Err(error) = looked {
            return Some(error);
        }
    }
}

/// Whether a connection is of use. That to a cluster is not where a command was not answered: the library does not learn
/// that another node has taken the place of one that is silent.
async fn look(store: &RedisStore, link: &Link) -> Result<(), StoreError> {
    let doubt = store.take_doubt();
    if link.has_parts() {
        return doubt.map_or(Ok(()), Err);
    }
    timeout(store.config.timeout, probe(store, link))
        .await
        .unwrap_or(Err(StoreError::Slow))
}

/// Whether the server answers, and can be written to.
async fn probe(store: &RedisStore, link: &Link) -> Result<(), StoreError> {
    let answer = link.ask(&store.commands.probe()).await?;
    commands::is_number(&answer)?;
    store.set_answered(true);
    Ok(())
}
