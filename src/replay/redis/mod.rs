//! Claims in a Redis or Valkey that several processes share.
//!
//! A claim is one command, `SET key ticket NX PX lifetime`, so that of all processes one gets it. The value says
//! whose it is, and so only its owner releases it; once the app has taken the request, it says that instead.
//!
//! Whether a claim was made is not known where no answer came. Such a claim is undone once the server answers again,
//! and until then it refuses no request of this process, as one does not that was released. What is sent to undo it
//! is sent twice, because the server may read what came by a connection that is lost later than what came by the
//! next one.

mod commands;
mod ends;
mod keeper;
mod link;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use commands::{Commands, Found};
use ends::{Ended, Ends};
pub(super) use keeper::Keeper;
use link::Link;

use super::failures::Failures;
use super::store::{Claim, Claimed, Claiming, End, Store, StoreError};
use crate::config::RedisConfig;
use crate::verify::Timestamp;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_millis(500);
/// How long the requests that were cut at the end of the process may take to let go of their claims.
const LETTING_GO: Duration = Duration::from_millis(500);

/// A Redis or Valkey.
pub(super) struct RedisStore {
    config: RedisConfig,
    commands: Commands,
    /// The connection; `None` while there is none.
    link: ArcSwapOption<Link>,
    /// Why there is none.
    obstacle: Mutex<String>,
    failures: Arc<Failures>,
    /// Claims that have ended, of which the server does not know yet.
    ends: Ends,
    /// Claims that have not ended.
    open: AtomicUsize,
    /// Notified where the connection may be of no use any more, and why.
    doubts: Notify,
    doubt: Mutex<Option<StoreError>>,
}

impl RedisStore {
    /// A store that has no connection yet: a [`Keeper`] makes it.
    pub(super) fn new(config: RedisConfig, failures: Arc<Failures>) -> Self {
        Self {
            commands: Commands::new(&config.prefix),
            config,
            link: ArcSwapOption::empty(),
            obstacle: Mutex::new("none was made yet".to_owned()),
            failures,
            ends: Ends::default(),
            open: AtomicUsize::new(0),
            doubts: Notify::new(),
            doubt: Mutex::default(),
        }
    }

    async fn ask(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        let Some(link) = self.link.load_full() else {
            return Err(StoreError::Down(self.obstacle().clone()));
        };
        let unconfirmed = Unconfirmed::new(self, claim);
        let answer = timeout(self.config.timeout, self.reserve(&link, claim, now)).await;
        let answer = answer.unwrap_or(Err(StoreError::Slow));
        match &answer {
            Ok(Claimed::New) => {
                self.open.fetch_add(1, Ordering::Relaxed);
                unconfirmed.settle();
            }
            // The server has understood, and reserved nothing.
            Ok(_) => unconfirmed.settle(),
            Err(error) => {
                if let StoreError::Refused(_) = error {
                    unconfirmed.settle();
                }
                self.has_failed(error);
            }
        }
        answer
    }

    async fn reserve(
        &self,
        link: &Link,
        claim: Claim,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let commands = &self.commands;
        // Again, because what was there may have gone before it was looked at, or taken over.
        for _ in 0..3 {
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
                Found::Reserved(_) => return Ok(Claimed::OnItsWay),
            }
        }
        Ok(Claimed::OnItsWay)
    }

    /// Tells the server of some claims that have ended, and returns whether there were any. Those to which it does not
    /// answer are told later.
    async fn tell(&self, link: &Link) -> bool {
        let ended = self.ends.take();
        let is_any = !ended.is_empty();
        let telling = ended.iter().map(|ended| self.tell_of(link, ended));
        let answers = futures_util::future::join_all(telling).await;
        let (mut known, mut left) = (Vec::new(), Vec::new());
        for (ended, answer) in ended.into_iter().zip(answers) {
            match answer {
                Ok(()) => known.push(ended),
                Err(error) => {
                    self.has_failed(&error);
                    left.push(ended);
                }
            }
        }
        self.ends.are_known(known.into_iter());
        self.ends.are_left(left.into_iter());
        is_any
    }

    /// A command has failed: the connection may be of no use any more.
    fn has_failed(&self, error: &StoreError) {
        *self.doubt() = Some(error.clone());
        self.doubts.notify_one();
    }

    async fn tell_of(&self, link: &Link, ended: &Ended) -> Result<(), StoreError> {
        let Some(command) = self.commands.end(ended.claim, ended.end, now()) else {
            return Ok(());
        };
        let answer = timeout(self.config.timeout, link.ask(&command)).await;
        answer.unwrap_or(Err(StoreError::Slow)).map(|_| ())
    }

    /// There is a connection.
    fn is_up(&self, link: Arc<Link>) {
        self.link.store(Some(link));
    }

    /// There is no connection, or it is of no use.
    fn is_down(&self, error: &StoreError) {
        *self.obstacle() = match error {
            StoreError::Down(why) => why.clone(),
            error => error.to_string(),
        };
    }

    /// Tells the server what is left to tell, on a connection of its own. For the end of the process, when nothing
    /// else runs.
    async fn let_go(&self) {
        let letting_go = async {
            while self.open.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(LETTING_GO, letting_go).await;
        if self.ends.is_empty() {
            return;
        }
        if let Ok(Ok(link)) = timeout(CONNECTING, Link::connect(&self.config, 0)).await {
            while self.tell(&link).await {}
        }
    }

    fn doubt(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn obstacle(&self) -> MutexGuard<'_, String> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for RedisStore {
    fn claim(&self, claim: Claim, now: Timestamp) -> Claiming<'_> {
        Claiming::Asked(Box::pin(self.ask(claim, now)))
    }

    fn end(&self, claim: Claim, end: End) -> Option<oneshot::Receiver<()>> {
        self.open.fetch_sub(1, Ordering::Relaxed);
        // What is reserved is refused until it expires. A second command would double what a claim costs.
        if end == End::Kept && !claim.tells_taken {
            return None;
        }
        // Nobody waits for a request to be kept.
        if end == End::Kept
            && let Some(link) = &*self.link.load()
            && let Some(mut command) = self.commands.end(claim, end, now())
            && link.send(&mut command)
        {
            return None;
        }
        Some(self.ends.push(claim, end))
    }

    fn patience(&self) -> Duration {
        self.config.timeout
    }

    fn finish(&self) -> Option<Pin<Box<dyn Future<Output = ()> + '_>>> {
        Some(Box::pin(self.let_go()))
    }
}

/// A claim that was sent and not answered. Dropped, it is undone.
struct Unconfirmed<'s> {
    store: &'s RedisStore,
    claim: Option<Claim>,
}

impl<'s> Unconfirmed<'s> {
    fn new(store: &'s RedisStore, claim: Claim) -> Self {
        Self {
            store,
            claim: Some(claim),
        }
    }

    /// What became of it is known.
    fn settle(mut self) {
        self.claim = None;
    }
}

impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim {
            self.store.ends.push_unconfirmed(claim);
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
