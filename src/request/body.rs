//! Reading the body of a request: within its limits, hashed as it arrives.
//!
//! Where the bytes come from is hidden behind [`RequestBody`]: admission knows no sockets, no framing,
//! and not what becomes of a connection.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::budget::Reservation;
use super::turns::{Turn, Turns};
use crate::reason::Reason;
use crate::time_limit::within;
use crate::verify::{MAX_PIECE_BYTES, Rejection, Verification};

/// How much of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// This many bytes; none at the end.
    Exactly(u64),
    /// At least this many, and perhaps more.
    AtLeast(u64),
}

impl Left {
    /// How many bytes are still to come at least.
    const fn bytes(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtLeast(bytes) => bytes,
        }
    }
}

/// The body of a request, as it arrives.
pub(crate) trait RequestBody: Send {
    /// How much of it is still to come.
    fn left(&self) -> Left;

    /// Whether its sender may give any amount of it at once. Otherwise a window bounds what is there to be read.
    fn is_unpaced(&self) -> bool {
        true
    }

    /// Appends what has arrived of it to `room`, as far as there is capacity, and returns how much: 0 at
    /// the end. Tells a sender that waits for 100 Continue to go on.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut BytesMut,
    ) -> Poll<Result<usize, BodyError>>;
}

/// Why a body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The sender went away.
    CutOff,
    /// It is framed in a way that allows two readings.
    Malformed(&'static str),
}

/// Why a body was not read to its end.
pub(super) enum Unread {
    /// A limit, or the sender.
    Refused {
        reason: Reason,
        text: &'static str,
        /// How many bytes had come, or were announced by then, where they were counted.
        counted: Option<u64>,
    },
    /// The sender broke it off.
    CutOff,
    /// The verifier refused it.
    Rejected(Rejection),
}

impl Unread {
    const fn refused(reason: Reason, text: &'static str) -> Self {
        Self::Refused {
            reason,
            text,
            counted: None,
        }
    }

    const fn too_large(counted: u64) -> Self {
        Self::Refused {
            reason: Reason::BodyTooLarge,
            text: "the body is larger than max_body_bytes",
            counted: Some(counted),
        }
    }

    const fn no_room(text: &'static str, counted: u64) -> Self {
        Self::Refused {
            reason: Reason::Overloaded,
            text,
            counted: Some(counted),
        }
    }

    const fn too_slow(counted: u64) -> Self {
        Self::Refused {
            reason: Reason::BodyTimeout,
            text: "the body did not arrive within body_timeout",
            counted: Some(counted),
        }
    }
}

/// Why there is no room for a request.
pub(crate) const NO_ROOM: &str = "max_buffered_bytes are in use";
/// Why there is no room any more for a request that had some.
const GAVE_WAY: &str =
    "max_buffered_bytes are in use, and this body, which did not come on, gave way to others";

/// How much room is made at a time for a body that comes by windows, in bytes. It waits at every window, and a larger
/// piece would be made smaller each time.
const PACED_ROOM: usize = 64 << 10;

/// The limits of a body.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// In bytes.
    pub(super) max_bytes: u64,
    /// For all of it.
    pub(super) timeout: Duration,
    /// What the reservation holds besides the body.
    pub(super) other_bytes: u64,
}

/// Reads a body to its end, giving every piece to `verification` as it arrives. Returns the time that
/// was spent hashing.
///
/// The time limit is checked at every piece besides the timer, and the thread is given up now and then (see
/// [`turns`](super::turns)): what has arrived already is read without waiting, so that a sender of tiny pieces, or
/// of much to hash, would otherwise keep both the timer and other requests from their turn.
pub(super) async fn read(
    source: &mut impl RequestBody,
    verification: &mut Verification<'_, '_>,
    reservation: &mut Reservation,
    turns: &Turns,
    limits: Limits,
) -> Result<Duration, Unread> {
    let turn = turns.begin(source.is_unpaced());
    let reading = read_all(source, verification, reservation, turn, limits);
    let read = within(limits.timeout, pin!(reading)).await;
    read.unwrap_or_else(|_| Err(Unread::too_slow(verification.body_len())))
}

async fn read_all(
    source: &mut impl RequestBody,
    verification: &mut Verification<'_, '_>,
    reservation: &mut Reservation,
    mut turn: Turn<'_>,
    limits: Limits,
) -> Result<Duration, Unread> {
    let began = Instant::now();
    while source.left() != Left::Exactly(0) {
        if let Left::AtLeast(announced) = source.left() {
            let counted = verification.body_len().saturating_add(announced);
            if counted > limits.max_bytes {
                return Err(Unread::too_large(counted));
            }
        }
        if turn.must_wait(source.left().bytes()) {
            verification.wait();
            turn.wait().await;
        }
        let mut has_waited = false;
        let piece = std::future::poll_fn(|context| {
            if has_waited && turn.must_wait(source.left().bytes()) {
                return Poll::Ready(None);
            }
            let piece = poll_piece(source, verification, reservation, limits, context);
            if piece.is_pending() {
                has_waited = true;
                turn.leave();
            }
            piece.map(Some)
        });
        // Something has arrived, and it is not this body's turn.
        let Some(piece) = piece.await else {
            continue;
        };
        if piece? == 0 {
            return Ok(turn.hashing());
        }
        let hashing_began = Instant::now();
        if hashing_began.duration_since(began) > limits.timeout {
            return Err(Unread::too_slow(verification.body_len()));
        }
        verification.absorb().map_err(Unread::Rejected)?;
        let hashing = hashing_began.elapsed();
        if verification.body_len() > limits.max_bytes {
            let counted = verification.body_len();
            return Err(Unread::too_large(counted));
        }
        let mut held = limits.other_bytes.saturating_add(verification.held());
        if reservation.resize(held).is_err() {
            turn.leave();
            verification.wait();
            held = limits.other_bytes.saturating_add(verification.held());
            let is_complete = source.left() == Left::Exactly(0);
            if !reservation.make_room(held, is_complete).await {
                return Err(Unread::no_room(NO_ROOM, verification.body_len()));
            }
        }
        turn.worked(hashing).await;
    }
    Ok(turn.hashing())
}

/// Reads what has arrived; while nothing has, holds no more than it must, and may be told to give way.
fn poll_piece(
    source: &mut impl RequestBody,
    verification: &mut Verification<'_, '_>,
    reservation: &mut Reservation,
    limits: Limits,
    context: &mut Context<'_>,
) -> Poll<Result<usize, Unread>> {
    let left = match source.left() {
        Left::Exactly(0) => return Poll::Ready(Ok(0)),
        Left::Exactly(left) => Some(left),
        Left::AtLeast(_) => None,
    };
    let most = if source.is_unpaced() {
        MAX_PIECE_BYTES
    } else {
        PACED_ROOM
    };
    match source.poll_read(context, verification.room(left, most)) {
        Poll::Ready(Ok(count)) => {
            if source.left() == Left::Exactly(0) {
                reservation.stop_waiting();
            }
            Poll::Ready(Ok(count))
        }
        Poll::Ready(Err(BodyError::CutOff)) => Poll::Ready(Err(Unread::CutOff)),
        Poll::Ready(Err(BodyError::Malformed(text))) => {
            Poll::Ready(Err(Unread::refused(Reason::BadRequest, text)))
        }
        Poll::Pending => {
            verification.wait();
            let held = limits.other_bytes.saturating_add(verification.held());
            match reservation.wait(held, context.waker()) {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(Err(Unread::no_room(GAVE_WAY, verification.body_len()))),
            }
        }
    }
}
