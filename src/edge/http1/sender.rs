//! The sender of one request over HTTP/1: its body comes from here, and its answer goes here.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::sync::watch;

use super::body::Body;
use super::incoming::Incoming;
use super::reply;
use crate::edge::linger::linger;
use crate::exchange::answer::AnswerHead;
use crate::exchange::reply::Reply;
use crate::handoff;
use crate::http1::head::Head;
use crate::http1::own_answer::OwnAnswer;
use crate::request::body::{BodyError, Left, RequestBody};
use crate::time_limit::within;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It can serve another request.
    Stay,
    /// The answer is complete, and nothing follows it.
    Close,
    /// The answer is not complete, and must not look as if it were.
    Cut,
}

/// The sender of a request, from the end of the request's head to the end of its answer.
pub(crate) struct Http1Sender<'c> {
    incoming: &'c mut Incoming,
    body: Body,
    reply: reply::Reply,
    /// The server's signal to stop.
    shutdown: &'c watch::Receiver<bool>,
    is_http11: bool,
    /// The sender did not say that the connection ends.
    is_persistent: bool,
    /// What is left to be written of a 100 Continue before the body is read (RFC 9110 section 10.1.1).
    invitation: &'static [u8],
    /// It was written and may not have left yet: TLS keeps it until it is told to send.
    is_unflushed: bool,
    /// The request has an `Expect` header: its sender may wait to be told whether to send the body at all.
    expects: bool,
    ending: Ending,
    linger: Duration,
}

impl<'c> Http1Sender<'c> {
    /// The sender of a request with this head, who may make us wait for `time_limit` in all while it
    /// reads the answer.
    pub(crate) fn new(
        head: &Head<'_>,
        incoming: &'c mut Incoming,
        shutdown: &'c watch::Receiver<bool>,
        time_limit: Duration,
    ) -> Self {
        let body = Body::new(head.framing);
        let expectation = head.fields().first("expect");
        let is_invited = head.is_http11
            && body.left() != Left::Exactly(0)
            && incoming.is_empty()
            && expectation.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
        Self {
            incoming,
            body,
            reply: reply::Reply::new(time_limit),
            shutdown,
            is_http11: head.is_http11,
            is_persistent: head.is_http11 && handoff::is_persistent(head.fields()),
            invitation: if is_invited { CONTINUE } else { b"" },
            is_unflushed: false,
            expects: expectation.is_some(),
            ending: Ending::Cut,
            linger: linger(time_limit),
        }
    }

    /// Ends the exchange, and reads what is left of a request that was refused.
    ///
    /// A 401 does not announce that its connection ends, and a proxy in front that has sent all of a
    /// request takes the connection for the next sender's. So whatever the sender sends to the end of
    /// its request is read and dropped: to close the connection then would lose a good request to a
    /// forger's.
    pub(crate) async fn conclude(mut self) -> Ending {
        if self.reply.is_gone() {
            return Ending::Cut;
        }
        if self.ending != Ending::Stay {
            return self.ending;
        }
        let dropping = self.body.drop_rest(self.incoming);
        match within(self.linger, pin!(dropping)).await {
            Ok(true) => Ending::Stay,
            Ok(false) => Ending::Close,
            // It has had its time to read the answer.
            Err(_) => Ending::Cut,
        }
    }

    /// Whether the connection can serve another request after an answer that was given now.
    fn may_stay(&mut self) -> bool {
        let unused = self.incoming.unused();
        // A sender that waits for 100 Continue may leave the body out once it has another answer, so it is
        // uncertain whether the next bytes are the body.
        let is_certain = self.body.is_at_hand(unused) || !self.expects;
        let is_findable = self.body.is_clear() && self.body.may_be_dropped() && is_certain;
        self.is_persistent && is_findable && !self.is_last()
    }

    /// Whether this is the last request. A server that stops still serves what was sent before its sender
    /// could know.
    fn is_last(&mut self) -> bool {
        if !*self.shutdown.borrow() {
            return false;
        }
        if self.body.left() == Left::Exactly(0) {
            self.incoming.read_arrived();
        }
        !self.body.has_next(self.incoming.unused())
    }

    fn set_stays(&mut self, stays: bool) {
        self.ending = if stays { Ending::Stay } else { Ending::Close };
    }
}

impl RequestBody for Http1Sender<'_> {
    fn left(&self) -> Left {
        self.body.left()
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut BytesMut,
    ) -> Poll<Result<usize, BodyError>> {
        while !self.invitation.is_empty() {
            let stream = Pin::new(self.incoming.stream());
            match ready!(stream.poll_write(context, self.invitation)) {
                Ok(count @ 1..) => {
                    self.invitation = self.invitation.get(count..).unwrap_or_default();
                    self.is_unflushed = true;
                }
                Ok(0) | Err(_) => return Poll::Ready(Err(BodyError::CutOff)),
            }
        }
        if self.is_unflushed {
            let stream = Pin::new(self.incoming.stream());
            if ready!(stream.poll_flush(context)).is_err() {
                return Poll::Ready(Err(BodyError::CutOff));
            }
            self.is_unflushed = false;
        }
        self.body.poll_read(self.incoming, context, room)
    }
}

impl Reply for Http1Sender<'_> {
    async fn answer(&mut self, answer: &OwnAnswer) {
        let stays = self.may_stay() && !answer.is_last;
        self.set_stays(stays);
        let answer = answer.to_http1(stays);
        let stream = self.incoming.stream();
        self.reply
            .write(answer.as_bytes(), stream, self.linger)
            .await;
    }

    async fn inform(&mut self, head: &AnswerHead<'_>) {
        // HTTP/1.0 has no such answers.
        if self.is_http11 {
            self.reply.head(head, true, true);
            self.reply.flush(self.incoming.stream()).await;
        }
    }

    fn begin(&mut self, head: &AnswerHead<'_>) {
        let stays = self.may_stay();
        self.set_stays(stays);
        self.reply.head(head, self.is_http11, stays);
    }

    async fn body(&mut self, piece: &[u8]) -> bool {
        self.reply.body(self.incoming.stream(), piece).await
    }

    async fn finish(&mut self) -> bool {
        self.reply.finish(self.incoming.stream()).await
    }

    async fn flush(&mut self) {
        self.reply.flush(self.incoming.stream()).await;
    }

    fn take_back(&mut self) -> bool {
        self.reply.take_back()
    }

    fn cut(&mut self) {
        self.ending = Ending::Cut;
    }

    fn is_gone(&self) -> bool {
        self.reply.is_gone()
    }
}
