//! Forwarding a permitted request to its app, and the app's answer to its sender.
//!
//! Pingora makes and secures the connections and reads the answers. Its own proxying loop is
//! not used: it repeats requests that may have been processed, bounds each read and not the whole
//! answer, and forwards no more than 64 KiB of a body that was read before. Nothing gets here
//! without a [`Permit`].

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::active::Route;
use crate::edge::connection::Shared;
use crate::edge::reply::Sender;
use crate::exchange::answer::{self, Terms};
use crate::exchange::app::App;
use crate::exchange::failure::Failure;
use crate::exchange::outcome::Outcome;
use crate::os::socket::SenderStream;
use crate::request::body::Body;
use crate::upstream::upload::Unsent;
use crate::verify::Permit;

/// A permitted request on its way to the app.
pub(crate) struct Forward<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) permit: &'a Permit,
    pub(crate) route: &'a Arc<Route>,
    /// The method is `HEAD`.
    pub(crate) is_head: bool,
    /// The sender speaks HTTP/1.1.
    pub(crate) is_http11: bool,
    /// The sender's connection can serve another request.
    pub(crate) is_persistent: bool,
    /// The next request has begun to arrive.
    pub(crate) has_next: bool,
    /// How long the sender may make us wait in all while it reads the answer.
    pub(crate) sender_patience: Duration,
}

/// What becomes of the sender's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It can serve another request.
    Stay,
    /// The answer is complete, and nothing follows it.
    Close,
    /// The answer is not complete, and must not look as if it were.
    Cut,
}

impl Forward<'_> {
    /// Sends the request, with a head as the app is to see it, and passes on the answer. The app gets
    /// the whole request and its answer is awaited even if the sender goes away.
    pub(crate) async fn run(
        &self,
        head: BytesMut,
        body: Body,
        stream: &mut SenderStream,
    ) -> (Outcome, Afterwards) {
        let mut outcome = Outcome::new();
        let mut sender = Sender::new(stream, self.sender_patience);
        let exchanged = self
            .exchange(
                Unsent::new(self.permit, head, body),
                &mut sender,
                &mut outcome,
            )
            .await;
        let afterwards = match exchanged {
            Ok(afterwards) => afterwards,
            Err(failure) => self.fail(failure, &mut sender, &mut outcome).await,
        };
        outcome.is_sender_gone = sender.is_gone();
        let afterwards = if sender.is_gone() {
            Afterwards::Cut
        } else {
            afterwards
        };
        (outcome, afterwards)
    }

    async fn exchange(
        &self,
        unsent: Unsent,
        sender: &mut Sender<'_>,
        outcome: &mut Outcome,
    ) -> Result<Afterwards, Failure> {
        let mut app = self.ask(unsent, outcome).await?;
        let stays = loop {
            let terms = self.terms(sender);
            let head = app.head().ok_or(Failure::Garbage)?;
            let (bytes, framing) = answer::head(head, terms)?;
            let status = head.status;
            if !status.is_informational() {
                outcome.app_status = Some(status.as_u16());
                sender.head(&bytes, framing);
                break terms.stays;
            }
            // The sender was told to continue already, and HTTP/1.0 has no such answers.
            if self.is_http11 && status != http::StatusCode::CONTINUE {
                sender.head(&bytes, framing);
                app.wait_for(sender.flush()).await;
            }
            app.check()?;
            app.read_head().await?;
        };
        if !self.is_head {
            app.pass_body(sender).await?;
        }
        if !app.wait_for(sender.finish()).await {
            return Err(Failure::Closed);
        }
        outcome.set_answered();
        let idle_timeout = self.route.upstream_idle_timeout;
        outcome.unfinished = app.conclude(&self.shared.connector, idle_timeout).await;
        Ok(if stays {
            Afterwards::Stay
        } else {
            Afterwards::Close
        })
    }

    /// Sends the request until the answer begins. It is sent again only if it was refused before a
    /// byte of it was taken.
    async fn ask(&self, mut unsent: Unsent, outcome: &mut Outcome) -> Result<App, Failure> {
        let connect_by = after(self.route.upstream_connect_timeout);
        let mut may_reuse = true;
        loop {
            let upstream = &self.route.upstream;
            let make_room = || self.shared.connections.make_room();
            let connector = &self.shared.connector;
            let connecting = connector.connect(upstream, may_reuse, connect_by, &make_room);
            let connected = connecting.await?;
            outcome.attempts = outcome.attempts.saturating_add(1);
            let mut app = App::new(connected, unsent, after(self.route.upstream_timeout));
            let Err(failure) = app.read_head().await else {
                return Ok(app);
            };
            unsent = app.into_unsent().ok_or(failure)?;
            may_reuse = false;
        }
    }

    /// Answers in the app's stead, if nothing of its answer is on its way yet.
    async fn fail(
        &self,
        failure: Failure,
        sender: &mut Sender<'_>,
        outcome: &mut Outcome,
    ) -> Afterwards {
        let status = failure.status();
        outcome.failure = Some(failure);
        if outcome.app_status.is_some() && !sender.take_back() {
            return Afterwards::Cut;
        }
        let stays = self.terms(sender).stays;
        outcome.own_status = Some(status);
        sender.head(
            answer::failure(status, stays).as_bytes(),
            answer::Framing::Empty,
        );
        sender.finish().await;
        outcome.set_answered();
        if stays {
            Afterwards::Stay
        } else {
            Afterwards::Close
        }
    }

    fn terms(&self, sender: &Sender<'_>) -> Terms {
        // A server that stops still serves what was sent before its sender could know.
        let is_last = *self.shared.shutdown.borrow() && !self.has_next && !sender.has_sent_more();
        Terms {
            is_head: self.is_head,
            is_http11: self.is_http11,
            stays: self.is_persistent && !is_last,
            retry_after: self.route.retry_after,
        }
    }
}

/// A time limit that begins now. One beyond what a clock can say is a year.
fn after(limit: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    let now = Instant::now();
    now.checked_add(limit.min(YEAR)).unwrap_or(now)
}
