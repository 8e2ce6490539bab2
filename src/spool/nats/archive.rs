//! What operators do with the events in a stream, over a connection of their own.
//!
//! The stream is read event by event, since a work queue has no second reader, and nothing in it leads from the id of
//! an event to its place. Of an event that waits it tells what was known when it was stored: how many attempts were
//! made since, when the next one is due and why the last one failed, only the process knows that holds it.
//!
//! **Retrying** puts the event into the stream once more, marked, and deletes the one that was there. The process
//! that held that one gives it back in vain, or ends an attempt that it is making, and then the app gets the event
//! twice. Events that are delivered in order stay where they are: they come in their turn.

use async_nats::jetstream::message::StreamMessage;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;

use super::link::{Link, PublishFailure};
use super::message::Meta;
use super::settings::Settings;
use super::stream::Making;
use super::subjects::Subjects;
use crate::handoff::Stored;
use crate::spool::archive::{Archive, Listed, PAGE, State};
use crate::spool::clock::Clock;
use crate::spool::event::EventId;
use crate::spool::store::{Answer, StoreError};

/// How many parts of the stream are looked through at once for an event.
const READERS: u64 = 16;

/// The events in a stream.
pub(crate) struct NatsArchive {
    link: Link,
    subjects: Subjects,
    clock: Clock,
}

/// An event, and the message that it is.
struct Found {
    listed: Listed,
    meta: Meta,
    message: StreamMessage,
}

impl NatsArchive {
    /// Connects. A stream that is not there is not made.
    ///
    /// # Errors
    /// Why the stream cannot be read.
    pub(crate) async fn connect(settings: &Settings, clock: Clock) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::connect(settings, Making::Forbidden).await?,
            subjects: Subjects::of(&settings.stream),
            clock,
        })
    }

    /// The first event behind this place on such subjects. What is no event is passed over.
    async fn next(&self, behind: u64, subject: &str) -> Result<Option<Found>, StoreError> {
        let mut place = behind;
        loop {
            let from = place.saturating_add(1);
            let Some(message) = self.link.next(from, subject).await? else {
                return Ok(None);
            };
            place = message.sequence;
            if let Some(found) = self.read(message) {
                return Ok(Some(found));
            }
        }
    }

    fn read(&self, message: StreamMessage) -> Option<Found> {
        let (state, route) = self.subjects.read(&message.subject)?;
        let meta = Meta::read(&message.headers)?;
        let listed = Listed {
            place: message.sequence,
            id: meta.id,
            route,
            state,
            attempts: meta.attempts,
            received_at: meta.received_at,
            next_at: (state == State::Waiting).then_some(meta.due_at),
            bytes: message.payload.len() as u64,
            last_error: meta.last_error.clone(),
        };
        Some(Found {
            listed,
            meta,
            message,
        })
    }

    async fn find(&self, id: EventId) -> Result<Option<Found>, StoreError> {
        let (first, last) = self.link.sequences().await?;
        let length = last.saturating_sub(first).checked_div(READERS);
        let length = length.unwrap_or(last).saturating_add(1);
        let mut readers: FuturesUnordered<_> = (0..READERS)
            .map(|number| first.saturating_add(number.saturating_mul(length)))
            .map(|from| self.find_between(id, from, from.saturating_add(length)))
            .collect();
        while let Some(found) = readers.try_next().await? {
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Looks from a place on, and before another.
    async fn find_between(
        &self,
        id: EventId,
        from: u64,
        end: u64,
    ) -> Result<Option<Found>, StoreError> {
        let mut place = from.saturating_sub(1);
        while let Some(found) = self.next(place, &self.subjects.any()).await?
            && found.listed.place < end
        {
            if found.listed.id == id {
                return Ok(Some(found));
            }
            place = found.listed.place;
        }
        Ok(None)
    }

    async fn read_page(&self, behind: u64) -> Result<Vec<Listed>, StoreError> {
        let mut page = Vec::new();
        let mut place = behind;
        while page.len() < PAGE
            && let Some(found) = self.next(place, &self.subjects.any()).await?
        {
            place = found.listed.place;
            page.push(found.listed);
        }
        Ok(page)
    }

    async fn read_one(&self, id: EventId) -> Result<Option<(Listed, Stored)>, StoreError> {
        let Some(found) = self.find(id).await? else {
            return Ok(None);
        };
        let request = found.meta.request(found.message.payload);
        let error = "its headers and its payload do not fit together";
        let request = request.ok_or_else(|| StoreError::Unreadable(error.to_owned()))?;
        Ok(Some((found.listed, request)))
    }

    async fn retry_one(&self, id: EventId) -> Result<bool, StoreError> {
        let Some(found) = self.find(id).await? else {
            return Ok(false);
        };
        let is_in_its_turn = found.listed.state == State::Waiting
            && self.link.is_in_order(&found.listed.route).await? == Some(true);
        if !is_in_its_turn {
            self.retry_found(found).await?;
        }
        Ok(true)
    }

    async fn retry_found(&self, found: Found) -> Result<(), StoreError> {
        let Found {
            listed,
            mut meta,
            message,
        } = found;
        meta.is_retried |= listed.state == State::Dead;
        meta.due_at = self.clock.now();
        // Once, however often this is tried.
        let headers = meta.headers(&format!("{}-retry-{}", meta.id, listed.place));
        let subject = self.subjects.name(State::Waiting, &listed.route);
        let published = self.link.publish(subject, headers, message.payload).await;
        published.map_err(|failure| match failure {
            PublishFailure::Unknown(error) | PublishFailure::Refused(error) => error,
        })?;
        self.link.delete(listed.place).await?;
        Ok(())
    }

    async fn retry_all_dead(&self) -> Result<u64, StoreError> {
        let subject = self.subjects.all(State::Dead);
        // Those that die again meanwhile are behind that.
        let end = self.link.sequences().await?.1;
        let (mut place, mut count) = (0, 0_u64);
        while let Some(found) = self.next(place, &subject).await?
            && found.listed.place <= end
        {
            place = found.listed.place;
            self.retry_found(found).await?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    async fn delete(&self, id: EventId) -> Result<bool, StoreError> {
        match self.find(id).await? {
            Some(found) => self.link.delete(found.listed.place).await,
            None => Ok(false),
        }
    }
}

impl Archive for NatsArchive {
    fn list(&self, behind: u64) -> Answer<'_, Vec<Listed>> {
        Box::pin(self.read_page(behind))
    }

    fn show(&self, id: EventId) -> Answer<'_, Option<(Listed, Stored)>> {
        Box::pin(self.read_one(id))
    }

    fn retry(&self, id: EventId) -> Answer<'_, bool> {
        Box::pin(self.retry_one(id))
    }

    fn retry_dead(&self) -> Answer<'_, u64> {
        Box::pin(self.retry_all_dead())
    }

    fn drop_event(&self, id: EventId) -> Answer<'_, bool> {
        Box::pin(self.delete(id))
    }
}
