//! A request that was sent on a connection to the app, and the answer to it.
//!
//! Pingora's client reads the answer. What bounds it is ours: one deadline for the whole answer, and not
//! for each read.

use std::pin::pin;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::protocols::http::v1::client::HttpSession;
use tokio::time::{Instant, timeout_at};

use super::connect::{Connected, Connector, Destination};
use super::failure::Failure;
use super::sending::{PendingRequest, SendingStream};
use crate::time_limit::{at_once, timed};

/// How many pieces of an answer pass between two looks at the clock.
const PIECES_BETWEEN_CHECKS: u32 = 16;

/// A request on its way, or sent, and the answer to it.
pub(crate) struct Call {
    session: HttpSession,
    destination: Destination,
    is_reused: bool,
    /// By when the answer must be complete. Moves on while the sender makes us wait.
    deadline: Instant,
    pieces: u32,
    /// The body of the answer was read to its end.
    has_ended: bool,
}

/// A request that was answered before all of it was sent.
pub(crate) struct UnfinishedUpload {
    stream: SendingStream,
    deadline: Instant,
}

impl UnfinishedUpload {
    /// Sends the rest; `false` if the app does not take it all in time.
    pub(crate) async fn finish(mut self) -> bool {
        let sent = timeout_at(self.deadline, self.stream.complete()).await;
        sent.unwrap_or(false)
    }
}

/// What reading on in an answer's body gave.
pub(crate) enum Piece<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// It is complete.
    End,
}

impl Call {
    /// Sends the request as the answer is read.
    pub(crate) fn new(connected: Connected, request: PendingRequest, deadline: Instant) -> Self {
        let stream = SendingStream::new(connected.stream, request);
        Self {
            session: HttpSession::new(Box::new(stream)),
            destination: connected.destination,
            is_reused: connected.is_reused,
            deadline,
            pieces: 0,
            has_ended: false,
        }
    }

    /// The head that was read last.
    pub(crate) fn head(&self) -> Option<&ResponseHeader> {
        self.session.resp_header()
    }

    /// Reads the next head: an informational one, or the final.
    pub(crate) async fn read_head(&mut self) -> Result<(), Failure> {
        let reading = self.session.read_response();
        let read = timeout_at(self.deadline, reading).await;
        read.map_err(|_| Failure::TooSlow)??;
        Ok(())
    }

    /// The request, if the connection was a kept one that took no byte of it: then it cannot have
    /// been processed, and may be sent again.
    pub(crate) fn into_pending(self) -> Option<PendingRequest> {
        let stream = SendingStream::out_of(self.session.into_inner());
        stream
            .filter(|_| self.is_reused)
            .and_then(SendingStream::into_untouched)
    }

    /// Whether there is time left. An answer whose pieces are always at hand never waits, and so never meets
    /// a timer.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if Instant::now() >= self.deadline {
            return Err(Failure::TooSlow);
        }
        Ok(())
    }

    /// Waits for the sender, which does not count as the app's time.
    pub(crate) async fn off_the_clock<T>(&mut self, sender: impl Future<Output = T>) -> T {
        let (waited, took) = timed(pin!(sender)).await;
        self.extend(took);
        waited
    }

    /// The sender made us wait so long, which does not count as the app's time.
    pub(crate) fn extend(&mut self, waited: Duration) {
        if let Some(later) = self.deadline.checked_add(waited) {
            self.deadline = later;
        }
    }

    /// The next piece of the answer's body. Before it has to be waited for, `flush` is called: what there
    /// is of the answer must not wait for the rest.
    pub(crate) async fn read_piece<F: Future<Output = ()>>(
        &mut self,
        flush: impl FnOnce() -> F,
    ) -> Result<Piece<'_>, Failure> {
        self.pieces = self.pieces.wrapping_add(1);
        if self.pieces.is_multiple_of(PIECES_BETWEEN_CHECKS) {
            self.check()?;
        }
        let mut deadline = self.deadline;
        let mut reading = pin!(self.session.read_body_ref());
        let read = match at_once(reading.as_mut()).await {
            Some(read) => read,
            None => {
                let ((), took) = timed(pin!(flush())).await;
                deadline = deadline.checked_add(took).unwrap_or(deadline);
                let read = timeout_at(deadline, reading).await;
                read.map_err(|_| Failure::TooSlow)?
            }
        };
        self.deadline = deadline;
        let piece = read?;
        self.has_ended = piece.is_none();
        Ok(piece.map_or(Piece::End, Piece::Bytes))
    }

    /// Ends the exchange: keeps the connection if it can serve another. Returns what is left to send to
    /// an app that answered before it had read all.
    pub(crate) async fn conclude(
        mut self,
        connector: &Connector,
        idle_timeout: Duration,
    ) -> Option<UnfinishedUpload> {
        let is_sent = SendingStream::within(self.session.stream());
        if !is_sent.is_some_and(SendingStream::is_complete) {
            let deadline = self.deadline;
            let stream = SendingStream::out_of(self.session.into_inner())?;
            return Some(UnfinishedUpload { stream, deadline });
        }
        let is_end_certain = self.head().is_some_and(is_end_certain);
        self.session.respect_keepalive();
        let is_given_up = self.has_ended && !self.session.will_keepalive();
        if is_given_up && self.head().is_some_and(stays) {
            connector.note_surplus(&self.destination);
        }
        let idle_timeout = idle_timeout.min(self.announced_idle_timeout());
        let stream = self.session.reuse().await.and_then(SendingStream::out_of);
        if let Some(stream) = stream.filter(|_| is_end_certain && !idle_timeout.is_zero()) {
            connector.keep(stream.into_stream(), &self.destination, idle_timeout);
        }
        None
    }

    /// How long a connection may be kept by what the app says in `Keep-Alive: timeout=…`, less a
    /// second for the way.
    fn announced_idle_timeout(&self) -> Duration {
        let seconds = || {
            let value = self.session.get_header("Keep-Alive")?.to_str().ok()?;
            let mut parameters = value.split(',').filter_map(|pair| pair.split_once('='));
            let (_, seconds) =
                parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
            seconds.trim().parse::<u64>().ok()
        };
        seconds().map_or(Duration::MAX, |seconds| {
            Duration::from_secs(seconds.saturating_sub(1))
        })
    }
}

/// Whether nothing can follow the end of an answer with this head. A status that has no body, with a
/// header that announces one, leaves open what the app sends next (RFC 9112 section 6.3).
fn is_end_certain(head: &ResponseHeader) -> bool {
    let announces_body = || {
        let length = head.headers.get(CONTENT_LENGTH);
        head.headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
    };
    head.status != StatusCode::NO_CONTENT || !announces_body()
}

/// Whether an answer with this head, once it has ended, leaves a connection that can serve another request
/// (RFC 9112 section 9.3). If Pingora does not keep such a connection, the app wrote more than its answer:
/// Pingora does not say so. What leaves room for doubt is not counted.
fn stays(head: &ResponseHeader) -> bool {
    let is_bodyless = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let has_end = match head.headers.get(TRANSFER_ENCODING) {
        Some(coding) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        None => is_bodyless || head.headers.contains_key(CONTENT_LENGTH),
    };
    head.version == Version::HTTP_11
        && head.status != StatusCode::SWITCHING_PROTOCOLS
        && !head.headers.contains_key(CONNECTION)
        && has_end
}
