//! A request body in memory: read piece by piece, hashed on the way, kept for forwarding.
//!
//! Pieces are kept as they were read, not joined: the body exists once. Only small pieces are
//! gathered, because a sender may chop a body into bytes, and a piece costs more than a byte.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use pingora::protocols::http::ServerSession;

use super::budget::{Budget, Reservation};
use crate::reason::Reason;
use crate::verify::Verification;

/// Pieces below this size are gathered into larger ones.
const SMALL_PIECE_BYTES: usize = 16 << 10;
/// Gathered pieces are closed at this size.
const GATHERED_BYTES: usize = 64 << 10;

/// A whole body.
#[derive(Debug, Default)]
pub(super) struct Body {
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

    fn complete(mut self) -> Self {
        self.close_gathered();
        self
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Its pieces, in order.
    pub(super) fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) reason: Reason,
    pub(super) text: &'static str,
}

impl Unread {
    /// The body did not arrive in time.
    pub(super) const TOO_SLOW: Self = Self {
        reason: Reason::BodyTimeout,
        text: "the body did not arrive within body_timeout",
    };
}

/// A body that was read to its end.
pub(super) struct Read {
    pub(super) body: Body,
    pub(super) reservation: Reservation,
    /// Time spent hashing.
    pub(super) hashing: Duration,
}

/// Reads the body of a request, giving every piece to `verification` as it arrives.
///
/// `patience` is checked here at every piece besides the caller's timer, and the thread is given up
/// now and then: pieces that have arrived already are read without waiting, so that a sender of
/// tiny ones would otherwise keep both the timer and other requests from their turn.
pub(super) async fn read(
    session: &mut ServerSession,
    verification: &mut Verification<'_>,
    budget: &Arc<Budget>,
    max_bytes: u64,
    patience: Duration,
) -> Result<Read, Unread> {
    let began_reading = Instant::now();
    let mut body = Body::default();
    let mut hashing = Duration::ZERO;
    let mut reservation = budget.reserve_nothing();
    loop {
        let piece = match session.read_request_body().await {
            Ok(Some(piece)) => piece,
            Ok(None) => {
                return Ok(Read {
                    body: body.complete(),
                    reservation,
                    hashing,
                });
            }
            Err(_) => {
                return Err(Unread {
                    reason: Reason::BadRequest,
                    text: "the body was cut off or its framing is malformed",
                });
            }
        };
        if body.len.saturating_add(len_of(&piece)) > max_bytes {
            return Err(Unread {
                reason: Reason::BodyTooLarge,
                text: "the body is larger than max_body_bytes",
            });
        }
        if reservation.grow(len_of(&piece)).is_err() {
            return Err(Unread {
                reason: Reason::Overloaded,
                text: "max_buffered_bytes are in use",
            });
        }
        let began_hashing = Instant::now();
        if began_hashing.duration_since(began_reading) > patience {
            return Err(Unread::TOO_SLOW);
        }
        verification.update(&piece);
        hashing = hashing.saturating_add(began_hashing.elapsed());
        body.push(piece);
        tokio::task::consume_budget().await;
    }
}

fn len_of(piece: &Bytes) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
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
        let body = body.complete();
        assert_eq!(body.pieces().concat(), expected);
        assert_eq!(body.len(), u64::try_from(expected.len()).unwrap());
        assert_eq!(body.pieces().len(), 6);
    }

    #[test]
    fn a_body_chopped_into_bytes_takes_few_pieces() {
        let mut body = Body::default();
        for _ in 0..200_000 {
            body.push(Bytes::from_static(b"x"));
        }
        assert!(body.complete().pieces().len() <= 5);
    }
}
