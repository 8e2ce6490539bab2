//! The task that keeps a store connected, asks for events, and tells the server what becomes of those that are kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::link::{ANSWER, Link};
use super::route::{self, Route};
use super::stream::Making;
use super::{Shared, releases, undo};
use crate::spool::store::StoreError;

/// How long after a failed attempt to connect the next one begins: twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest time between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many ends are told at once.
const AT_ONCE: usize = 256;
/// How long the server may take to learn at the end what is not delivered.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// Serves a store until it is dropped.
pub(crate) struct Keeper {
    pub(super) shared: Arc<Shared>,
}

impl Keeper {
    /// Ends soon after the store is dropped. Cut off before, the server delivers what was kept after its time limit.
    pub(crate) async fn run(self) {
        let shared = self.shared;
        let mut last_word = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        while !shared.over.is_cancelled() {
            let connecting = Link::connect(&shared.settings, Making::Allowed);
            let connected = tokio::select! {
                connected = connecting => connected,
                () = shared.over.cancelled() => return,
            };
            let error = match connected {
                Ok(link) => {
                    let link = Arc::new(link);
                    pause = SHORTEST_PAUSE;
                    shared.set_link(&link);
                    let worked = work(&shared, &link, &mut last_word).await;
                    let Some(error) = worked else {
                        let _ = timeout(FAREWELL, farewell(&shared, &link)).await;
                        shared.links.send_replace(None);
                        return;
                    };
                    error
                }
                Err(error) => error,
            };
            shared.set_obstacle(&error);
            tokio::select! {
                () = sleep(pause) => {}
                () = shared.over.cancelled() => return,
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}

/// Uses a connection until it is of no use: then says why. `None` where the store is over.
async fn work(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    last_word: &mut Instant,
) -> Option<StoreError> {
    let ack_wait = shared.settings.ack_wait;
    let mut words = interval(ack_wait.checked_div(3).unwrap_or(ack_wait));
    words.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pulls = JoinSet::new();
    let mut pulled = HashSet::new();
    let mut released = match releases::listen(shared, link).await {
        Ok(released) => released,
        Err(error) => return Some(error),
    };
    loop {
        let wanted = !shared.leaving.is_cancelled();
        for route in shared.routes().into_iter().filter(|_| wanted) {
            if pulled.insert(Arc::clone(&route.name)) {
                pulls.spawn(route::pull(Arc::clone(shared), Arc::clone(link), route));
            }
        }
        // In no order: what always has something to do must not keep the others from their turn.
        let done = tokio::select! {
            () = shared.over.cancelled() => return None,
            () = shared.leaving.cancelled(), if !shared.left.is_cancelled() => {
                pulls.shutdown().await;
                leave(shared, link).await
            }
            () = link.lost() => Err(StoreError::Failed("the connection was lost".to_owned())),
            Some(ended) = pulls.join_next() => match ended {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => Ok(()),
            },
            () = shared.doubts.notified() => link.look().await,
            Some(message) = released.next() => {
                releases::hear(shared, &message);
                Ok(())
            }
            _ = words.tick() => say_all(shared, link, last_word).await,
            () = due(shared) => settle(shared, link).await,
        };
        if let Err(error) = done {
            return Some(error);
        }
    }
}

/// Returns when something may be due, or was changed.
async fn due(shared: &Shared) {
    let now = shared.clock.now();
    let next = shared
        .routes()
        .iter()
        .filter_map(|route| route.kept().next_due())
        .min();
    let next = next.map(|at| u64::try_from(at.millis_since(now)).unwrap_or_default());
    let wait = next.map_or(LOOK, Duration::from_millis).min(LOOK);
    tokio::select! {
        () = sleep(wait) => {}
        () = shared.stirred.notified() => {}
    }
}

/// Tells the others whose app takes events again, gives back what is due, and has the server told again what it did
/// not confirm.
async fn settle(shared: &Arc<Shared>, link: &Link) -> Result<(), StoreError> {
    let settling = async {
        releases::tell(shared, link).await?;
        for route in shared.routes() {
            let due = route.kept().take_due(shared.clock.now());
            route.tell_ready(due.ready);
            for back in due.back {
                route::give_back(shared, link, back).await?;
            }
        }
        undo::undo(shared, link).await
    };
    timeout(ANSWER, settling)
        .await
        .unwrap_or(Err(StoreError::Slow))
}

/// Says of all that is kept that it still is. The last word is answered, and so all were read.
async fn say_all(shared: &Shared, link: &Link, last_word: &mut Instant) -> Result<(), StoreError> {
    let routes = shared.routes();
    if last_word.elapsed() > shared.settings.ack_wait {
        for route in &routes {
            route.kept().lapse();
        }
    }
    let saying = async {
        let mut last = None;
        for route in &routes {
            tell_ends(link, route).await?;
            let replies = route.kept().replies();
            for reply in replies {
                link.say(reply.clone(), AckKind::Progress.into()).await?;
                last = Some(reply);
            }
        }
        if let Some(reply) = last {
            link.tell(reply, AckKind::Progress.into()).await?;
        }
        Ok(())
    };
    let said = timeout(ANSWER.saturating_mul(2), saying).await;
    said.unwrap_or(Err(StoreError::Slow))?;
    *last_word = Instant::now();
    Ok(())
}

/// Tells the server of ends that it has not confirmed.
async fn tell_ends(link: &Link, route: &Route) -> Result<(), StoreError> {
    let ended = route.kept().ended();
    let telling = ended.into_iter().take(AT_ONCE).map(async |delivery| {
        let (sequence, id) = (delivery.sequence, delivery.info.id);
        let is_known = link.tell(delivery.reply, AckKind::Ack.into()).await?;
        if !is_known && link.event(sequence, id).await?.is_some() {
            link.delete(sequence).await?;
        }
        route.kept().forget(sequence, id);
        Ok(())
    });
    try_join_all(telling).await.map(|_| ())
}

/// Gives all back, and goes on: events are still kept.
async fn leave(shared: &Shared, link: &Link) -> Result<(), StoreError> {
    // The server has read by its answer that nobody asks any more: it would give back to us what it gets.
    link.look().await?;
    let _ = timeout(FAREWELL, farewell(shared, link)).await;
    shared.left.cancel();
    Ok(())
}

/// Gives all back that is not on its way to an app.
async fn farewell(shared: &Shared, link: &Link) {
    for route in shared.routes() {
        let _ = tell_ends(link, &route).await;
        let back = route.kept().take_all();
        for back in back {
            if route::give_back(shared, link, back).await.is_err() {
                return;
            }
        }
    }
    // An answer shows that what was said before was read.
    let _ = link.look().await;
}
