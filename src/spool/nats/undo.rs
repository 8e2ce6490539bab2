//! Events that were given up while the stream may have taken them: they are taken out again.
//!
//! Whether the stream has such an event is found out by publishing something else by the same name. The server then
//! says where the first message of that name is, whichever of the two that is, and that one is deleted. If the event
//! is still on its way, it comes too late.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::link::{Link, PublishFailure};
use super::stream::KNOWN;
use super::{Shared, message};
use crate::spool::event::EventId;
use crate::spool::store::StoreError;

/// How many wait at most. Those beyond may be delivered although their senders were told otherwise.
const MAX_WAITING: usize = 1_024;
/// How many are taken out at once.
const AT_ONCE: usize = 16;
/// How long before the server forgets names it is not asked any more.
const MARGIN: Duration = Duration::from_secs(10);

/// Those that are to be taken out.
#[derive(Default)]
pub(super) struct GivenUp {
    waiting: Mutex<VecDeque<Name>>,
}

#[derive(Clone)]
struct Name {
    id: EventId,
    subject: String,
    since: Instant,
}

impl GivenUp {
    fn push(&self, id: EventId, subject: String) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING {
            let since = Instant::now();
            waiting.push_back(Name { id, subject, since });
        }
    }

    fn first(&self) -> Option<Name> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.front().cloned()
    }

    /// Whether there are none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    fn pop(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front();
    }
}

/// An event that is being published. Dropped while it is not known whether the stream has it, it is given up.
pub(super) struct Publishing<'s> {
    shared: &'s Shared,
    id: EventId,
    subject: String,
    /// The stream may have it.
    is_open: bool,
}

impl<'s> Publishing<'s> {
    /// One that was not sent yet.
    pub(super) fn new(shared: &'s Shared, id: EventId, subject: &str) -> Self {
        Self {
            shared,
            id,
            subject: subject.to_owned(),
            is_open: false,
        }
    }

    /// It is sent now.
    pub(super) fn is_sent(&mut self) {
        self.is_open = true;
    }

    /// It is known now what became of it.
    pub(super) fn is_settled(&mut self) {
        self.is_open = false;
    }
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        if self.is_open {
            let subject = std::mem::take(&mut self.subject);
            self.shared.given_up.push(self.id, subject);
            self.shared.stirred.notify_one();
        }
    }
}

/// Takes out those that were given up.
pub(super) async fn undo(shared: &Shared, link: &Link) -> Result<(), StoreError> {
    for _ in 0..AT_ONCE {
        let Some(name) = shared.given_up.first() else {
            break;
        };
        if name.since.elapsed() < KNOWN.saturating_sub(MARGIN) {
            let headers = message::given_up(&name.id.to_string());
            match link.publish(name.subject, headers, Bytes::new()).await {
                Ok(place) => {
                    link.delete(place.sequence).await?;
                }
                Err(PublishFailure::Unknown(error)) => return Err(error),
                // What it refuses it does not know by this name.
                Err(PublishFailure::Refused(_)) => {}
            }
        }
        shared.given_up.pop();
    }
    Ok(())
}
