//! Where a request's body ends, by its framing, and how far it has been read.

use bytes::{Buf, Bytes, BytesMut};
use std::task::{Context, Poll, ready};

use super::incoming::Incoming;
use crate::edge::linger::MAX_DROPPED_BYTES;
use crate::http1::chunked::{Decoder, Step};
use crate::http1::head::Framing;
use crate::request::body::{BodyError, Left};

/// The body of a request, as far as it has been read.
pub(super) struct Body {
    progress: Progress,
    has_begun: bool,
}

enum Progress {
    Length(u64),
    Chunks {
        decoder: Decoder,
        /// What was decoded and not taken yet.
        piece: Bytes,
    },
    Ended,
    /// It is not known where it ends.
    Broken,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        let progress = match framing {
            Framing::None | Framing::Length(0) => Progress::Ended,
            Framing::Length(length) => Progress::Length(length),
            Framing::Chunked => Progress::Chunks {
                decoder: Decoder::default(),
                piece: Bytes::new(),
            },
        };
        Self {
            progress,
            has_begun: false,
        }
    }

    pub(super) fn left(&self) -> Left {
        match &self.progress {
            Progress::Length(length) => Left::Exactly(*length),
            Progress::Chunks { decoder, .. } => Left::AtLeast(decoder.announced()),
            Progress::Ended | Progress::Broken => Left::Exactly(0),
        }
    }

    /// Whether it is known where the next request begins: the body was read to its end, or none of it was
    /// read yet, so that it can be skipped.
    pub(super) fn is_clear(&self) -> bool {
        match self.progress {
            Progress::Ended => true,
            Progress::Broken => false,
            Progress::Length(_) | Progress::Chunks { .. } => !self.has_begun,
        }
    }

    pub(super) fn poll_read(
        &mut self,
        incoming: &mut Incoming,
        context: &mut Context<'_>,
        room: &mut BytesMut,
    ) -> Poll<Result<usize, BodyError>> {
        self.has_begun = true;
        let read = match &mut self.progress {
            Progress::Length(length) => {
                let max = usize::try_from(*length).unwrap_or(usize::MAX);
                let read = ready!(incoming.poll_take(room, max, context));
                let count = read.ok().filter(|count| *count > 0);
                let taken = u64::try_from(count.unwrap_or_default()).unwrap_or(u64::MAX);
                *length = length.saturating_sub(taken);
                count
            }
            Progress::Chunks { decoder, piece } => {
                let read = match ready!(poll_chunk(decoder, piece, incoming, context)) {
                    Ok(Some(())) => take_chunks(decoder, piece, incoming, room),
                    Ok(None) => Ok((0, true)),
                    Err(error) => Err(error),
                };
                return Poll::Ready(match read {
                    Ok((count, false)) => Ok(count),
                    Ok((count, true)) => {
                        self.progress = Progress::Ended;
                        Ok(count)
                    }
                    Err(error) => {
                        self.progress = Progress::Broken;
                        Err(error)
                    }
                });
            }
            Progress::Ended => return Poll::Ready(Ok(0)),
            Progress::Broken => None,
        };
        if matches!(self.progress, Progress::Length(0)) {
            self.progress = Progress::Ended;
        }
        Poll::Ready(match read {
            Some(count) => Ok(count),
            None => {
                self.progress = Progress::Broken;
                Err(BodyError::CutOff)
            }
        })
    }

    /// Reads what is left and drops it. `false` if it is malformed, cut off or too long.
    pub(super) async fn drop_rest(&mut self, incoming: &mut Incoming) -> bool {
        match &mut self.progress {
            Progress::Ended => true,
            Progress::Broken => false,
            Progress::Length(length) => incoming.drop_bytes(*length).await,
            Progress::Chunks { decoder, piece } => {
                let mut dropped = 0_u64;
                while dropped <= MAX_DROPPED_BYTES {
                    let next = std::future::poll_fn(|context| {
                        poll_chunk(decoder, piece, incoming, context)
                    });
                    match next.await {
                        Ok(Some(())) => {
                            let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                            dropped = dropped.saturating_add(count);
                            piece.clear();
                            tokio::task::consume_budget().await;
                        }
                        Ok(None) => return true,
                        Err(_) => return false,
                    }
                }
                false
            }
        }
    }

    /// Whether what is left may be read and dropped: it does not announce more than [`MAX_DROPPED_BYTES`].
    pub(super) fn may_be_dropped(&self) -> bool {
        !matches!(self.progress, Progress::Length(length) if length > MAX_DROPPED_BYTES)
    }

    /// Whether all of it has been read from the socket, if `unused` bytes wait in the buffer.
    pub(super) fn is_at_hand(&self, unused: u64) -> bool {
        match self.progress {
            Progress::Ended => true,
            Progress::Length(length) => length <= unused,
            Progress::Chunks { .. } | Progress::Broken => false,
        }
    }

    /// Whether the next request has begun to arrive, if `unused` bytes wait in the buffer.
    pub(super) fn has_next(&self, unused: u64) -> bool {
        match self.progress {
            Progress::Ended => unused > 0,
            Progress::Length(length) => length < unused,
            Progress::Chunks { .. } | Progress::Broken => false,
        }
    }
}

/// Fills `piece` with the next bytes of the body, if it is empty. `None` at the end of the body.
fn poll_chunk(
    decoder: &mut Decoder,
    piece: &mut Bytes,
    incoming: &mut Incoming,
    context: &mut Context<'_>,
) -> Poll<Result<Option<()>, BodyError>> {
    while !piece.has_remaining() {
        match decoder.next(incoming.buffer()) {
            Ok(Step::Data(data)) => *piece = data,
            Ok(Step::End) => return Poll::Ready(Ok(None)),
            Ok(Step::More) => match ready!(incoming.poll_fill_chunk(context)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(Err(BodyError::CutOff)),
            },
            Err(error) => return Poll::Ready(Err(BodyError::Malformed(error.as_str()))),
        }
    }
    Poll::Ready(Ok(Some(())))
}

/// Moves what has been read of the body into `room`, as far as there is capacity. Returns how many bytes,
/// and whether the body ends with them.
///
/// A sender may chop a body into bytes: one piece for each would cost a turn for each, and leave thousands
/// of such senders half-way, with their buffers.
fn take_chunks(
    decoder: &mut Decoder,
    piece: &mut Bytes,
    incoming: &mut Incoming,
    room: &mut BytesMut,
) -> Result<(usize, bool), BodyError> {
    let mut count = 0_usize;
    loop {
        let capacity = room.capacity().saturating_sub(room.len());
        let taken = piece.split_to(capacity.min(piece.len()));
        room.extend_from_slice(&taken);
        count = count.saturating_add(taken.len());
        if room.len() == room.capacity() {
            return Ok((count, false));
        }
        match decoder.next(incoming.buffer()) {
            Ok(Step::Data(data)) => *piece = data,
            Ok(Step::More) => return Ok((count, false)),
            Ok(Step::End) => return Ok((count, true)),
            Err(error) => return Err(BodyError::Malformed(error.as_str())),
        }
    }
}
