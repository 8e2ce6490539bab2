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
///
/// An app that leaves says in its last frames which requests it has not processed. It may close the connection
/// with requests on the way, and then writing fails while those frames wait to be read. The library gives up
/// at the first error, so what cannot be written is dropped without one, and the connection ends with what
/// there is to read.
#[derive(Debug)]
pub(super) struct Transport {
    stream: Stream,
    life: Arc<Life>,
    /// The app takes nothing more.
    cannot_write: bool,
}

impl Transport {
    pub(super) fn new(stream: Stream, life: Arc<Life>) -> Self {
        Self {
            stream,
            life,
            cannot_write: false,
        }
    }

    /// Writes with `write`, unless the app has ended the connection and the event loop may not have heard of it
    /// yet: a request that is written after that could not be told from one that was processed.
    fn poll_write_with(
        &mut self,
        len: usize,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<usize>>,
    ) -> Poll<Taken> {
        if !self.cannot_write && arrived(self.stream.id()) != Arrived::End {
            match ready!(write(Pin::new(&mut self.stream))) {
                Ok(count) if count > 0 || len == 0 => return Poll::Ready(Taken::Written(count)),
                Ok(_) | Err(_) => {}
            }
        }
        self.cannot_write = true;
        Poll::Ready(Taken::Dropped(len))
    }
}

/// What became of bytes that were to be written.
enum Taken {
    Written(usize),
    Dropped(usize),
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
        let taken = self.poll_write_with(bytes.len(), |stream| stream.poll_write(context, bytes));
        Poll::Ready(Ok(match ready!(taken) {
            Taken::Written(count) => {
                self.life
                    .note_written(bytes.get(..count).unwrap_or_default());
                count
            }
            Taken::Dropped(count) => count,
        }))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let taken = self.poll_write_with(len, |stream| stream.poll_write_vectored(context, slices));
        Poll::Ready(Ok(match ready!(taken) {
            Taken::Written(count) => {
                let mut left = count;
                for slice in slices {
                    let part = slice.get(..left).unwrap_or(slice);
                    self.life.note_written(part);
                    left = left.saturating_sub(part.len());
                }
                count
            }
            Taken::Dropped(count) => count,
        }))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.cannot_write && ready!(Pin::new(&mut self.stream).poll_flush(context)).is_err() {
            self.cannot_write = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
