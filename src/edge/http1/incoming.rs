//! The bytes that arrive on a sender's connection, and the buffer of those that were read and not used yet.
//!
//! Room to read into is made when it is read into, and given back when nothing has come: a connection
//! that waits holds no more memory than what it has received.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::http1::own_answer::OwnAnswer;
use crate::time_limit::within;

/// Headers of webhooks fit in this; longer ones grow the buffer.
pub(crate) const FIRST_READ_BYTES: usize = 4 << 10;
/// What a connection may hold without asking for room. A larger buffer is not kept for the few bytes that
/// are left in it.
pub(crate) const FREE_BYTES: usize = 8 << 10;
/// Chunks are read in pieces of this size.
const CHUNK_READ_BYTES: usize = 16 << 10;
/// What is thrown away is read in pieces of this size.
const DROPPED_READ_BYTES: usize = 16 << 10;

/// A sender's connection, with what was read from it and not used yet.
pub(crate) struct Incoming {
    stream: Stream,
    buffer: BytesMut,
    /// The buffer may be a part of a large allocation, all of which stays as long as any part does.
    is_large: bool,
}

impl Incoming {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            is_large: false,
        }
    }

    /// The stream, and what was read from it and not used.
    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.buffer.freeze())
    }

    /// What was read and not used.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Takes a header of this length, in bytes, out of what was read. A large one keeps its allocation to
    /// itself.
    pub(crate) fn take_head(&mut self, length: usize) -> BytesMut {
        let head = self.buffer.split_to(length.min(self.buffer.len()));
        self.release();
        head
    }

    /// Gives back the memory that is not needed for what was read and not used.
    pub(crate) fn release(&mut self) {
        if self.is_large || self.buffer.is_empty() {
            self.buffer = BytesMut::from(&*self.buffer);
            self.is_large = false;
        }
    }

    /// Drops what was read and not used.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.release();
    }

    /// Whether there is nothing that was read and not used.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// How many bytes were read and not used.
    pub(crate) fn unused(&self) -> u64 {
        u64::try_from(self.buffer.len()).unwrap_or(u64::MAX)
    }

    /// Reads some bytes of what has arrived, where nothing waits in the buffer. It cannot be seen otherwise: what is
    /// under way may have left the socket, for the buffers of TLS.
    pub(crate) fn read_arrived(&mut self) {
        if self.buffer.is_empty() {
            // An end is found again by whoever reads on.
            let _ = self.poll_fill(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// The socket, to write to.
    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Reads some bytes more of a header; 0 at the end of the connection.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        self.poll_fill_by(FIRST_READ_BYTES, context)
    }

    /// Reads some bytes more of chunks.
    pub(super) fn poll_fill_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        let read = self.poll_fill_by(CHUNK_READ_BYTES, context);
        if read.is_pending() {
            self.release();
        }
        read
    }

    fn poll_fill_by(
        &mut self,
        more: usize,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if self.buffer.len() == self.buffer.capacity() {
            self.buffer.reserve(more);
            self.is_large |= self.buffer.capacity() > FREE_BYTES;
        }
        let read = poll_read(&mut self.stream, &mut self.buffer, usize::MAX, context);
        if read.is_pending() && self.buffer.is_empty() {
            self.release();
        }
        read
    }

    /// Takes at most `max` bytes into `room`, as far as it has capacity; 0 at the end of the connection.
    pub(super) fn poll_take(
        &mut self,
        room: &mut BytesMut,
        max: usize,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if self.buffer.is_empty() {
            return poll_read(&mut self.stream, room, max, context);
        }
        let capacity = room.capacity().saturating_sub(room.len());
        let count = self.buffer.len().min(max).min(capacity);
        room.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
        self.buffer.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Reads `count` bytes and drops them. `false` if there are fewer.
    pub(super) async fn drop_bytes(&mut self, mut count: u64) -> bool {
        loop {
            let dropped = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(self.buffer.len());
            self.buffer.advance(dropped);
            count = count.saturating_sub(u64::try_from(dropped).unwrap_or(u64::MAX));
            if count == 0 {
                return true;
            }
            let read =
                std::future::poll_fn(|context| self.poll_fill_by(DROPPED_READ_BYTES, context));
            if !matches!(read.await, Ok(1..)) {
                return false;
            }
            tokio::task::consume_budget().await;
        }
    }

    /// Writes an answer after which the connection ends. `false` if the sender does not take it.
    pub(crate) async fn write_last(&mut self, answer: &OwnAnswer, limit: Duration) -> bool {
        let answer = answer.to_http1(false);
        let stream = &mut self.stream;
        let writing = async {
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await
        };
        let written = within(limit, pin!(writing)).await;
        matches!(written, Ok(Ok(())))
    }

    /// Ends our side, and reads a while longer so that the answer is not lost: closing with unread
    /// input would reset the connection (RFC 9112 section 9.6).
    pub(crate) async fn close(mut self, max_bytes: u64, limit: Duration) {
        let closing = async {
            std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context))
                .await?;
            self.drop_bytes(max_bytes).await;
            std::io::Result::Ok(())
        };
        // The connection ends here, whether or not that succeeded.
        let _ = timeout(limit, closing).await;
    }
}

/// Reads at most `max` bytes into the capacity that `room` has.
fn poll_read(
    stream: &mut Stream,
    room: &mut BytesMut,
    max: usize,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let capacity = room.capacity().saturating_sub(room.len()).min(max);
    let mut limited = room.limit(capacity);
    pin!(stream.read_buf(&mut limited)).poll(context)
}
