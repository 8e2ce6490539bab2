//! An event that this process makes an attempt for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;

use super::Shared;
use super::kept::Delivery;
use super::link::PublishFailure;
use super::route::{self, Route};
use crate::handoff::Stored;
use crate::spool::archive::State;
use crate::spool::store::{Answer, End, Info, Lease, StoreError};
use crate::verify::Timestamp;

/// After how long an event is tried again that could not be made a dead letter.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) struct NatsLease {
    shared: Arc<Shared>,
    route: Arc<Route>,
    sequence: u64,
    info: Info,
    /// How the attempt ended is known.
    is_over: bool,
}

impl NatsLease {
    pub(super) fn new(shared: Arc<Shared>, route: Arc<Route>, delivery: Delivery) -> Self {
        Self {
            shared,
            route,
            sequence: delivery.sequence,
            info: delivery.info,
            is_over: false,
        }
    }

    async fn read(&self) -> Result<Stored, StoreError> {
        let gone = "it is not in the stream any more: it was delivered, retried or dropped";
        let gone = || StoreError::Unreadable(gone.to_owned());
        let link = self.shared.link()?;
        let event = link.event(self.sequence, self.info.id).await?;
        let (meta, payload) = event.ok_or_else(gone)?;
        meta.request(payload).ok_or_else(|| {
            let error = "its headers and its payload do not fit together";
            StoreError::Unreadable(error.to_owned())
        })
    }

    /// Nothing more is to be done for the event. The server is told until it has confirmed that.
    async fn finish(&mut self) -> Result<(), StoreError> {
        self.is_over = true;
        let Some(reply) = self.route.kept().end(self.sequence, self.info.id) else {
            return Ok(());
        };
        let told = match self.shared.link() {
            Ok(link) => link.tell(reply, AckKind::Ack.into()).await,
            Err(error) => Err(error),
        };
        match told {
            Ok(true) => self.route.kept().forget(self.sequence, self.info.id),
            // It is told again later.
            Ok(false) => {}
            Err(_) => self.shared.doubts.notify_one(),
        }
        told.map(|_| ())
    }

    /// There is a next attempt.
    async fn wait(&mut self, at: Timestamp, is_its_own: bool) -> Result<(), StoreError> {
        self.is_over = true;
        let back = self
            .route
            .kept()
            .hold(self.sequence, self.info.id, at, is_its_own);
        self.shared.stirred.notify_one();
        match back {
            None => Ok(()),
            Some(back) => {
                let link = self.shared.link()?;
                route::give_back(&self.shared, &link, back).await
            }
        }
    }

    /// Puts the event among the dead ones.
    async fn bury(&mut self, error: Option<String>, was_tried: bool) -> Result<(), StoreError> {
        let link = self.shared.link()?;
        // Somebody was faster.
        let Some((mut meta, payload)) = link.event(self.sequence, self.info.id).await? else {
            return self.finish().await;
        };
        let before = self
            .route
            .kept()
            .errors
            .of(self.sequence)
            .map(str::to_owned);
        meta.attempts = self.info.attempts.saturating_add(u32::from(was_tried));
        meta.last_error = error.or(before).or(meta.last_error);
        meta.is_retried = false;
        // Once, however often this is tried.
        let headers = meta.headers(&format!("{}-dead-{}", meta.id, self.sequence));
        let subject = self.shared.subjects.name(State::Dead, &self.info.route);
        let buried = link.publish(subject, headers, payload).await;
        buried.map_err(|failure| match failure {
            PublishFailure::Unknown(error) | PublishFailure::Refused(error) => error,
        })?;
        self.finish().await
    }

    async fn end_so(mut self: Box<Self>, end: End) -> Result<(), StoreError> {
        match end {
            End::Delivered => self.finish().await,
            End::Again {
                at,
                error,
                is_its_own,
            } => {
                self.route.kept().errors.set(self.sequence, error);
                self.wait(at, is_its_own).await
            }
            End::Dead { error, was_tried } => {
                let buried = self.bury(error, was_tried).await;
                if buried.is_err() && !self.is_over {
                    let at = self.shared.clock.now().after(AGAIN);
                    let _ = self.wait(at, true).await;
                }
                buried
            }
        }
    }
}

impl Lease for NatsLease {
    fn info(&self) -> &Info {
        &self.info
    }

    fn load(&self) -> Answer<'_, Stored> {
        Box::pin(self.read())
    }

    fn end(self: Box<Self>, end: End) -> Answer<'static, ()> {
        if end == End::Delivered {
            // Also where nobody waits for the answer.
            self.route.kept().end(self.sequence, self.info.id);
        }
        Box::pin(self.end_so(end))
    }
}

impl Drop for NatsLease {
    fn drop(&mut self) {
        if !self.is_over {
            let now = self.shared.clock.now();
            let is_back = self
                .route
                .kept()
                .return_lease(self.sequence, self.info.id, now);
            self.route.tell_ready(usize::from(is_back));
            self.shared.stirred.notify_one();
        }
    }
}
