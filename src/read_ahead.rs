//! Reading more than was asked for, while much arrives.
//!
//! The libraries for TLS and HTTP/2 read 4 and 8 KiB at a time: a megabyte would take hundreds of system calls, each of
//! which costs more than to copy what it read. So once a read was filled to the last byte, the next ones take more at a
//! time. A connection that has nothing to read holds no buffer.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How much of TLS is read at a time, in bytes: the largest record of TLS 1.2 and 1.3 (RFC 5246 section 6.2.3, RFC 8446
/// section 5.2), with its head.
pub(crate) const RECORD_BYTES: usize = (16 << 10) + 2_048 + 5;
/// How much of HTTP/2 without TLS is read at a time, in bytes: four frames of the size that senders usually take.
pub(crate) const FRAMES_BYTES: usize = 64 << 10;

/// A stream that is read ahead.
#[derive(Debug)]
pub(crate) struct ReadAhead<S> {
    inner: S,
    /// How much is read at a time, in bytes.
    ahead: usize,
    buffer: BytesMut,
    /// The last read was filled: there may be more.
    is_flowing: bool,
}

impl<S> ReadAhead<S> {
    /// At most so many bytes are read that were not asked for.
    pub(crate) fn new(inner: S, ahead: usize) -> Self {
        Self {
            inner,
            ahead,
            buffer: BytesMut::new(),
            is_flowing: false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.buffer.is_empty() {
            if !this.is_flowing || room.remaining() >= this.ahead {
                let before = room.filled().len();
                ready!(Pin::new(&mut this.inner).poll_read(context, room))?;
                this.is_flowing = room.remaining() == 0 && room.filled().len() > before;
                return Poll::Ready(Ok(()));
            }
            this.buffer.reserve(this.ahead);
            let read = pin!(this.inner.read_buf(&mut this.buffer)).poll(context);
            this.is_flowing = matches!(read, Poll::Ready(Ok(count)) if count >= this.ahead);
            if !matches!(read, Poll::Ready(Ok(1..))) {
                this.buffer = BytesMut::new();
                return read.map_ok(|_| ());
            }
        }
        let count = this.buffer.len().min(room.remaining());
        room.put_slice(this.buffer.get(..count).unwrap_or_default());
        this.buffer.advance(count);
        if this.buffer.is_empty() && !this.is_flowing {
            this.buffer = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Gives what it holds, as much at a time as it is asked for, and then has nothing. Notes how much that was.
    #[derive(Debug, Default)]
    struct Source {
        left: VecDeque<u8>,
        has_ended: bool,
        asked: Vec<usize>,
    }

    impl AsyncRead for Source {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            room: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.asked.push(room.remaining());
            if self.left.is_empty() && !self.has_ended {
                return Poll::Pending;
            }
            let count = self.left.len().min(room.remaining());
            let given: Vec<u8> = self.left.drain(..count).collect();
            room.put_slice(&given);
            Poll::Ready(Ok(()))
        }
    }

    /// Reads up to `most` bytes.
    fn read(stream: &mut ReadAhead<Source>, most: usize) -> Poll<Vec<u8>> {
        let mut bytes = vec![0; most];
        let mut room = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let read = Pin::new(stream).poll_read(&mut context, &mut room);
        read.map(|done| {
            done.unwrap();
            room.filled().to_vec()
        })
    }

    fn reading(source: Source) -> ReadAhead<Source> {
        ReadAhead::new(source, RECORD_BYTES)
    }

    fn numbered(count: usize) -> Vec<u8> {
        (0..count).map(|number| (number % 251) as u8).collect()
    }

    #[test]
    fn much_arrives_in_few_reads_and_in_order() {
        let sent = numbered(1_000_000);
        for (ahead, most_reads) in [(RECORD_BYTES, 57), (FRAMES_BYTES, 18)] {
            let source = Source {
                left: sent.clone().into(),
                ..Source::default()
            };
            let mut stream = ReadAhead::new(source, ahead);
            let mut received = Vec::new();
            while let Poll::Ready(piece) = read(&mut stream, 4_096) {
                assert!(!piece.is_empty());
                received.extend_from_slice(&piece);
            }
            assert!(received == sent);
            let reads = stream.inner.asked.len();
            assert!(reads <= most_reads, "{reads}");
            assert_eq!(stream.buffer.capacity(), 0);
        }
    }

    #[test]
    fn little_is_read_where_it_is_wanted() {
        let mut stream = reading(Source {
            left: numbered(100).into(),
            ..Source::default()
        });
        assert_eq!(read(&mut stream, 4_096), Poll::Ready(numbered(100)));
        assert_eq!(read(&mut stream, 4_096), Poll::Pending);
        assert_eq!(stream.inner.asked, [4_096, 4_096]);
        assert_eq!(stream.buffer.capacity(), 0);
    }

    #[test]
    fn the_end_comes_after_everything_that_was_sent() {
        for count in [
            0,
            1,
            4_096,
            4_097,
            RECORD_BYTES,
            4_096 + RECORD_BYTES,
            100_000,
        ] {
            let mut stream = reading(Source {
                left: numbered(count).into(),
                has_ended: true,
                ..Source::default()
            });
            let mut received = Vec::new();
            loop {
                let Poll::Ready(piece) = read(&mut stream, 4_096) else {
                    panic!("it has ended");
                };
                if piece.is_empty() {
                    break;
                }
                received.extend_from_slice(&piece);
            }
            assert!(received == numbered(count), "{count}");
        }
    }
}
