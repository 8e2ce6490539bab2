//! A request body in memory: read piece by piece, hashed on the way, kept for forwarding.
//!
//! The body is read here and not by Pingora: straight into the memory it is forwarded from, by a
//! strict reading of its framing, and not a byte further. Pieces are kept as they were read, not
//! joined. Only small ones are gathered, because a sender may chop a body into bytes, and a piece
//! costs more than a byte.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::http1::chunked::{Decoder, Step};
use crate::http1::head::Framing;
use crate::os::socket::SenderStream;
use crate::reason::Reason;
use crate::request::budget::{Budget, Reservation};
use crate::verify::Verification;

/// Pieces below this size are gathered into larger ones.
const SMALL_PIECE_BYTES: usize = 16 << 10;
/// Gathered pieces are closed at this size.
const GATHERED_BYTES: usize = 64 << 10;

/// After so much hashing, other requests have their turn. A piece of 64 KiB takes a tenth of a
/// millisecond to hash with one secret and a new CPU, and two milliseconds with five and an old one.
const LONGEST_TURN: Duration = Duration::from_micros(500);

/// A whole body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pieces: Vec<Bytes>,
    gathering: BytesMut,
    len: u64,
}

impl Body {
    fn push(&mut self, piece: Bytes) {
        self.len = self.len.saturating_add(len_of(&piece));
        if piece.len() >= SMALL_PIECE_BYTES || (self.pieces.is_empty() && self.gathering.is_empty())
        {
            self.close_gathered();
            self.pieces.push(piece);
        } else {
            self.gathering.extend_from_slice(&piece);
            if self.gathering.len() >= GATHERED_BYTES {
                self.close_gathered();
            }
        }
    }

    fn close_gathered(&mut self) {
        if !self.gathering.is_empty() {
            self.pieces.push(self.gathering.split().freeze());
        }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Its pieces, in order.
    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) reason: Reason,
    pub(crate) text: &'static str,
    /// How many bytes had come, or were announced by then, where they were counted.
    pub(crate) counted: Option<u64>,
}

/// Why there is no room for a body.
pub(crate) const NO_ROOM: &str = "max_buffered_bytes are in use";

impl Unread {
    /// The body did not arrive in time.
    pub(crate) const TOO_SLOW: Self = Self {
        reason: Reason::BodyTimeout,
        text: "the body did not arrive within body_timeout",
        counted: None,
    };

    /// More came, or was announced, than may.
    const fn too_large(counted: u64) -> Self {
        Self {
            reason: Reason::BodyTooLarge,
            text: "the body is larger than max_body_bytes",
            counted: Some(counted),
        }
    }

    /// The sender went away.
    pub(crate) const CUT_OFF: Self = Self::malformed("the body was cut off");

    const fn malformed(text: &'static str) -> Self {
        Self {
            reason: Reason::BadRequest,
            text,
            counted: None,
        }
    }
}

/// A body that was read to its end.
pub(crate) struct Read {
    pub(crate) body: Body,
    pub(crate) reservation: Reservation,
    /// Time spent hashing.
    pub(crate) hashing: Duration,
}

/// Where a body comes from: a connection, and what was read from it already.
pub(crate) struct Source<'a> {
    pub(crate) stream: &'a mut SenderStream,
    pub(crate) buffer: &'a mut BytesMut,
    pub(crate) framing: Framing,
}

/// Reads a body to its end and no further, giving every piece to `verification` as it arrives.
///
/// What follows the body stays in the source's buffer. `patience` is checked here at every piece
/// besides the caller's timer, and the thread is given up now and then: what has arrived already is
/// read without waiting, so that a sender of tiny pieces, or of much to hash, would otherwise keep both
/// the timer and other requests from their turn.
pub(crate) async fn read(
    source: Source<'_>,
    verification: &mut Verification<'_>,
    budget: &Arc<Budget>,
    max_bytes: u64,
    patience: Duration,
) -> Result<Read, Unread> {
    let mut intake = Intake {
        verification,
        read: Read {
            body: Body::default(),
            reservation: budget.reserve_nothing(),
            hashing: Duration::ZERO,
        },
        taken: 0,
        max_bytes,
        began: Instant::now(),
        patience,
        hashing_at_turn: Duration::ZERO,
    };
    match source.framing {
        Framing::None => {}
        Framing::Length(length) => intake.take_length(source, length).await?,
        Framing::Chunked => intake.take_chunks(source).await?,
    }
    intake.read.body.close_gathered();
    Ok(intake.read)
}

/// A body on its way in, within its limits.
struct Intake<'a, 'v> {
    verification: &'a mut Verification<'v>,
    read: Read,
    taken: u64,
    max_bytes: u64,
    began: Instant,
    patience: Duration,
    /// How much hashing there was when others last had their turn.
    hashing_at_turn: Duration,
}

impl Intake<'_, '_> {
    async fn take_length(&mut self, source: Source<'_>, length: u64) -> Result<(), Unread> {
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let arrived = source.buffer.len().min(wanted);
        if arrived > 0 {
            let piece = source.buffer.split_to(arrived).freeze();
            self.admit(&piece)?;
            self.read.body.push(piece);
        }
        let mut left = wanted.saturating_sub(arrived);
        while left > 0 {
            let mut piece = BytesMut::with_capacity(left.min(GATHERED_BYTES));
            while left > 0 && piece.len() < GATHERED_BYTES {
                let room = left.min(GATHERED_BYTES.saturating_sub(piece.len()));
                let before = piece.len();
                fill(source.stream, &mut (&mut piece).limit(room)).await?;
                let added = piece.get(before..).unwrap_or_default();
                left = left.saturating_sub(added.len());
                self.admit(added)?;
                self.give_way().await;
            }
            self.read.body.push(piece.freeze());
        }
        Ok(())
    }

    async fn take_chunks(&mut self, source: Source<'_>) -> Result<(), Unread> {
        let mut decoder = Decoder::default();
        loop {
            match decoder.next(source.buffer) {
                Ok(Step::Data(piece)) => {
                    self.admit(&piece)?;
                    self.read.body.push(piece);
                    self.give_way().await;
                }
                Ok(Step::End) => return Ok(()),
                Ok(Step::More) => {
                    let announced = self.taken.saturating_add(decoder.announced());
                    if announced > self.max_bytes {
                        return Err(Unread::too_large(announced));
                    }
                    source.buffer.reserve(SMALL_PIECE_BYTES);
                    fill(source.stream, source.buffer).await?;
                }
                Err(error) => return Err(Unread::malformed(error.as_str())),
            }
        }
    }

    /// Lets other requests of this thread have their turn.
    async fn give_way(&mut self) {
        let hashing = self.read.hashing;
        if hashing.saturating_sub(self.hashing_at_turn) > LONGEST_TURN {
            self.hashing_at_turn = hashing;
            tokio::task::yield_now().await;
        } else {
            tokio::task::consume_budget().await;
        }
    }

    /// Checks the limits for the next bytes, and hashes them.
    fn admit(&mut self, bytes: &[u8]) -> Result<(), Unread> {
        let count = len_of(bytes);
        self.taken = self.taken.saturating_add(count);
        if self.taken > self.max_bytes {
            return Err(Unread::too_large(self.taken));
        }
        if self.read.reservation.grow(count).is_err() {
            return Err(Unread {
                reason: Reason::Overloaded,
                text: NO_ROOM,
                counted: Some(self.taken),
            });
        }
        let began_hashing = Instant::now();
        if began_hashing.duration_since(self.began) > self.patience {
            return Err(Unread {
                counted: Some(self.taken),
                ..Unread::TOO_SLOW
            });
        }
        self.verification.update(bytes);
        let hashing = &mut self.read.hashing;
        *hashing = hashing.saturating_add(began_hashing.elapsed());
        Ok(())
    }
}

/// Reads some bytes, at least one.
async fn fill(stream: &mut SenderStream, buffer: &mut (impl BufMut + Send)) -> Result<(), Unread> {
    match stream.read_buf(buffer).await {
        Ok(1..) => Ok(()),
        Ok(0) | Err(_) => Err(Unread::CUT_OFF),
    }
}

pub(crate) fn len_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_small_ones_are_gathered() {
        let sizes = [1, 1, 20_000, 3, 5, 16 << 10, 7];
        let mut body = Body::default();
        let mut expected = Vec::new();
        for (index, size) in sizes.into_iter().enumerate() {
            let piece = vec![u8::try_from(index).unwrap(); size];
            expected.extend_from_slice(&piece);
            body.push(piece.into());
        }
        body.close_gathered();
        assert_eq!(body.len(), u64::try_from(expected.len()).unwrap());
        let pieces = body.into_pieces();
        assert_eq!(pieces.concat(), expected);
        assert_eq!(pieces.len(), 6);
    }

    #[test]
    fn a_body_chopped_into_bytes_takes_few_pieces() {
        let mut body = Body::default();
        for _ in 0..200_000 {
            body.push(Bytes::from_static(b"x"));
        }
        body.close_gathered();
        assert!(body.into_pieces().len() <= 5);
    }
}
