//! Claims in a Redis or Valkey that several processes share.
//!
//! A claim is one command, `SET key ticket NX PX lifetime`, so that of all processes one gets it. The value says
//! whose it is, and so only its owner releases it.
//!
//! Whether a claim was made is not known where no answer came. Such a claim is undone once the server answers again,
//! and until then it refuses no request of this process; nor does one that was released while the server did not
//! answer. What undoes a claim is sent again and again for some seconds, because the server may read what came by a
//! connection that is lost later than what came by the next one.
//!
//! A connection that breaks says nothing of the server. A claim that was on it is made once more on the next one, with
//! the same ticket, so that it counts once; and one that comes meanwhile waits until that connection is there, or
//! cannot be made.
//!
//! **Time limits.** `replay.timeout` bounds each answer that a request waits for ([`RedisStore::ask`]), each that the
//! [`Keeper`] waits for, and how long the end of a claim is waited for (`ClaimGuard::release`). [`CONNECTING`] bounds
//! each attempt to connect.
//!
//! **At a stop** requests end, and their claims with them, while the [`Keeper`] runs. It is cut off with what is left
//! of the requests; what they then let go of is told by [`RedisStore::let_go`], on a connection of its own.

mod commands;
mod ends;
mod keeper;
mod link;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};

use commands::{Commands, Found};
use ends::{Ended, Ends};
pub(super) use keeper::Keeper;
use link::Link;

use super::failures::Failures;
use super::key::{Key, Tickets};
use super::store::{Claim, Claimed, Claiming, End, Store, StoreError};
use crate::config::{RedisConfig, RedisTopology};
use crate::verify::Timestamp;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_millis(500);
/// How often a claim is tried that finds what is gone before it can be taken over.
const MAX_LOOKS: usize = 16;
/// How long the requests that were cut at the end of the process may take to let go of their claims.
const LETTING_GO: Duration = Duration::from_millis(500);

/// A Redis or Valkey.
pub(super) struct RedisStore {
    config: RedisConfig,
    commands: Commands,
    /// The connection; `None` while there is none.
    link: ArcSwapOption<Link>,
    /// Whether it was tried to connect.
    is_tried: watch::Sender<bool>,
    /// Why there is no connection.
    obstacle: Mutex<String>,
    failures: Arc<Failures>,
    /// What was last asked was answered.
    has_answered: AtomicBool,
    /// Something was asked, or it was seen that there is no connection.
    is_known: AtomicBool,
    /// Claims that have ended, of which the server does not know yet.
    ends: Ends,
    /// Claims that were sent and have not ended.
    open: AtomicUsize,
    /// Why the connection may be of no use any more.
    doubt: Mutex<Option<StoreError>>,
    /// Notified where there is such a doubt.
    doubts: Notify,
}

impl RedisStore {
    /// A store that has no connection yet: a [`Keeper`] makes it.
    pub(super) fn new(config: RedisConfig, failures: Arc<Failures>) -> Self {
        Self {
            commands: Commands::new(&config.prefix, config.timeout),
            config,
            link: ArcSwapOption::empty(),
            is_tried: watch::Sender::new(false),
            obstacle: Mutex::new("none was made yet".to_owned()),
            failures,
            has_answered: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
            ends: Ends::default(),
            open: AtomicUsize::new(0),
            doubt: Mutex::default(),
            doubts: Notify::new(),
        }
    }

    async fn ask(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        let mut opened = Opened::new(self, claim);
        let asking = async {
            let link = self.link().await?;
            opened.state = State::Sent;
            let mut answer = self.reserve(&link, claim, now).await;
            if let Err(error @ StoreError::Lost(_)) = &answer
                && !link.has_parts()
            {
                self.doubt(error);
                let next = self.link_after(&link).await?;
                answer = self.reserve(&next, claim, now).await;
            }
            match &answer {
                Ok(Claimed::New) => opened.state = State::Claimed,
                // The server has understood, and reserved nothing.
                Ok(_) => opened.state = State::Unsent,
                // A cluster's library may have sent it before, to a node that has not refused.
                Err(StoreError::Refused(_)) if !link.has_parts() => {
                    opened.state = State::Unsent;
                }
                Err(_) => {}
            }
            answer
        };
        let answer = timeout(self.config.timeout, asking).await;
        let answer = answer.unwrap_or(Err(StoreError::Slow));
        if let Err(error) = &answer {
            self.doubt(error);
        }
        self.set_answered(answer.is_ok());
        answer
    }

    /// Has the [`Keeper`] look at the connection. An error that was answered says nothing against that to a cluster.
    fn doubt(&self, error: &StoreError) {
        let is_of_cluster = *self.config.url.topology() == RedisTopology::Cluster;
        if is_of_cluster && matches!(error, StoreError::Refused(_)) {
            return;
        }
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        self.doubts.notify_one();
    }

    /// Remembers whether the server answers. It is written only where it changes: all requests share it.
    fn set_answered(&self, has_answered: bool) {
        if self.has_answered.load(Ordering::Relaxed) != has_answered {
            self.has_answered.store(has_answered, Ordering::Relaxed);
        }
        self.set_known();
    }

    /// From now on it is known whether the server answers.
    fn set_known(&self) {
        if !self.is_known.load(Ordering::Relaxed) {
            self.is_known.store(true, Ordering::Relaxed);
        }
    }

    fn take_doubt(&self) -> Option<StoreError> {
        let mut doubt = self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        doubt.take()
    }

    /// The connection. One that is being made for the first time, or after one was lost, is waited for.
    async fn link(&self) -> Result<Arc<Link>, StoreError> {
        if let Some(link) = self.link.load_full() {
            return Ok(link);
        }
        let _ = self
            .is_tried
            .subscribe()
            .wait_for(|is_tried| *is_tried)
            .await;
        let link = self.link.load_full();
        link.ok_or_else(|| StoreError::Down(self.obstacle().clone()))
    }

    /// The connection that takes the place of one that is lost.
    async fn link_after(&self, lost: &Arc<Link>) -> Result<Arc<Link>, StoreError> {
        let mut tries = self.is_tried.subscribe();
        loop {
            match self.link.load_full() {
                Some(link) if Arc::ptr_eq(&link, lost) => {}
                Some(link) => return Ok(link),
                None if *tries.borrow() => return Err(StoreError::Down(self.obstacle().clone())),
                None => {}
            }
            // The sender is this store's own.
            let _ = tries.changed().await;
        }
    }

    async fn reserve(
        &self,
        link: &Link,
        claim: Claim,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let commands = &self.commands;
        // Again, because what was there may have gone before it was looked at, or taken over: a server that was stopped
        // answers to much at once.
        let mut seen = None;
        for _ in 0..MAX_LOOKS {
            if commands::is_done(link.ask(&commands.reserve(claim, now)).await?)? {
                return Ok(Claimed::New);
            }
            match commands::found(link.ask(&commands.look(claim)).await?)? {
                Found::Nothing => {}
                Found::Kept => return Ok(Claimed::Taken),
                // The library has sent the same command twice.
                Found::Reserved(ticket) if ticket == claim.ticket => return Ok(Claimed::New),
                Found::Reserved(ticket) if self.ends.is_released(ticket) => {
                    let take_over = commands.take_over(ticket, claim, now);
                    if commands::is_one(link.ask(&take_over).await?)? {
                        return Ok(Claimed::New);
                    }
                }
                // It may have been released between the answer and the look at what is.
                Found::Reserved(ticket)
                    if ticket.process == claim.ticket.process && seen != Some(ticket) =>
                {
                    seen = Some(ticket);
                }
                Found::Reserved(_) if claim.tells_taken => return Ok(Claimed::OnItsWay),
                Found::Reserved(_) => return Ok(Claimed::Earlier),
            }
        }
        Err(StoreError::Restless)
    }

    /// Tells the server of some claims that have ended. Those to which it does not answer are told later.
    async fn tell(&self, link: &Link) {
        let telling = self.ends.take();
        let answers = telling.ends().map(|ended| self.tell_of(link, ended));
        let answers = futures_util::future::join_all(answers).await;
        if let Some(Err(error)) = answers.iter().find(|answer| answer.is_err()) {
            self.doubt(error);
        }
        telling.conclude(answers.iter().map(Result::is_ok));
    }

    /// Tells the server of the end of a claim.
    async fn tell_of(&self, link: &Link, ended: &Ended) -> Result<(), StoreError> {
        let Some(command) = self.commands.end(ended.claim, ended.end, now()) else {
            return Ok(());
        };
        let answer = timeout(self.config.timeout, link.ask(&command)).await;
        answer.unwrap_or(Err(StoreError::Slow)).map(|_| ())
    }

    /// Tells the server what is left to tell, on a connection of its own. For the end of the process, when nothing
    /// else runs.
    async fn let_go(&self) {
        // The threads of requests are not waited for when they are cut.
        let letting_go = async {
            while self.open.load(Ordering::Relaxed) > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(LETTING_GO, letting_go).await;
        self.ends.tell_all(now());
        if self.ends.is_empty() {
            return;
        }
        if let Ok(Ok(link)) = timeout(CONNECTING, Link::connect(&self.config)).await {
            let mut left = usize::MAX;
            // Until all are told, or some are not answered.
            while self.ends.waiting() < left {
                left = self.ends.waiting();
                self.tell(&link).await;
            }
        }
    }

    /// From now on there is a connection.
    fn set_link(&self, link: Arc<Link>) {
        // A cluster that answered to nothing yet may answer to as little as before.
        if !link.has_parts() {
            self.failures.are_over();
        }
        self.link.store(Some(link));
        self.is_tried.send_replace(true);
    }

    /// From now on there is none, and the next is being made.
    fn lose_link(&self, why: &StoreError) {
        *self.obstacle() = why.to_string();
        self.is_tried.send_replace(false);
        self.link.store(None);
    }

    /// From now on it is known why there is none.
    fn set_obstacle(&self, error: &StoreError) {
        *self.obstacle() = match error {
            StoreError::Down(why) => why.clone(),
            error => error.to_string(),
        };
        self.set_known();
        self.is_tried.send_replace(true);
    }

    fn obstacle(&self) -> MutexGuard<'_, String> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for RedisStore {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn is_ok(&self) -> Option<bool> {
        let is_known = self.is_known.load(Ordering::Relaxed);
        is_known.then(|| self.link.load().is_some() && self.has_answered.load(Ordering::Relaxed))
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Claiming<'_> {
        Claiming::Asked(Box::pin(self.ask(claim, now)))
    }

    fn end(&self, claim: Claim, end: End) -> Option<oneshot::Receiver<()>> {
        self.open.fetch_sub(1, Ordering::Relaxed);
        // What is reserved is refused until it expires. A second command would double what a claim costs.
        if end == End::Kept && !claim.tells_taken {
            return None;
        }
        let link = self.link.load();
        // Nobody waits for a request to be kept.
        if end == End::Kept
            && let Some(link) = &*link
            && let Some(mut command) = self.commands.end(claim, end, now())
            && link.send(&mut command)
        {
            return None;
        }
        let known = self.ends.push(claim, end);
        link.is_some().then_some(known)
    }

    fn patience(&self) -> Duration {
        self.config.timeout
    }

    fn finish(&self) -> Option<Pin<Box<dyn Future<Output = ()> + '_>>> {
        Some(Box::pin(self.let_go()))
    }
}

/// Whether a store of this configuration can be used: claims something that is no request, and releases it.
///
/// # Errors
/// Why it cannot, in words.
pub(crate) async fn try_out(config: &RedisConfig) -> Result<(), String> {
    let commands = Commands::new(&config.prefix, config.timeout);
    let claim = Claim {
        key: Key::random(),
        ticket: Tickets::default().next(),
        expires_at: now().after(Duration::from_secs(1)),
        tells_taken: true,
    };
    let trying = async {
        let link = Link::connect(config).await?;
        commands::is_done(link.ask(&commands.reserve(claim, now())).await?)?;
        commands::found(link.ask(&commands.look(claim)).await?)?;
        if let Some(command) = commands.end(claim, End::Released, now()) {
            link.ask(&command).await?;
        }
        commands::is_number(&link.ask(&commands.probe()).await?)
    };
    let limit = CONNECTING.saturating_add(config.timeout.saturating_mul(4));
    let tried = timeout(limit, trying).await;
    tried
        .unwrap_or(Err(StoreError::Slow))
        .map_err(|error| error.to_string())
}

/// A claim that is being asked for. Dropped, it is undone, if the server may have made it.
struct Opened<'s> {
    store: &'s RedisStore,
    claim: Claim,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of it is with the server.
    Unsent,
    /// It was sent, and not answered.
    Sent,
    /// The server has made it: whoever asked ends it.
    Claimed,
}

impl<'s> Opened<'s> {
    fn new(store: &'s RedisStore, claim: Claim) -> Self {
        store.open.fetch_add(1, Ordering::Relaxed);
        Self {
            store,
            claim,
            state: State::Unsent,
        }
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if self.state == State::Sent {
            self.store.ends.push_unconfirmed(self.claim);
        }
        if self.state != State::Claimed {
            self.store.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
