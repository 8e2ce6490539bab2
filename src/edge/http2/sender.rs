//! The sender of one request over HTTP/2: its body comes from the frames of a stream, and its answer goes
//! into them.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::edge::linger::MAX_DROPPED_BYTES;
use crate::exchange::answer::{AnswerHead, BodyLength};
use crate::exchange::reply::Reply;
use crate::http1::head::{Framing, Head};
use crate::http1::own_answer::OwnAnswer;
use crate::request::body::{BodyError, Left, RequestBody};
use crate::time_limit::{timed, within};

/// The sender of a request, from the end of the request's head to the end of its answer.
pub(super) struct Http2Sender {
    incoming: RecvStream,
    /// What has arrived of the body and was not taken yet.
    piece: Bytes,
    left: Left,
    /// The sender waits to be told whether to send the body (RFC 9110 section 10.1.1).
    is_to_be_invited: bool,
    respond: SendResponse<Bytes>,
    /// The head of an answer, which goes out with what follows it.
    head: Option<Response<()>>,
    outgoing: Option<SendStream<Bytes>>,
    /// How much of the answer's body is still to come, where the app said how much there is.
    body_left: Option<u64>,
    /// How much longer the sender may make us wait.
    time_left: Duration,
    /// How long what is left of a refused request is read.
    rest_limit: Duration,
    is_ended: bool,
    is_gone: bool,
    /// Whether the trailers, once they have come, are none that HTTP/2 forbids.
    are_trailers_sound: Box<dyn Fn() -> bool + Send>,
}

impl Http2Sender {
    /// The sender of a request with this head, who may make us wait for `time_limit` in all while it
    /// reads the answer.
    pub(super) fn new(
        framing: Framing,
        incoming: RecvStream,
        respond: SendResponse<Bytes>,
        time_limit: Duration,
        are_trailers_sound: Box<dyn Fn() -> bool + Send>,
    ) -> Self {
        Self {
            are_trailers_sound,
            incoming,
            piece: Bytes::new(),
            left: match framing {
                Framing::None => Left::Exactly(0),
                Framing::Length(length) => Left::Exactly(length),
                Framing::Chunked => Left::AtLeast(0),
            },
            is_to_be_invited: false,
            respond,
            head: None,
            outgoing: None,
            body_left: None,
            time_left: time_limit,
            rest_limit: time_limit,
            is_ended: false,
            is_gone: false,
        }
    }

    /// Takes note of whether the sender waits to be told to send the body.
    pub(super) fn invites(mut self, head: &Head<'_>) -> Self {
        let expectation = head.fields().first("expect");
        self.is_to_be_invited =
            expectation.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
        self
    }

    /// Ends the exchange, and reads what is left of a request that was refused.
    ///
    /// RST_STREAM with NO_ERROR would say that the rest is not wanted (RFC 9113 section 8.1), but many clients
    /// take it for a failure and lose the answer, or never end.
    pub(super) async fn conclude(mut self) {
        let limit = self.rest_limit;
        let mut dropped = 0_u64;
        let dropping = async {
            while !self.is_gone
                && self.is_ended
                && dropped <= MAX_DROPPED_BYTES
                && let Some(Ok(piece)) = self.incoming.data().await
            {
                // An error means that the connection is gone, which the next read tells.
                let _ = self.incoming.flow_control().release_capacity(piece.len());
                let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                dropped = dropped.saturating_add(count);
                tokio::task::consume_budget().await;
            }
        };
        // Whoever has not ended by then has had its time to read the answer.
        let _ = within(limit, pin!(dropping)).await;
    }

    /// Sends the head that waits. `is_end`: nothing follows it.
    fn send_head(&mut self, is_end: bool) {
        let Some(head) = self.head.take() else {
            return;
        };
        if self.is_gone {
            return;
        }
        self.is_ended = is_end;
        match self.respond.send_response(head, is_end) {
            Ok(outgoing) => self.outgoing = Some(outgoing),
            Err(_) => self.is_gone = true,
        }
    }

    /// Sends a piece of the body, as far as the sender takes it in time.
    async fn give(&mut self, piece: &[u8]) {
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        if self.is_gone {
            return;
        }
        let mut rest = Bytes::copy_from_slice(piece);
        let giving = async {
            while rest.has_remaining() {
                outgoing.reserve_capacity(rest.len());
                let capacity = std::future::poll_fn(|context| outgoing.poll_capacity(context));
                let capacity = capacity.await?.ok()?;
                let count = capacity.min(rest.len());
                outgoing.send_data(rest.split_to(count), false).ok()?;
            }
            Some(())
        };
        let (given, took) = timed(pin!(within(self.time_left, pin!(giving)))).await;
        self.is_gone = !matches!(given, Ok(Some(())));
        self.time_left = self.time_left.saturating_sub(took);
        if self.is_gone {
            self.reset(Reason::CANCEL);
        }
    }

    fn reset(&mut self, reason: Reason) {
        match &mut self.outgoing {
            Some(outgoing) => outgoing.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
        self.is_ended = true;
    }
}

impl RequestBody for Http2Sender {
    fn left(&self) -> Left {
        self.left
    }

    fn is_unpaced(&self) -> bool {
        false
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut BytesMut,
    ) -> Poll<Result<usize, BodyError>> {
        if std::mem::take(&mut self.is_to_be_invited) {
            let mut invitation = Response::new(());
            *invitation.status_mut() = StatusCode::CONTINUE;
            if self.respond.send_informational(invitation).is_err() {
                return Poll::Ready(Err(BodyError::CutOff));
            }
        }
        while self.piece.is_empty() {
            match ready!(self.incoming.poll_data(context)) {
                Some(Ok(piece)) => {
                    // The sender may send as much again. An error means that the connection is gone,
                    // which the next read tells.
                    let _ = self.incoming.flow_control().release_capacity(piece.len());
                    self.piece = piece;
                }
                Some(Err(_)) => return Poll::Ready(Err(BodyError::CutOff)),
                None => {
                    let is_whole = matches!(self.left, Left::AtLeast(_) | Left::Exactly(0));
                    self.left = Left::Exactly(0);
                    return Poll::Ready(if !is_whole {
                        Err(BodyError::CutOff)
                    } else if (self.are_trailers_sound)() {
                        Ok(0)
                    } else {
                        Err(BodyError::Malformed("a pseudo-header in the trailers"))
                    });
                }
            }
        }
        let capacity = room.capacity().saturating_sub(room.len());
        let taken = self.piece.split_to(capacity.min(self.piece.len()));
        room.extend_from_slice(&taken);
        let count = u64::try_from(taken.len()).unwrap_or(u64::MAX);
        if let Left::Exactly(left) = &mut self.left {
            match left.checked_sub(count) {
                Some(rest) => *left = rest,
                None => return Poll::Ready(Err(BodyError::Malformed("more than Content-Length"))),
            }
        }
        if self.piece.is_empty() && self.incoming.is_end_stream() {
            self.left = Left::Exactly(0);
        } else if self.left == Left::Exactly(0) {
            // Its trailers belong to the request, so that its end is awaited.
            self.left = Left::AtLeast(0);
        }
        Poll::Ready(Ok(taken.len()))
    }
}

impl Reply for Http2Sender {
    async fn answer(&mut self, answer: &OwnAnswer) {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
        let fields = head.headers_mut();
        if let Some((name, value)) = &answer.field
            && let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(value),
            )
        {
            fields.append(name, value);
        }
        fields.append(CONTENT_LENGTH, HeaderValue::from(0));
        self.head = Some(head);
        self.send_head(true);
    }

    async fn inform(&mut self, head: &AnswerHead<'_>) {
        if let Some(head) = response(head)
            && self.respond.send_informational(head).is_err()
        {
            self.is_gone = true;
        }
    }

    fn begin(&mut self, head: &AnswerHead<'_>) {
        self.body_left = match head.body {
            BodyLength::Empty => Some(0),
            BodyLength::Known(length) => Some(length),
            BodyLength::Unknown => None,
        };
        self.head = response(head);
        self.is_gone |= self.head.is_none();
    }

    async fn body(&mut self, piece: &[u8]) -> bool {
        if piece.is_empty() {
            return true;
        }
        if let Some(left) = &mut self.body_left {
            let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            match left.checked_sub(count) {
                Some(rest) => *left = rest,
                None => return false,
            }
        }
        self.send_head(false);
        self.give(piece).await;
        true
    }

    async fn finish(&mut self) -> bool {
        if self.body_left.is_some_and(|left| left > 0) {
            return false;
        }
        if self.head.is_some() {
            self.send_head(true);
        } else if let Some(outgoing) = &mut self.outgoing
            && !self.is_gone
        {
            self.is_ended = true;
            self.is_gone = outgoing.send_data(Bytes::new(), true).is_err();
        }
        true
    }

    async fn flush(&mut self) {
        self.send_head(false);
    }

    fn take_back(&mut self) -> bool {
        self.head.take().is_some()
    }

    fn cut(&mut self) {
        self.reset(Reason::INTERNAL_ERROR);
    }

    fn is_gone(&self) -> bool {
        self.is_gone
    }
}

impl Drop for Http2Sender {
    /// An answer that did not end must not look as if it had.
    fn drop(&mut self) {
        if !self.is_ended {
            self.reset(Reason::INTERNAL_ERROR);
        }
    }
}

/// The head of the app's answer. `None` where it has a field that HTTP/2 cannot carry.
fn response(head: &AnswerHead<'_>) -> Option<Response<()>> {
    let mut response = Response::new(());
    *response.status_mut() = head.status();
    let fields = response.headers_mut();
    let mut is_sound = true;
    head.each_field(|name, value| {
        match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => {
                fields.append(name, value);
            }
            _ => is_sound = false,
        }
    });
    if let BodyLength::Known(length) = head.body
        && !head.status().is_informational()
    {
        fields.append(CONTENT_LENGTH, HeaderValue::from(length));
    }
    is_sound.then_some(response)
}
