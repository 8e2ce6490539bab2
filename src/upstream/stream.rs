//! A connection to an app, in the shape that Pingora's client takes.
//!
//! Pingora's own stream puts a buffer of 64 KiB before every read. Bytes that wait there, or inside
//! TLS, are invisible to whoever asks the system whether a kept connection is quiet, and every kept
//! connection would hold the buffer. So the socket is read as it is.

use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::os::socket::{Arrived, arrived};

/// A connection to an app.
#[derive(Debug)]
struct Transport<S> {
    inner: S,
    socket: RawFd,
}

/// A connection as Pingora's client takes it. `socket` is what `inner` reads and writes.
pub(crate) fn stream<S>(inner: S, socket: RawFd) -> Stream
where
    S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin + 'static,
{
    Box::new(Transport { inner, socket })
}

/// What there is to read on `stream`, on which no answer is expected: in its own buffers, and in the
/// system's. Takes no more than a byte of it, and waits for nothing.
///
/// With TLS, what the system holds may be the end of the connection or bytes of the app. It counts as
/// an end: that cannot serve either.
pub(crate) fn unread(stream: &mut Stream, speaks_tls: bool) -> Arrived {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut *stream).poll_read(&mut context, &mut buffer) {
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Arrived::Bytes,
        Poll::Ready(_) => Arrived::End,
        // The event loop may not have heard yet of what has arrived.
        Poll::Pending => match arrived(stream.id()) {
            Arrived::Bytes if speaks_tls => Arrived::End,
            arrived => arrived,
        },
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Transport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Transport<S> {
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
        slices: &[io::IoSlice<'_>],
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

#[async_trait]
impl<S: AsyncWrite + Unpin + Send> Shutdown for Transport<S> {
    async fn shutdown(&mut self) {
        // It makes no difference whether the connection had ended before.
        let _ = self.inner.shutdown().await;
    }
}

impl<S> UniqueID for Transport<S> {
    fn id(&self) -> UniqueIDType {
        self.socket
    }
}

impl<S> Ssl for Transport<S> {}

impl<S> Peek for Transport<S> {}

impl<S> GetTimingDigest for Transport<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S> GetProxyDigest for Transport<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<S> GetSocketDigest for Transport<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
