//! What a store of events can do. Everything is asked of it and awaited: one writes to a disk, another is behind a
//! network.

use std::collections::HashSet;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::Arc;

use super::event::{Event, EventId};
use crate::handoff::Stored;
use crate::verify::Timestamp;

/// The answer of a store, which may take a while. Whoever asks bounds the wait.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// All events together would take more than `spool.max_bytes`.
    #[error("the spool is full: its events would take more than spool.max_bytes")]
    Full,
    /// It takes no event of this size, whatever room there is.
    #[error("the event is too large for the store: {0}")]
    TooLarge(String),
    /// The disk, or the server, did not do it.
    #[error("{0}")]
    Failed(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    Slow,
    /// What is stored cannot be read as an event.
    #[error("the stored event cannot be read: {0}")]
    Unreadable(String),
}

/// Keeps events until their app has taken them.
pub(crate) trait Store: Send + Sync + 'static {
    /// What it is, as `spool.store` names it.
    fn kind(&self) -> &'static str;

    /// How many bytes all events may take, where the store is told that.
    fn max_bytes(&self) -> Option<u64> {
        None
    }

    /// Keeps an event. Done once it survives the end of the process, and of the machine. Dropping the future gives the
    /// event up: it is not kept, or taken out again.
    fn put(&self, event: Event) -> Answer<'_, ()>;

    /// Waits for the next event of a route that is due, and leases it to the caller: nobody else gets it meanwhile.
    /// Dropping the future leases nothing.
    ///
    /// Those that wait longest for their attempt come first. With `in_order` it is the event that came first, and no
    /// other one before it has ended.
    fn next<'a>(&'a self, route: &'a Arc<str>, in_order: bool) -> Answer<'a, Box<dyn Lease>>;

    /// The app of this route takes events again: those that wait because it did not are due now. Those whose failure
    /// was their own are not.
    fn release(&self, route: &str);

    /// How many events there are.
    fn totals(&self) -> Answer<'_, Totals>;

    /// Leases nothing any more, so that another process may. All leases have ended.
    fn stop_delivering(&self) {}

    /// Gives back to others what it holds for later. Bounded. After [`Store::stop_delivering`]; events are still kept.
    fn give_back(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// What shows that this process has the store, where that is a file's lock.
    fn lock(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// From now on all events may take so many bytes, where the store is told that.
    fn set_max_bytes(&self, _max_bytes: u64) {}
}

/// An event that one attempt is made for. Dropping it gives it back as it was: due, and not tried.
pub(crate) trait Lease: Send + Sync {
    /// What is known of it.
    fn info(&self) -> &Info;

    /// Reads the request.
    fn load(&self) -> Answer<'_, Stored>;

    /// Says how the attempt ended.
    fn end(self: Box<Self>, end: End) -> Answer<'static, ()>;
}

/// What is known of a stored event without reading its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    /// The event.
    pub(crate) id: EventId,
    /// The name of its route.
    pub(crate) route: Arc<str>,
    /// When the request came.
    pub(crate) received_at: Timestamp,
    /// How many attempts were made.
    pub(crate) attempts: u32,
    /// How many bytes its request has, head and body.
    pub(crate) bytes: u64,
    /// It was dead, and an operator wants it tried once more, whatever its age.
    pub(crate) is_retried: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The app took the event, which is forgotten.
    Delivered,
    /// The app did not take it.
    Again {
        /// When it is due again.
        at: Timestamp,
        /// Why, in a few words.
        error: String,
        /// The app takes other events: this one is not released with those that wait for the app.
        is_its_own: bool,
    },
    /// The app will not take it: it is kept until it is retried or dropped.
    Dead {
        /// Why, in a few words. `None` where the last error stays.
        error: Option<String>,
        /// There was an attempt, and it counts.
        was_tried: bool,
    },
}

/// How many events there are, and how much they take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// By route, also routes that the configuration does not have any more.
    pub(crate) routes: Vec<RouteTotals>,
    /// The bytes of all requests.
    pub(crate) bytes: u64,
}

impl Totals {
    /// Those of all routes that have events, and of these, which may have none.
    pub(crate) fn of_routes<'a>(
        &self,
        named: impl Iterator<Item = &'a Arc<str>>,
    ) -> Vec<RouteTotals> {
        let mut all = self.routes.clone();
        let known: HashSet<&str> = self.routes.iter().map(|of| &*of.route).collect();
        for name in named {
            if !known.contains(&**name) {
                all.push(RouteTotals {
                    route: Arc::clone(name),
                    waiting: 0,
                    dead: 0,
                    oldest: None,
                });
            }
        }
        all
    }
}

/// How many events a route has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteTotals {
    /// The name of the route.
    pub(crate) route: Arc<str>,
    /// Those that wait for their app.
    pub(crate) waiting: u64,
    /// Dead letters.
    pub(crate) dead: u64,
    /// When the oldest of those came that wait.
    pub(crate) oldest: Option<Timestamp>,
}
