//! What there is to read on a kept connection to an app.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pingora::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::os::socket::{Arrived, arrived};

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
