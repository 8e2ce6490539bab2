//! A store in memory, and an app that does what a test says, by tokio's clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::active::{ActiveConfig, Route};
use crate::config::{self, Options, Secrets};
use crate::handoff::{Delivery, Stored};
use crate::observe::metrics::Metrics;
use crate::providers::Providers;
use crate::spool::clock::Clock;
use crate::spool::deliver::{Attempted, Attempting, Deliver};
use crate::spool::event::{Event, EventId};
use crate::spool::store::{Answer, End, Info, Lease, RouteTotals, Store, Totals};
use crate::spool::troubles::Troubles;
use crate::spool::{Cause, Spool};
use crate::verify::Timestamp;

/// What time it is when a test begins, in milliseconds.
pub(super) const BEGIN: u64 = 1_800_000_000_000;

/// A spool, what it stores, and what its app saw.
pub(super) struct Bench {
    pub(super) spool: Arc<Spool>,
    pub(super) store: Arc<Memory>,
    pub(super) app: Arc<App>,
    pub(super) route: Arc<Route>,
    began: Instant,
}

impl Bench {
    /// With a route of these keys, whose app answers as `answer` says to attempts at so many milliseconds.
    pub(super) fn new(keys: &str, answer: impl FnMut(Seen) -> Attempted + Send + 'static) -> Self {
        let began = Instant::now();
        let clock = Clock::of(move || Timestamp::from_millis(BEGIN).after(began.elapsed()));
        let route = route(keys);
        let store = Arc::new(Memory {
            clock: clock.clone(),
            state: Mutex::default(),
            changed: Notify::new(),
        });
        let app = Arc::new(App {
            route: Mutex::new(Some(Arc::clone(&route))),
            began,
            answer: Mutex::new(Box::new(answer)),
            seen: Mutex::default(),
            takes: Mutex::default(),
            now_and_most: Mutex::default(),
        });
        let as_store: Arc<dyn Store> = Arc::new(Arc::clone(&store));
        let failures = Metrics::new().unwrap().spool.failures();
        let troubles = Troubles::of("memory".to_owned(), failures);
        let spool = Arc::new(Spool::new(Some((as_store, troubles)), clock));
        tokio::spawn(Arc::clone(&spool).run(Arc::clone(&app) as _));
        Self {
            spool,
            store,
            app,
            route,
            began,
        }
    }

    /// Stores an event now, as one that is stored before it is sent.
    pub(super) async fn store_one(&self) -> EventId {
        self.keep(Cause::StoredFirst).await
    }

    pub(super) async fn keep(&self, cause: Cause) -> EventId {
        let head = Bytes::from_static(b"POST /in HTTP/1.1\r\nHost: app\r\n\r\n");
        let request = Stored::read_back(head, Bytes::from_static(b"{}"));
        let now = Timestamp::from_millis(BEGIN).after(self.began.elapsed());
        let kept = self.spool.keep(&self.route, request, now, cause).await;
        kept.unwrap()
    }

    /// Lets so many seconds pass.
    pub(super) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets time pass until no event waits, for a week at most.
    pub(super) async fn until_none_waits(&self) {
        for _ in 0..7 * 24 * 3_600 {
            if self.store.states().0 == 0 {
                return;
            }
            self.pass(1).await;
        }
        panic!("events still wait: {:?}", self.store.states());
    }
}

fn route(keys: &str) -> Arc<Route> {
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[spool]\nstore = \"disk\"\ndirectory = \"/nowhere\"\n\
         [[route]]\nname = \"r\"\npath = \"/in\"\nupstream = \"http://127.0.0.1:1\"\nspool = \"always\"\n{keys}\n\
         [route.verify]\nscheme = \"twenty\"\nsecrets = [{{ id = \"s\", value = \"a-secret-of-a-test\" }}]\n"
    );
    let options = Options {
        secrets: Secrets::Skip,
        providers: Providers::known(),
    };
    let loaded = config::read("test.toml", &text, options);
    let found = loaded.findings;
    let config = loaded.config.unwrap_or_else(|| panic!("{found:?}"));
    let active = ActiveConfig::new(&config, &Metrics::new().unwrap(), None);
    Arc::clone(&active.all_routes[0])
}

/// An attempt as the app sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) attempt: u32,
    /// Milliseconds since the test began.
    pub(super) at: u64,
}

type Answering = Box<dyn FnMut(Seen) -> Attempted + Send>;

pub(super) struct App {
    pub(super) route: Mutex<Option<Arc<Route>>>,
    began: Instant,
    answer: Mutex<Answering>,
    seen: Mutex<Vec<Seen>>,
    /// How long it takes.
    pub(super) takes: Mutex<Duration>,
    now_and_most: Mutex<(usize, usize)>,
}

impl App {
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// When attempts were made, in whole seconds since the test began.
    pub(super) fn seconds(&self) -> Vec<u64> {
        self.seen().iter().map(|seen| seen.at / 1_000).collect()
    }

    /// How many were on their way at once, at most.
    pub(super) fn most_at_once(&self) -> usize {
        self.now_and_most.lock().unwrap().1
    }
}

impl Deliver for App {
    fn routes(&self) -> Vec<Arc<Route>> {
        self.route.lock().unwrap().iter().cloned().collect()
    }

    fn route(&self, name: &str) -> Option<Arc<Route>> {
        let route = self.route.lock().unwrap().clone();
        route.filter(|route| &*route.name == name)
    }

    fn send<'a>(
        &'a self,
        _route: &'a Arc<Route>,
        _lease: &'a dyn Lease,
        delivery: Delivery<'a>,
    ) -> Attempting<'a> {
        let seen = Seen {
            id: delivery.id.to_owned(),
            attempt: delivery.attempt,
            at: u64::try_from(self.began.elapsed().as_millis()).unwrap(),
        };
        Box::pin(async move {
            let count = |change: isize| {
                let mut both = self.now_and_most.lock().unwrap();
                both.0 = both.0.checked_add_signed(change).unwrap();
                both.1 = both.1.max(both.0);
            };
            count(1);
            self.seen.lock().unwrap().push(seen.clone());
            let takes = *self.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            count(-1);
            (self.answer.lock().unwrap())(seen)
        })
    }
}

/// Events in memory.
pub(super) struct Memory {
    clock: Clock,
    state: Mutex<Kept>,
    changed: Notify,
}

#[derive(Default)]
struct Kept {
    events: BTreeMap<u64, One>,
    number: u64,
    released_at: Option<Timestamp>,
}

struct One {
    info: Info,
    due_at: Timestamp,
    /// When it failed, where that was for the app's sake.
    failed_at: Option<Timestamp>,
    is_leased: bool,
    dead: Option<String>,
}

impl Memory {
    /// How many wait, and how many are dead.
    pub(super) fn states(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        let dead = state
            .events
            .values()
            .filter(|one| one.dead.is_some())
            .count();
        (state.events.len() - dead, dead)
    }

    /// Why the dead ones are.
    pub(super) fn errors(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state
            .events
            .values()
            .filter_map(|one| one.dead.clone())
            .collect()
    }

    /// Has all dead letters tried once more.
    pub(super) fn retry(&self) {
        let mut state = self.state.lock().unwrap();
        for one in state.events.values_mut().filter(|one| one.dead.is_some()) {
            one.dead = None;
            one.info.is_retried = true;
            one.due_at = Timestamp::from_millis(0);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The next that is due, or when one is.
    fn take(self: &Arc<Self>, in_order: bool) -> Result<Box<dyn Lease>, Option<Timestamp>> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let released = state.released_at;
        let due = |one: &One| {
            let is_released =
                released.is_some() && one.failed_at.is_some_and(|at| Some(at) <= released);
            if is_released {
                Timestamp::from_millis(0)
            } else {
                one.due_at
            }
        };
        let mut waiting = state
            .events
            .iter_mut()
            .filter(|(_, one)| one.dead.is_none());
        let next = if in_order {
            waiting.next().filter(|(_, one)| !one.is_leased)
        } else {
            waiting
                .filter(|(_, one)| !one.is_leased)
                .min_by_key(|(number, one)| (due(one), **number))
        };
        let Some((number, one)) = next else {
            return Err(None);
        };
        let due_at = due(one);
        if due_at > now {
            return Err(Some(due_at));
        }
        one.is_leased = true;
        Ok(Box::new(Leased {
            store: Arc::clone(self),
            number: *number,
            info: one.info.clone(),
        }))
    }
}

/// A store of the tests is used through an `Arc`.
impl Store for Arc<Memory> {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn put(&self, event: Event) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            state.number += 1;
            let number = state.number;
            let info = Info {
                id: event.id,
                route: event.route,
                received_at: event.received_at,
                attempts: 0,
                bytes: event.request.bytes(),
                is_retried: false,
            };
            let one = One {
                info,
                due_at: event.due_at,
                failed_at: None,
                is_leased: false,
                dead: None,
            };
            state.events.insert(number, one);
            drop(state);
            self.changed.notify_waiters();
            Ok(())
        })
    }

    fn next<'a>(&'a self, _route: &'a Arc<str>, in_order: bool) -> Answer<'a, Box<dyn Lease>> {
        Box::pin(async move {
            loop {
                let changed = self.changed.notified();
                let until = match self.take(in_order) {
                    Ok(lease) => return Ok(lease),
                    Err(until) => until,
                };
                let wait = until.map(|until| {
                    let millis = until.millis_since(self.clock.now()).max(1);
                    Duration::from_millis(u64::try_from(millis).unwrap())
                });
                let later = Instant::now() + wait.unwrap_or(Duration::from_secs(3_600));
                tokio::select! {
                    () = changed => {}
                    () = sleep_until(later) => {}
                }
            }
        })
    }

    fn release(&self, _route: &str) {
        self.state.lock().unwrap().released_at = Some(self.clock.now());
        self.changed.notify_waiters();
    }

    fn totals(&self) -> Answer<'_, Totals> {
        Box::pin(async move {
            let (waiting, dead) = self.states();
            let of = RouteTotals {
                route: "r".into(),
                waiting: waiting as u64,
                dead: dead as u64,
                oldest: None,
            };
            Ok(Totals {
                routes: vec![of],
                bytes: 0,
            })
        })
    }
}

struct Leased {
    store: Arc<Memory>,
    number: u64,
    info: Info,
}

impl Lease for Leased {
    fn info(&self) -> &Info {
        &self.info
    }

    fn load(&self) -> Answer<'_, Stored> {
        unreachable!("the app of these tests needs no request")
    }

    fn end(self: Box<Self>, end: End) -> Answer<'static, ()> {
        let now = self.store.clock.now();
        let mut state = self.store.state.lock().unwrap();
        match end {
            End::Delivered => {
                state.events.remove(&self.number);
            }
            End::Again { at, is_its_own, .. } => {
                let one = state.events.get_mut(&self.number).unwrap();
                one.info.attempts += 1;
                one.due_at = at;
                one.failed_at = (!is_its_own).then_some(now);
            }
            End::Dead { error, .. } => {
                let one = state.events.get_mut(&self.number).unwrap();
                one.dead = Some(error.unwrap_or_else(|| "as before".to_owned()));
            }
        }
        drop(state);
        Box::pin(async { Ok(()) })
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut state = self.store.state.lock().unwrap();
        if let Some(one) = state.events.get_mut(&self.number) {
            one.is_leased = false;
        }
        drop(state);
        self.store.changed.notify_waiters();
    }
}
