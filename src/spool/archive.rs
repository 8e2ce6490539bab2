//! What operators do with stored events, also while another process delivers them.

use std::sync::Arc;

use super::event::EventId;
use super::store::Answer;
use crate::handoff::Stored;
use crate::verify::Timestamp;

/// How many events a page of [`Archive::list`] has at most.
pub(crate) const PAGE: usize = 1_000;

/// Whether an event waits for its app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It will be tried.
    Waiting,
    /// It is a dead letter: kept, and not tried until somebody says so.
    Dead,
}

impl State {
    /// The word in lists and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }
}

/// An event in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its place in the order in which events came.
    pub(crate) place: u64,
    pub(crate) id: EventId,
    /// The name of its route.
    pub(crate) route: Arc<str>,
    pub(crate) state: State,
    /// How many attempts were made.
    pub(crate) attempts: u32,
    /// When the request came.
    pub(crate) received_at: Timestamp,
    /// When it is tried next; `None` where it is dead.
    pub(crate) next_at: Option<Timestamp>,
    /// How many bytes its request has, head and body.
    pub(crate) bytes: u64,
    /// Why the last attempt failed.
    pub(crate) last_error: Option<String>,
}

/// Looks into a store that another process may be delivering from.
pub(crate) trait Archive: Send + Sync {
    /// The events behind this place, in the order in which they came: [`PAGE`] at most.
    fn list(&self, behind: u64) -> Answer<'_, Vec<Listed>>;

    /// An event with its request.
    fn show(&self, id: EventId) -> Answer<'_, Option<(Listed, Stored)>>;

    /// Has an event tried now: one that waits without its pause, and a dead one once more, whatever its age. `false`
    /// where there is none of this name.
    fn retry(&self, id: EventId) -> Answer<'_, bool>;

    /// Has all dead letters tried once more. Returns how many there are.
    fn retry_dead(&self) -> Answer<'_, u64>;

    /// Forgets an event. `false` where there is none of this name.
    fn drop_event(&self, id: EventId) -> Answer<'_, bool>;
}
