//! Writing an answer to the sender of a request.
//!
//! A sender that reads slowly, or went away, must not take the answer from the record or hold memory
//! for ever: what it makes us wait is bounded in all, and past that it counts as gone. Whoever writes
//! to a sender that is gone writes to nobody, and goes on.

use std::os::fd::AsRawFd;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;

use crate::exchange::answer::Framing;
use crate::os::socket::{SenderStream, is_quiet};
use crate::time_limit::{timed, within};

/// How much of an answer without a length is held back for a sender of HTTP/1.0.
const MAX_HELD_BYTES: usize = 1 << 20;

/// The sender of a request, while it is being answered.
pub(crate) struct Sender<'a> {
    stream: &'a mut SenderStream,
    /// How much longer it may make us wait.
    patience: Duration,
    framing: Framing,
    /// What was written and not yet given to the system: heads wait here for the first of the body.
    unsent: BytesMut,
    /// How much of it is a head whose body is held back with it.
    head_bytes: usize,
    is_gone: bool,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(stream: &'a mut SenderStream, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            framing: Framing::Empty,
            unsent: BytesMut::new(),
            head_bytes: 0,
            is_gone: false,
        }
    }

    /// It does not take any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether its next request is there already.
    pub(crate) fn has_sent_more(&self) -> bool {
        !is_quiet(self.stream.as_raw_fd())
    }

    /// Takes a head back that was not yet given to the system. `false` if there is none.
    pub(crate) fn take_back(&mut self) -> bool {
        let is_held = !self.unsent.is_empty();
        self.unsent.clear();
        is_held
    }

    /// Writes a head, which goes out with what follows it.
    pub(crate) fn head(&mut self, head: &[u8], framing: Framing) {
        self.unsent.extend_from_slice(head);
        self.framing = framing;
        self.head_bytes = self.unsent.len();
    }

    /// Writes a piece of the body, which may wait for the next. `false` where the framing leaves no place for it.
    pub(crate) async fn body(&mut self, piece: &[u8]) -> bool {
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let is_held = self.holds(piece.len());
        let end: &[u8] = match &mut self.framing {
            _ if piece.is_empty() => return true,
            Framing::Empty => return false,
            Framing::Length(left) => match left.checked_sub(count) {
                Some(rest) => {
                    *left = rest;
                    b""
                }
                None => return false,
            },
            Framing::Chunked => {
                let size = format!("{count:x}\r\n");
                self.unsent.extend_from_slice(size.as_bytes());
                b"\r\n"
            }
            Framing::UntilClose if is_held => {
                self.unsent.extend_from_slice(piece);
                return true;
            }
            Framing::UntilClose => b"",
        };
        self.give(piece.chain(end), false).await;
        true
    }

    /// Ends the answer. `false` if something is missing from it.
    pub(crate) async fn finish(&mut self) -> bool {
        match self.framing {
            Framing::Length(1..) => return false,
            Framing::Chunked => self.unsent.extend_from_slice(b"0\r\n\r\n"),
            Framing::UntilClose if self.holds(0) => self.insert_length(),
            Framing::Length(0) | Framing::Empty | Framing::UntilClose => {}
        }
        self.give(&b""[..], true).await;
        true
    }

    /// Gives everything that was written to the system.
    pub(crate) async fn flush(&mut self) {
        if !(self.framing == Framing::UntilClose && self.holds(0)) {
            self.give(&b""[..], true).await;
        }
    }

    /// Whether a body without a length is still held back whole, with so much more of it: the end of a
    /// connection would look like the end of the answer, even where the app broke off.
    fn holds(&self, more: usize) -> bool {
        let held = self.unsent.len().saturating_sub(self.head_bytes);
        self.head_bytes > 0 && held.saturating_add(more) <= MAX_HELD_BYTES
    }

    /// Gives the body that was held back its length, in the last line of its head.
    fn insert_length(&mut self) {
        let body = self.unsent.split_off(self.head_bytes);
        self.unsent.truncate(self.head_bytes.saturating_sub(2));
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        self.unsent.extend_from_slice(length.as_bytes());
        self.unsent.extend_from_slice(&body);
    }

    /// Hands over what was held back and `more`, as far as the sender takes it in time.
    async fn give(&mut self, more: impl Buf, is_flushed: bool) {
        let unsent = std::mem::take(&mut self.unsent);
        self.head_bytes = 0;
        if self.is_gone {
            return;
        }
        let (stream, mut bytes) = (&mut *self.stream, unsent.chain(more));
        let giving = async {
            stream.write_all_buf(&mut bytes).await?;
            if is_flushed {
                stream.flush().await?;
            }
            std::io::Result::Ok(())
        };
        let (given, took) = timed(pin!(within(self.patience, pin!(giving)))).await;
        self.is_gone = !matches!(given, Ok(Ok(())));
        self.patience = self.patience.saturating_sub(took);
    }
}
