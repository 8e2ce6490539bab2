//! A request that was sent to the app, and the answer to it, whatever protocol the app speaks.
//!
//! What bounds the answer is the same for all: one deadline for the whole of it, and not for each read.

use std::pin::pin;
use std::time::Duration;

use pingora::http::ResponseHeader;
use tokio::time::{Instant, timeout_at};

use super::connect::{Connector, Reuse, Way};
use super::failure::Failure;
use super::http1::Http1Call;
use super::http2::call::{Http2Call, Unfinished};
use super::sending::{PendingRequest, SendingStream};
use crate::time_limit::{at_once, timed};

/// How many pieces of an answer pass between two looks at the clock.
const PIECES_BETWEEN_CHECKS: u32 = 16;

/// A request on its way, or sent, and the answer to it.
pub(crate) struct Call {
    protocol: Protocol,
    /// By when the answer must be complete. Moves on while the sender makes us wait.
    deadline: Instant,
    pieces: u32,
}

enum Protocol {
    Http1(Http1Call),
    Http2(Http2Call),
}

/// A request that was answered before all of it was sent.
pub(crate) struct UnfinishedUpload {
    rest: Rest,
    deadline: Instant,
}

enum Rest {
    Http1(SendingStream),
    Http2(Unfinished),
}

impl UnfinishedUpload {
    /// Sends the rest; `false` if the app does not take it all in time.
    pub(crate) async fn finish(self) -> bool {
        match self.rest {
            Rest::Http1(mut stream) => {
                let sent = timeout_at(self.deadline, stream.complete()).await;
                sent.unwrap_or(false)
            }
            Rest::Http2(unfinished) => unfinished.finish(self.deadline).await,
        }
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
    pub(crate) fn new(way: Way, request: PendingRequest, deadline: Instant) -> Self {
        Self {
            protocol: match way {
                Way::Http1(connected) => Protocol::Http1(Http1Call::new(connected, request)),
                Way::Http2(lease) => Protocol::Http2(Http2Call::new(lease, request)),
            },
            deadline,
            pieces: 0,
        }
    }

    /// The head that was read last.
    pub(crate) fn head(&self) -> Option<&ResponseHeader> {
        match &self.protocol {
            Protocol::Http1(call) => call.head(),
            Protocol::Http2(call) => call.head(),
        }
    }

    /// Reads the next head: an informational one, or the final.
    pub(crate) async fn read_head(&mut self) -> Result<(), Failure> {
        let deadline = self.deadline;
        let read = match &mut self.protocol {
            Protocol::Http1(call) => timeout_at(deadline, call.read_head()).await,
            Protocol::Http2(call) => timeout_at(deadline, call.read_head()).await,
        };
        read.map_err(|_| Failure::TooSlow)?
    }

    /// The request, if it is certain that it was not processed and so may be sent again, and the connections
    /// that may be used for that.
    pub(crate) async fn into_unprocessed(self) -> Option<(PendingRequest, Reuse)> {
        match self.protocol {
            Protocol::Http1(call) => {
                let request = call.into_unprocessed()?;
                Some((request, Reuse::After(0)))
            }
            Protocol::Http2(call) => {
                let (request, number) = call.into_unprocessed(self.deadline).await?;
                Some((request, Reuse::After(number)))
            }
        }
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
        let deadline = &mut self.deadline;
        let piece = match &mut self.protocol {
            Protocol::Http1(call) => read_by(deadline, call.read_body(), flush).await,
            Protocol::Http2(call) => read_by(deadline, call.read_body(), flush).await,
        }?;
        Ok(piece.map_or(Piece::End, Piece::Bytes))
    }

    /// Ends the exchange: keeps the connection if it can serve another. Returns what is left to send to
    /// an app that answered before it had read all.
    pub(crate) fn conclude(
        self,
        connector: &Connector,
        idle_timeout: Duration,
    ) -> Option<UnfinishedUpload> {
        let rest = match self.protocol {
            Protocol::Http1(call) if call.is_sent() => {
                call.conclude(connector, idle_timeout);
                return None;
            }
            Protocol::Http1(call) => Rest::Http1(call.into_unfinished()?),
            Protocol::Http2(call) => {
                call.keep_for(idle_timeout);
                if call.is_sent() {
                    return None;
                }
                Rest::Http2(call.into_unfinished()?)
            }
        };
        let deadline = self.deadline;
        Some(UnfinishedUpload { rest, deadline })
    }
}

/// What `reading` gives by the deadline, which moves on while `flush` has to wait for the sender.
async fn read_by<T, F: Future<Output = ()>>(
    deadline: &mut Instant,
    reading: impl Future<Output = Result<T, Failure>>,
    flush: impl FnOnce() -> F,
) -> Result<T, Failure> {
    let mut reading = pin!(reading);
    if let Some(read) = at_once(reading.as_mut()).await {
        return read;
    }
    let ((), took) = timed(pin!(flush())).await;
    *deadline = deadline.checked_add(took).unwrap_or(*deadline);
    let read = timeout_at(*deadline, reading).await;
    read.map_err(|_| Failure::TooSlow)?
}
