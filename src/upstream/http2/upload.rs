//! The body of a request on its way into a stream.
//!
//! It is handed to the library piece by piece, as far as the app's windows (RFC 9113 section 5.2) and the
//! connection's buffer have room, and goes on whenever its request waits for the answer.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;

use crate::upstream::sending::PendingRequest;

/// How much room is asked for at once, in bytes.
const AT_ONCE: usize = 64 << 10;

/// A request whose head was handed to the library.
pub(super) struct Upload {
    stream: SendStream<Bytes>,
    request: PendingRequest,
    /// How many pieces of the body were handed over, and how many bytes of the one after them.
    pieces: usize,
    of_piece: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    /// All of it is with the library.
    HandedOver,
    /// The app takes no more.
    Failed,
}

impl Upload {
    pub(super) fn new(stream: SendStream<Bytes>, request: PendingRequest) -> Self {
        let is_whole = request.has_no_body();
        Self {
            stream,
            request,
            pieces: 0,
            of_piece: 0,
            state: if is_whole {
                State::HandedOver
            } else {
                State::Sending
            },
        }
    }

    pub(super) fn is_handed_over(&self) -> bool {
        self.state == State::HandedOver
    }

    /// The request as it was before any of it was handed over.
    pub(super) fn into_request(self) -> PendingRequest {
        self.request
    }

    /// Hands over as much as there is room for. Ready once there is nothing more to hand over, or never
    /// will be: an app that resets the stream has perhaps answered before.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.state == State::Sending {
            let Some(piece) = self.request.body().get(self.pieces) else {
                // The last piece said that it is the last, unless it was empty.
                self.hand_over(Bytes::new(), true);
                break;
            };
            let left = piece.len().saturating_sub(self.of_piece);
            if left == 0 {
                self.pieces = self.pieces.saturating_add(1);
                self.of_piece = 0;
                continue;
            }
            if self.stream.capacity() == 0 {
                self.stream.reserve_capacity(left.min(AT_ONCE));
                // It may have been there at once, of which only the next call would tell.
                if self.stream.capacity() == 0 {
                    match ready!(self.stream.poll_capacity(context)) {
                        Some(Ok(_)) => continue,
                        Some(Err(_)) | None => {
                            self.state = State::Failed;
                            break;
                        }
                    }
                }
            }
            let count = left.min(self.stream.capacity());
            let end = self.of_piece.saturating_add(count);
            let bytes = piece.slice(self.of_piece..end);
            let is_last = end >= piece.len() && self.is_last_piece();
            self.of_piece = end;
            self.hand_over(bytes, is_last);
        }
        Poll::Ready(())
    }

    /// Ready when the app has reset the stream, or the connection is over.
    pub(super) fn poll_reset(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(context).map(|_| ())
    }

    fn is_last_piece(&self) -> bool {
        let rest = self.request.body().iter().skip(self.pieces).skip(1);
        rest.map(Bytes::len).sum::<usize>() == 0
    }

    fn hand_over(&mut self, bytes: Bytes, is_last: bool) {
        self.state = match self.stream.send_data(bytes, is_last) {
            Ok(()) if is_last => State::HandedOver,
            Ok(()) => State::Sending,
            Err(_) => State::Failed,
        };
    }
}
