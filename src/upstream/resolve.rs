//! A host name and the addresses that it was last resolved to.
//!
//! A DNS outage must not lose events for an app that is up, nor make them wait: the last good answer
//! serves while one task asks anew in the background, however long that takes. Only the first answer is
//! waited for. A look-up that fails is tried again a moment later, once for all who wait, so that a thousand
//! requests for an app that has no address are not a thousand look-ups.
//!
//! Asking the system for a name holds a thread, and cannot be called off. So no second question about a
//! name is asked before the first has come back, even if it never does.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::destination::{Address, Destination};
use super::look_up::{LookUp, LookupError, lookup_error};
use super::tls::TlsClient;
use crate::config::UpstreamProtocol;

/// How old an answer may be before it is asked for again.
const ANSWER_LIFETIME: Duration = Duration::from_secs(30);
/// How old it may be where nobody takes a connection there.
const REFRESH_AFTER: Duration = Duration::from_secs(1);
/// The first pause after a look-up that failed; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while no answer is at hand.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The pause while an earlier answer serves.
const PAUSE_WITH_ANSWER: Duration = Duration::from_secs(5);
/// A look-up that takes longer is logged.
const SLOW_AFTER: Duration = Duration::from_secs(10);
/// How many addresses of a name are used.
const MAX_ADDRESSES: usize = 16;

/// A host name and what it was last resolved to. A look-up in the background ends when it is dropped.
pub(super) struct Name(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    tls: Option<Arc<TlsClient>>,
    protocol: UpstreamProtocol,
    look_up: Arc<dyn LookUp>,
    answer: ArcSwapOption<Answer>,
    asking: Mutex<Asking>,
    /// Notified when a look-up has ended.
    ended: Notify,
}

struct Answer {
    /// In the order in which to try.
    destinations: Arc<[Destination]>,
    at: Instant,
    /// Nobody took a connection there.
    is_doubtful: AtomicBool,
}

#[derive(Default)]
struct Asking {
    /// A look-up has begun and has not come back.
    is_under_way: bool,
    task: Option<AbortHandle>,
    failure: Option<Failure>,
    /// What took the last connection.
    working: Option<Destination>,
}

/// A look-up that failed, remembered until the next.
struct Failure {
    error: LookupError,
    pause: Duration,
    again_at: Instant,
}

impl Name {
    pub(super) fn new(
        host: &str,
        port: u16,
        tls: Option<Arc<TlsClient>>,
        protocol: UpstreamProtocol,
        look_up: Arc<dyn LookUp>,
    ) -> Self {
        Self(Arc::new(Inner {
            host: host.to_owned(),
            port,
            tls,
            protocol,
            look_up,
            answer: ArcSwapOption::empty(),
            asking: Mutex::default(),
            ended: Notify::new(),
        }))
    }

    /// The last answer at once, however old; the first one until `deadline`.
    pub(super) async fn destinations(
        &self,
        deadline: Instant,
    ) -> Result<Arc<[Destination]>, LookupError> {
        loop {
            let mut ended = pin!(self.0.ended.notified());
            ended.as_mut().enable();
            if let Some(destinations) = self.known_destinations() {
                return Ok(destinations);
            }
            let again_at = self.0.ask();
            let wake_at = again_at.unwrap_or(deadline).min(deadline);
            let is_last = wake_at >= deadline;
            // A look-up under way may end in time; one that would only begin then cannot.
            let is_hopeless = is_last && (again_at.is_some() || Instant::now() >= deadline);
            if is_hopeless || (timeout_at(wake_at, ended).await.is_err() && is_last) {
                return self.known_destinations().ok_or_else(|| self.0.error());
            }
        }
    }

    /// The last answer, however old; then another is asked for in the background.
    pub(super) fn known_destinations(&self) -> Option<Arc<[Destination]>> {
        let answer = self.0.answer.load();
        let answer = answer.as_ref()?;
        let lifetime = if answer.is_doubtful.load(Ordering::Relaxed) {
            REFRESH_AFTER
        } else {
            ANSWER_LIFETIME
        };
        if answer.at.elapsed() >= lifetime {
            self.0.ask();
        }
        Some(Arc::clone(&answer.destinations))
    }

    /// Tries this destination first from now on.
    pub(super) fn set_working(&self, destination: &Destination) {
        let mut asking = self.0.asking();
        if asking.working.as_ref() != Some(destination) {
            asking.working = Some(destination.clone());
        }
        let Some(answer) = self.0.answer.load_full() else {
            return;
        };
        let known = &answer.destinations;
        if known.first() != Some(destination) && known.contains(destination) {
            self.0.answer.store(Some(Arc::new(Answer {
                destinations: with_first(known, destination).into(),
                at: answer.at,
                is_doubtful: AtomicBool::new(false),
            })));
        }
    }

    /// Asks again soon: nobody takes connections there.
    pub(super) fn refresh(&self) {
        if let Some(answer) = &*self.0.answer.load() {
            answer.is_doubtful.store(true, Ordering::Relaxed);
        }
        self.known_destinations();
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let task = self.0.asking().task.take();
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Inner {
    /// Begins a look-up, unless one is under way or it is too early for another. Then returns when the
    /// next may begin.
    fn ask(self: &Arc<Self>) -> Option<Instant> {
        {
            let mut asking = self.asking();
            if asking.is_under_way {
                return None;
            }
            let again_at = asking.failure.as_ref().map(|failure| failure.again_at);
            if let Some(again_at) = again_at.filter(|again_at| Instant::now() < *again_at) {
                return Some(again_at);
            }
            asking.is_under_way = true;
        }
        // Not under the lock: a runtime that is ending drops the task at once, which takes the lock.
        let task = tokio::spawn(UnderWay(Arc::clone(self)).look_up());
        self.asking().task = Some(task.abort_handle());
        None
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why there is no answer.
    fn error(&self) -> LookupError {
        let asking = self.asking();
        let failure = asking.failure.as_ref();
        failure.map_or_else(
            || LookupError::TooSlow(self.host.clone()),
            |failure| failure.error.clone(),
        )
    }

    /// Keeps what a look-up found, or remembers that it failed.
    fn finish(&self, found: Result<Vec<SocketAddr>, LookupError>) {
        let mut asking = self.asking();
        asking.is_under_way = false;
        match found {
            Ok(addresses) => {
                asking.failure = None;
                let destinations = self.in_order(&addresses, asking.working.as_ref());
                self.answer.store(Some(Arc::new(Answer {
                    destinations,
                    at: Instant::now(),
                    is_doubtful: AtomicBool::new(false),
                })));
            }
            Err(error) => self.remember(error, &mut asking),
        }
        drop(asking);
        self.ended.notify_waiters();
    }

    fn remember(&self, error: LookupError, asking: &mut Asking) {
        let has_answer = self.answer.load().is_some();
        let last = asking.failure.as_ref().map(|failure| failure.pause);
        let pause = match last {
            _ if has_answer => PAUSE_WITH_ANSWER,
            None => FIRST_PAUSE,
            Some(last) => last.saturating_mul(2).min(LONGEST_PAUSE),
        };
        if has_answer {
            tracing::warn!(
                event = "upstream_lookup_failed",
                host = self.host,
                error = %error,
                "the last answer serves on"
            );
        }
        let now = Instant::now();
        asking.failure = Some(Failure {
            error,
            pause,
            again_at: now.checked_add(pause).unwrap_or(now),
        });
    }

    /// The destinations of an answer: families take turns (RFC 8305 section 4), and what works is first.
    fn in_order(&self, found: &[SocketAddr], working: Option<&Destination>) -> Arc<[Destination]> {
        let destinations: Vec<_> = interleaved(found)
            .into_iter()
            .take(MAX_ADDRESSES)
            .map(|address| Destination::new(Address::Tcp(address), self.tls.clone(), self.protocol))
            .collect();
        match working.filter(|working| destinations.contains(working)) {
            Some(working) => with_first(&destinations, working).into(),
            None => destinations.into(),
        }
    }
}

/// A look-up that has begun. However it ends, by a panic too, the next may begin.
struct UnderWay(Arc<Inner>);

impl UnderWay {
    async fn look_up(self) {
        let name = &self.0;
        let mut looking = pin!(name.look_up.look_up(&name.host, name.port));
        let found = match timeout(SLOW_AFTER, looking.as_mut()).await {
            Ok(found) => found,
            Err(_) => {
                tracing::warn!(
                    event = "upstream_lookup_hangs",
                    host = name.host,
                    seconds = SLOW_AFTER.as_secs(),
                    "no name server has answered yet"
                );
                looking.await
            }
        };
        let found = match found {
            Ok(found) if found.is_empty() => Err(LookupError::NoAddress(name.host.clone())),
            Ok(found) => Ok(found),
            Err(error) => Err(lookup_error(&error, &name.host)),
        };
        name.finish(found);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.0.asking().is_under_way {
            return;
        }
        if std::thread::panicking() {
            tracing::error!(
                event = "upstream_lookup_broke",
                host = self.0.host,
                "a look-up ended by a fault of the program; it is tried again"
            );
        }
        self.0.finish(Err(LookupError::Failed(self.0.host.clone())));
    }
}

/// The addresses without duplicates, IPv4 and IPv6 alternating, beginning with the family of the first.
fn interleaved(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in found {
        if unique.len() < MAX_ADDRESSES.saturating_mul(2) && !unique.contains(address) {
            unique.push(*address);
        }
    }
    let first_is_v4 = unique.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) = unique
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return ordered;
        }
        ordered.extend(one.into_iter().chain(other));
    }
}

/// `first`, then the others in their order.
fn with_first(destinations: &[Destination], first: &Destination) -> Vec<Destination> {
    let (mut ordered, others): (Vec<_>, Vec<_>) = destinations
        .iter()
        .cloned()
        .partition(|destination| destination == first);
    ordered.extend(others);
    ordered
}
