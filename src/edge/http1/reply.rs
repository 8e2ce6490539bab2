//! Writing an answer to the sender of a request.
//!
//! A sender that reads slowly, or went away, must not take the answer from the record or hold memory
//! for ever: what it makes us wait is bounded in all, and past that it counts as gone. What is written to
//! a sender that is gone is dropped, without an error.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use pingora::protocols::Stream;
use tokio::io::AsyncWriteExt;

use crate::exchange::answer::{AnswerHead, BodyLength};
use crate::time_limit::{timed, within};

/// How much of an answer without a length is held back for a sender of HTTP/1.0.
const MAX_HELD_BYTES: usize = 1 << 20;
/// The head of an answer fits in this, usually.
const HEAD_BYTES: usize = 512;

/// How the body of an answer is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerFraming {
    /// There is no body.
    Empty,
    /// This many more bytes.
    Length(u64),
    Chunked,
    /// All until the connection closes: HTTP/1.0 has no chunks.
    UntilClose,
}

/// An answer on its way to a sender.
pub(super) struct Reply {
    /// How much longer the sender may make us wait.
    time_left: Duration,
    framing: AnswerFraming,
    /// What was written and not yet given to the system: a head waits here for the first piece of the body.
    unsent: BytesMut,
    /// How much of it is a head whose body is held back with it.
    head_bytes: usize,
    is_gone: bool,
}

impl Reply {
    /// An answer to a sender that may make us wait for `time_limit` in all.
    pub(super) fn new(time_limit: Duration) -> Self {
        Self {
            time_left: time_limit,
            framing: AnswerFraming::Empty,
            unsent: BytesMut::new(),
            head_bytes: 0,
            is_gone: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Takes a head back that was not yet given to the system. `false` if there is none.
    pub(super) fn take_back(&mut self) -> bool {
        let is_held = !self.unsent.is_empty();
        self.unsent.clear();
        is_held
    }

    /// Writes bytes as they are, within a time limit of their own.
    pub(super) async fn write(&mut self, bytes: &[u8], stream: &mut Stream, limit: Duration) {
        self.framing = AnswerFraming::Empty;
        self.time_left = self.time_left.min(limit);
        self.unsent.put_slice(bytes);
        self.give(stream, &b""[..], true).await;
    }

    /// Writes a head, which goes out with what follows it. `stays` says that the connection serves
    /// another request.
    pub(super) fn head(&mut self, head: &AnswerHead<'_>, is_http11: bool, stays: bool) {
        self.framing = match head.body {
            BodyLength::Empty => AnswerFraming::Empty,
            BodyLength::Known(length) => AnswerFraming::Length(length),
            BodyLength::Unknown if is_http11 => AnswerFraming::Chunked,
            BodyLength::Unknown => AnswerFraming::UntilClose,
        };
        let unsent = &mut self.unsent;
        unsent.reserve(HEAD_BYTES);
        for part in [
            b"HTTP/1.1 ",
            head.status().as_str().as_bytes(),
            b" ",
            head.reason_phrase().as_bytes(),
            b"\r\n",
        ] {
            unsent.put_slice(part);
        }
        let mut write = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                unsent.put_slice(part);
            }
        };
        head.each_field(&mut write);
        if !head.status().is_informational() {
            match self.framing {
                AnswerFraming::Length(length) => {
                    let mut digits = itoa::Buffer::new();
                    write(b"Content-Length", digits.format(length).as_bytes());
                }
                AnswerFraming::Chunked => write(b"Transfer-Encoding", b"chunked"),
                AnswerFraming::Empty | AnswerFraming::UntilClose => {}
            }
            if !stays {
                write(b"Connection", b"close");
            }
        }
        unsent.put_slice(b"\r\n");
        self.head_bytes = unsent.len();
    }

    /// Writes a piece of the body, which may wait for the next. `false` where the framing leaves no place
    /// for it.
    pub(super) async fn body(&mut self, stream: &mut Stream, piece: &[u8]) -> bool {
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let is_held = self.holds(piece.len());
        let end: &[u8] = match &mut self.framing {
            _ if piece.is_empty() => return true,
            AnswerFraming::Empty => return false,
            AnswerFraming::Length(left) => match left.checked_sub(count) {
                Some(rest) => {
                    *left = rest;
                    b""
                }
                None => return false,
            },
            AnswerFraming::Chunked => {
                let size = format!("{count:x}\r\n");
                self.unsent.extend_from_slice(size.as_bytes());
                b"\r\n"
            }
            AnswerFraming::UntilClose if is_held => {
                self.unsent.extend_from_slice(piece);
                return true;
            }
            AnswerFraming::UntilClose => b"",
        };
        self.give(stream, piece.chain(end), false).await;
        true
    }

    /// Ends the answer. `false` if something is missing from it.
    pub(super) async fn finish(&mut self, stream: &mut Stream) -> bool {
        match self.framing {
            AnswerFraming::Length(1..) => return false,
            AnswerFraming::Chunked => self.unsent.extend_from_slice(b"0\r\n\r\n"),
            AnswerFraming::UntilClose if self.holds(0) => self.insert_length(),
            AnswerFraming::Length(0) | AnswerFraming::Empty | AnswerFraming::UntilClose => {}
        }
        self.give(stream, &b""[..], true).await;
        true
    }

    /// Gives everything that was written to the system.
    pub(super) async fn flush(&mut self, stream: &mut Stream) {
        if !(self.framing == AnswerFraming::UntilClose && self.holds(0)) {
            self.give(stream, &b""[..], true).await;
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
    async fn give(&mut self, stream: &mut Stream, more: impl Buf, is_flushed: bool) {
        let unsent = std::mem::take(&mut self.unsent);
        self.head_bytes = 0;
        if self.is_gone {
            return;
        }
        let mut bytes = unsent.chain(more);
        let giving = async {
            stream.write_all_buf(&mut bytes).await?;
            if is_flushed {
                stream.flush().await?;
            }
            std::io::Result::Ok(())
        };
        let (given, took) = timed(pin!(within(self.time_left, pin!(giving)))).await;
        self.is_gone = !matches!(given, Ok(Ok(())));
        self.time_left = self.time_left.saturating_sub(took);
    }
}
