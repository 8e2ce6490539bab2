//! A connection to an app as the library reads and writes it, with an eye on what passes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::life::Life;
use crate::os::socket::{Arrived, arrived};

/// A connection whose bytes its [`Life`] is told of.
#[derive(Debug)]
pub(super) struct Transport {
    stream: Stream,
    life: Arc<Life>,
}

impl Transport {
    pub(super) fn new(stream: Stream, life: Arc<Life>) -> Self {
        Self { stream, life }
    }

    /// Fails where the app has ended the connection and the event loop may not have heard of it yet: a request
    /// that is written after that could not be told from one that was processed.
    fn check(&self) -> io::Result<()> {
        match arrived(self.stream.id()) {
            Arrived::End => Err(io::ErrorKind::ConnectionReset.into()),
            Arrived::Nothing | Arrived::Bytes => Ok(()),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.life
            .note_read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.life
            .note_written(bytes.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        let mut left = count;
        for slice in slices {
            let part = slice.get(..left).unwrap_or(slice);
            self.life.note_written(part);
            left = left.saturating_sub(part.len());
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
