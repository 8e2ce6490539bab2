//! The lanes of all routes: which there are, and what they share with those who forward live requests.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::COUNTING;
use super::clock::Clock;
use super::deliver::Deliver;
use super::knowledge::Knowledge;
use super::lane::{Lane, LaneState};
use super::store::{Store, StoreError, Totals};
use super::troubles::Troubles;

/// How often is looked which routes have events.
const LOOK: Duration = Duration::from_secs(1);

/// The lanes by the names of their routes.
#[derive(Default)]
pub(super) struct Lanes(RwLock<HashMap<Arc<str>, Arc<LaneState>>>);

/// What lanes are made of.
pub(super) struct Parts {
    pub(super) store: Arc<dyn Store>,
    pub(super) deliver: Arc<dyn Deliver>,
    pub(super) clock: Clock,
    pub(super) troubles: Arc<Troubles>,
    pub(super) knowledge: Arc<Knowledge>,
}

impl Lanes {
    /// What is known of a route's lane.
    pub(super) fn of(&self, route: &Arc<str>) -> Arc<LaneState> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = known.get(route) {
            return Arc::clone(state);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(Arc::clone(route)).or_default())
    }

    /// Runs a lane for each route that stores events, or has some. Ends once it is stopped and all attempts have ended.
    pub(super) async fn run(&self, parts: Parts, mut stopping: watch::Receiver<bool>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut running: HashMap<Id, Arc<str>> = HashMap::new();
        let mut lanes: JoinSet<()> = JoinSet::new();
        let mut gone: HashSet<Arc<str>> = HashSet::new();
        while !*stopping.borrow() {
            tokio::select! {
                _ = looks.tick() => {
                    for route in parts.deliver.routes().iter().filter(|route| route.spool.is_on()) {
                        self.of(&route.name);
                    }
                    let totals = self.look(&parts).await;
                    self.start(&parts, &totals, &mut running, &mut lanes, &stopping);
                    warn_of_gone(&parts, &totals, &mut gone);
                }
                Some(ended) = lanes.join_next_with_id(), if !lanes.is_empty() => {
                    // The next look starts it again, if it is still wanted.
                    match ended {
                        Ok((id, ())) => running.remove(&id),
                        Err(error) => running.remove(&error.id()),
                    };
                }
                _ = stopping.changed() => {}
            }
        }
        while lanes.join_next().await.is_some() {}
    }

    /// Learns how many events wait.
    async fn look(&self, parts: &Parts) -> Totals {
        let before: Vec<_> = {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let states = known.iter().filter_map(|(route, state)| {
                let changes = state.waiting.changes()?;
                Some((Arc::clone(route), Arc::clone(state), changes))
            });
            states.collect()
        };
        let totals = timeout(COUNTING, parts.store.totals()).await;
        let totals = totals.unwrap_or(Err(StoreError::Slow));
        parts.knowledge.counted(totals.as_ref().ok());
        let totals = match totals {
            Ok(totals) => totals,
            Err(error) => {
                parts.troubles.store_failed(&error);
                return Totals::default();
            }
        };
        for (route, state, changes) in before {
            let of_route = totals.routes.iter().find(|totals| totals.route == route);
            state
                .waiting
                .learn(of_route.map_or(0, |totals| totals.waiting), changes);
        }
        totals
    }

    fn start(
        &self,
        parts: &Parts,
        totals: &Totals,
        running: &mut HashMap<Id, Arc<str>>,
        lanes: &mut JoinSet<()>,
        stopping: &watch::Receiver<bool>,
    ) {
        let waiting = totals.routes.iter().filter(|totals| totals.waiting > 0);
        let having: HashSet<&str> = waiting.map(|totals| &*totals.route).collect();
        let has_lane: HashSet<Arc<str>> = running.values().cloned().collect();
        for route in parts.deliver.routes() {
            let is_wanted = route.spool.is_on() || having.contains(&*route.name);
            if !is_wanted || has_lane.contains(&route.name) {
                continue;
            }
            let lane = Lane {
                state: self.of(&route.name),
                name: Arc::clone(&route.name),
                store: Arc::clone(&parts.store),
                deliver: Arc::clone(&parts.deliver),
                clock: parts.clock.clone(),
                troubles: Arc::clone(&parts.troubles),
            };
            let task = lanes.spawn(lane.run(stopping.clone()));
            running.insert(task.id(), Arc::clone(&route.name));
        }
    }
}

/// Tells the operator once of each route that has events and is gone.
fn warn_of_gone(parts: &Parts, totals: &Totals, told: &mut HashSet<Arc<str>>) {
    let gone = totals
        .routes
        .iter()
        .filter(|totals| totals.waiting > 0 && parts.deliver.route(&totals.route).is_none());
    let gone: Vec<_> = gone.collect();
    told.retain(|route| gone.iter().any(|totals| totals.route == *route));
    for totals in gone {
        if told.insert(Arc::clone(&totals.route)) {
            tracing::warn!(
                event = "spool_route_gone",
                route = &*totals.route,
                waiting = totals.waiting,
                "stored events wait for a route that the configuration does not have; they are kept until it is \
                 there again, or `hookward spool drop`"
            );
        }
    }
}
