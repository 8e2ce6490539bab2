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
    let mut attempt = 0_usize;
    // What has to be replaced, and of which a part may be of use until then.
    let mut old: Option<Arc<Link>> = None;
    while !is_over(&store) {
        let link = match connect_beside(old.as_deref(), &store, attempt).await {
            Ok(link) => Arc::new(link),
            Err(error) => {
                store.is_down(&error);
                if attempt == 0 {
                    store.failures.tell(&error);
                }
                attempt = attempt.saturating_add(1);
                sleep(PAUSE).await;
                continue;
            }
        };
        attempt = 0;
        store.is_up(Arc::clone(&link));
        let doubt = work(&store, &link).await;
        if link.has_parts() {
            old = Some(link);
        } else {
            store.link.store(None);
        }
        if let Some(doubt) = doubt {
            store.is_down(&doubt);
            store.failures.tell(&doubt);
        }
    }
}

/// Whether nobody uses a store any more, and it knows all that it must.
fn is_over(store: &Arc<RedisStore>) -> bool {
    Arc::strong_count(store) == 1 && store.ends.is_empty()
}

/// Connects in the place of what is there, which is told of ends meanwhile.
async fn connect_beside(
    old: Option<&Link>,
    store: &RedisStore,
    attempt: usize,
) -> Result<Link, StoreError> {
    let Some(old) = old else {
        return connect(store, attempt).await;
    };
    let mut connecting = std::pin::pin!(async {
        sleep(LOOK).await;
        connect(store, attempt).await
    });
    store.ends.send_due();
    loop {
        tokio::select! {
            connected = &mut connecting => return connected,
            () = store.ends.arrived() => {
                store.tell(old).await;
            }
        }
    }
}

/// A connection to a server that can be written to, or to a cluster.
async fn connect(store: &RedisStore, attempt: usize) -> Result<Link, StoreError> {
    let connecting = async {
        let link = Link::connect(&store.config, attempt).await?;
        // What a cluster has lost is no reason to do without the rest.
        if !link.has_parts() {
            probe(store, &link).await?;
        }
        Ok(link)
    };
    timeout(CONNECTING.saturating_mul(2), connecting)
        .await
        .unwrap_or(Err(StoreError::Slow))
}

/// Uses a connection until it is of no use: then says why. `None` where the store is over.
async fn work(store: &Arc<RedisStore>, link: &Link) -> Option<StoreError> {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = store.ends.arrived() => {
                store.tell(link).await;
            }
            () = store.doubts.notified() => {
                if let Err(error) = look(store, link).await {
                    return Some(error);
                }
            }
            _ = looks.tick() => {
                if is_over(store) {
                    return None;
                }
                store.ends.send_due();
                if let Err(error) = look(store, link).await {
                    return Some(error);
                }
            }
        }
    }
}

/// Whether a connection is of use. That to a cluster is not where a command has failed: the library does not learn
/// that another node has taken the place of one that is silent.
async fn look(store: &RedisStore, link: &Link) -> Result<(), StoreError> {
    let doubt = store.doubt().take();
    if link.has_parts() {
        doubt.map_or(Ok(()), Err)?;
    } else {
        let probed = timeout(store.config.timeout, probe(store, link)).await;
        probed.unwrap_or(Err(StoreError::Slow))?;
    }
    store.failures.are_over();
    Ok(())
}

/// Whether the server answers, and can be written to.
async fn probe(store: &RedisStore, link: &Link) -> Result<(), StoreError> {
    let answer = link.ask(&store.commands.probe()).await?;
    commands::is_number(&answer)
}
