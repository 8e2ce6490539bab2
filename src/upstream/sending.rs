//! A connection to the app that sends a request while its answer is read.
//!
//! An app may answer before it has read the whole body, and may or may not go on reading it. If we wrote
//! the whole request before reading, an app that stops reading to answer would block us for ever; if we
//! stopped writing at the first byte of the answer, an app that answers early would never get the rest
//! of the event. So both go on at once: Pingora's client reads the answer through [`SendingStream`], and
//! every time it waits for input, more of the request is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::handoff::Outbound;

/// How many pieces are given to the system in one call.
const PIECES_AT_ONCE: usize = 16;

/// A request on its way to the app, and the connection that it takes.
#[derive(Debug)]
pub(crate) struct SendingStream {
    stream: Stream,
    pending: PendingRequest,
    /// Some of it was taken by the system.
    is_begun: bool,
    is_flushed: bool,
    has_failed: bool,
}

/// The bytes of a request that are still to be sent. It is made of an [`Outbound`] alone, and so of a
/// request that was permitted.
pub(crate) struct PendingRequest {
    head: Bytes,
    pieces: Vec<Bytes>,
    /// How many pieces were sent, and how many bytes of the one after them.
    sent_pieces: usize,
    sent_of_piece: usize,
}

impl PendingRequest {
    /// A request of which nothing was sent.
    pub(crate) fn new(outbound: Outbound) -> Self {
        let (head, pieces) = outbound.into_parts();
        Self {
            head,
            pieces,
            sent_pieces: 0,
            sent_of_piece: 0,
        }
    }

    /// The head, as far as it is still to be sent.
    pub(super) fn head(&self) -> &Bytes {
        &self.head
    }

    /// The body in pieces, sent ones included.
    pub(super) fn body(&self) -> &[Bytes] {
        &self.pieces
    }

    pub(super) fn has_no_body(&self) -> bool {
        self.pieces.iter().all(Bytes::is_empty)
    }

    fn is_empty(&self) -> bool {
        self.head.is_empty() && self.sent_pieces >= self.pieces.len()
    }

    /// The next slices, in order.
    fn slices(&self) -> ([io::IoSlice<'_>; PIECES_AT_ONCE], usize) {
        let mut slices = std::array::from_fn(|_| io::IoSlice::new(&[]));
        let pieces = self.pieces.get(self.sent_pieces..).unwrap_or_default();
        let first = pieces.first().map(|piece| piece.get(self.sent_of_piece..));
        let rest = pieces.iter().skip(1).map(|piece| &**piece);
        let parts = std::iter::once(&*self.head)
            .chain(first.flatten())
            .chain(rest)
            .filter(|part| !part.is_empty());
        let mut count = 0_usize;
        for (slot, part) in slices.iter_mut().zip(parts) {
            *slot = io::IoSlice::new(part);
            count = count.saturating_add(1);
        }
        (slices, count)
    }

    fn advance(&mut self, mut count: usize) {
        let of_head = count.min(self.head.len());
        self.head.advance(of_head);
        count = count.saturating_sub(of_head);
        while let Some(piece) = self.pieces.get(self.sent_pieces) {
            let left = piece.len().saturating_sub(self.sent_of_piece);
            if count < left {
                self.sent_of_piece = self.sent_of_piece.saturating_add(count);
                return;
            }
            count = count.saturating_sub(left);
            self.sent_pieces = self.sent_pieces.saturating_add(1);
            self.sent_of_piece = 0;
        }
    }
}

impl std::fmt::Debug for PendingRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingRequest").finish_non_exhaustive()
    }
}

impl SendingStream {
    pub(crate) fn new(stream: Stream, pending: PendingRequest) -> Self {
        Self {
            stream,
            pending,
            is_begun: false,
            is_flushed: false,
            has_failed: false,
        }
    }

    /// The upload inside a stream that Pingora's client was given.
    pub(crate) fn within(stream: &Stream) -> Option<&Self> {
        (**stream).as_any().downcast_ref()
    }

    /// Takes the upload out of a stream that Pingora's client was given.
    pub(crate) fn out_of(stream: Stream) -> Option<Self> {
        stream.into_any().downcast().ok().map(|upload| *upload)
    }

    /// The request, if nothing of it was taken by the system: it cannot have been processed.
    pub(crate) fn into_untouched(self) -> Option<PendingRequest> {
        (!self.is_begun).then_some(self.pending)
    }

    /// The whole request was taken by the system.
    pub(crate) fn is_complete(&self) -> bool {
        self.pending.is_empty() && self.is_flushed
    }

    /// The connection.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Sends what is left, and throws away what the app sends meanwhile. `false` if the app does not
    /// take it all.
    pub(crate) async fn complete(&mut self) -> bool {
        let mut discarded = [0; 4 << 10];
        std::future::poll_fn(|context| {
            loop {
                if let Poll::Ready(()) = self.poll_send(context) {
                    return Poll::Ready(self.is_complete());
                }
                let mut buffer = ReadBuf::new(&mut discarded);
                match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                    Ok(()) if !buffer.filled().is_empty() => {}
                    Ok(()) | Err(_) => return Poll::Ready(false),
                }
            }
        })
        .await
    }

    /// Sends as much as the system takes now. Ready once there is nothing more to be sent, or never
    /// will be: an app that closed its side has perhaps answered before.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.has_failed && !self.is_complete() {
            let progress = if self.pending.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_flush(context)).map(|()| {
                    self.is_flushed = true;
                    None
                })
            } else {
                let (slices, count) = self.pending.slices();
                let slices = slices.get(..count).unwrap_or_default();
                ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices)).map(Some)
            };
            match progress {
                Ok(Some(0)) => self.has_failed = true,
                Ok(Some(count)) => {
                    self.is_begun = true;
                    self.pending.advance(count);
                }
                Ok(None) => {}
                Err(_) => self.has_failed = true,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for SendingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Sending registers its own wake-up, so that waiting for either goes on with both.
        let _ = self.poll_send(context);
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// Pingora's client only reads through this; the request is sent by reading.
impl AsyncWrite for SendingStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        _bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for SendingStream {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

impl UniqueID for SendingStream {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for SendingStream {}

impl Peek for SendingStream {}

impl GetTimingDigest for SendingStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for SendingStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for SendingStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
