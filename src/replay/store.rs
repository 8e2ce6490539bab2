//! What a store of claims can do. A store that is in memory answers at once; one behind a network is awaited.

use std::pin::Pin;

use super::key::{Key, Ticket};
use crate::verify::Timestamp;

/// One attempt to have a request counted.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    /// The request.
    pub(crate) key: Key,
    /// The attempt: no two have the same.
    pub(crate) ticket: Ticket,
    /// The last moment at which the request could be accepted, and is remembered.
    pub(crate) expires_at: Timestamp,
    /// Whether it makes a difference that an earlier request is kept, and not only reserved: both refuse this one.
    pub(crate) tells_taken: bool,
}

/// What a store says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The request is new, and reserved now.
    New,
    /// An earlier one is reserved.
    OnItsWay,
    /// An earlier one is kept.
    Taken,
    /// An earlier one is one of both, and nobody wanted to know which.
    Earlier,
    /// It has expired by another clock, or another moment, than the one that it was judged by: whether there was an
    /// earlier one is forgotten.
    Expired,
}

/// The answer to a claim, or to the end of one.
pub(crate) enum Claiming<'s> {
    /// It is there.
    Done(Claimed),
    /// It is waited for. Dropping the future releases the claim.
    Asked(Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 's>>),
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The app took the request: it is remembered until it expires.
    Kept,
    /// It did not: the same request may come again.
    Released,
}

/// Why a store gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is no connection to it.
    #[error("there is no connection: {0}")]
    Down(String),
    /// The connection broke before the answer came.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// It did not answer within `replay.timeout`.
    #[error("no answer within replay.timeout")]
    Slow,
    /// What it said was not so any more at the next question, again and again.
    #[error("it says something else each time")]
    Restless,
    /// It answered with an error.
    #[error("it answered with an error: {0}")]
    Refused(String),
    /// It answered with what is no answer to the question.
    #[error("it answered with something else than was asked for")]
    Unexpected,
}

/// Remembers claims.
pub(crate) trait Store: Send + Sync {
    /// What it is, as `replay.store` names it.
    fn kind(&self) -> &'static str;

    /// Whether it answers; `None` before it was asked. Nobody is asked for this.
    fn is_ok(&self) -> Option<bool> {
        Some(true)
    }

    /// Reserves the request, if it is neither reserved nor kept.
    fn claim(&self, claim: Claim, now: Timestamp) -> Claiming<'_>;

    /// Ends a claim that was answered by [`Claimed::New`]. Another's reservation of the same request stays as it
    /// is. The receiver, where there is one, is done once the store has said that it knows.
    fn end(&self, claim: Claim, end: End) -> Option<tokio::sync::oneshot::Receiver<()>>;

    /// How long [`Self::end`] may be waited for.
    fn patience(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    /// From now on remembers as many requests, if it is a matter of this process.
    fn set_capacity(&self, _capacity: usize) {}

    /// Forgets what has expired at `now`, if nobody else does.
    fn tidy(&self, _now: Timestamp) {}

    /// How many requests this process remembers.
    fn entries(&self) -> Option<usize> {
        None
    }

    /// For the end of the process, when nothing else runs: done once the store knows of all claims that have
    /// ended, or does not answer.
    fn finish(&self) -> Option<Pin<Box<dyn Future<Output = ()> + '_>>> {
        None
    }
}
