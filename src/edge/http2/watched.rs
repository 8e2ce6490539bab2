//! The stream of an HTTP/2 connection, with an eye on the frames that arrive.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::frames::{Frames, Mark};
use crate::last_in_line::LastInLine;

/// How many bytes are read in a turn of the connection's task, about. Then what has come of the bodies is taken before
/// more is read: it is hashed while it is in the CPU's caches.
const TURN: usize = 256 << 10;

/// What has come on a connection, for those who look at it while it is read.
pub(super) struct Look {
    frames: Mutex<Frames>,
    /// The sender does not take what there is for it.
    is_blocked: AtomicBool,
    /// How many bytes are read in a turn.
    turn: AtomicUsize,
    /// How many may still be read in this turn.
    may_read: AtomicUsize,
    /// Notified when a field section begins that is not finished, and when a flood does.
    pub(super) changed: Notify,
    /// The stream, once the library has done with it.
    released: Mutex<Option<Stream>>,
}

impl Look {
    /// Of a connection whose fields may have so many bytes.
    pub(super) fn new(max_field_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            frames: Mutex::new(Frames::new(Instant::now(), max_field_bytes)),
            is_blocked: AtomicBool::new(false),
            turn: AtomicUsize::new(TURN),
            may_read: AtomicUsize::new(TURN),
            changed: Notify::new(),
            released: Mutex::new(None),
        })
    }

    /// Since when a field section has been unfinished, if one is.
    pub(super) fn unfinished_since(&self) -> Option<Instant> {
        self.with(|frames| frames.unfinished_since())
    }

    /// More frames that serve nothing have come than may.
    pub(super) fn is_flooded(&self) -> bool {
        self.with(|frames| frames.is_flooded())
    }

    /// Forgets what is wrong with requests before this stream's.
    pub(super) fn forget_before(&self, stream: u32) {
        self.with(|frames| frames.forget_before(stream));
    }

    /// Whether a stream has this mark, told once.
    pub(super) fn take_mark(&self, stream: u32, mark: Mark) -> bool {
        self.with(|frames| frames.take_mark(stream, mark))
    }

    /// Whether the sender does not take what there is for it.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Runs a connection: each time that its task is woken is a turn, which comes when everybody else who is ready had
    /// his.
    pub(super) async fn in_turns(&self, mut connection: Pin<&mut impl Future<Output = ()>>) {
        let mut line = LastInLine::default();
        poll_fn(|context| {
            // After a turn that ended because it may not read more, it is at the end of the line already: `may_read` has
            // woken the task while it ran.
            if self.may_read.load(Ordering::Relaxed) > 0 {
                ready!(line.poll_turn(context));
            }
            let turn = self.turn.load(Ordering::Relaxed);
            self.may_read.store(turn, Ordering::Relaxed);
            connection.as_mut().poll(context)
        })
        .await;
    }

    /// From now on all that comes is read at once: the connection is going, and is closed when nothing comes. If
    /// anything were unread then, the system would reset it, and an answer on its way would be lost.
    pub(super) fn read_all(&self) {
        self.turn.store(usize::MAX, Ordering::Relaxed);
        self.may_read.store(usize::MAX, Ordering::Relaxed);
    }

    /// The stream of a connection that the library has let go of.
    pub(super) fn take_released(&self) -> Option<Stream> {
        self.released().take()
    }

    fn released(&self) -> MutexGuard<'_, Option<Stream>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more may be read in this turn. Otherwise the next one comes as soon as others had theirs.
    fn may_read(&self, context: &Context<'_>) -> bool {
        let may_read = self.may_read.load(Ordering::Relaxed) > 0;
        if !may_read {
            context.waker().wake_by_ref();
        }
        may_read
    }

    fn tried_to_write(&self, tried: &Poll<std::io::Result<usize>>) {
        self.is_blocked.store(tried.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(count)) = tried {
            self.with(|frames| frames.wrote(*count));
        }
    }

    fn read(&self, bytes: &[u8]) {
        let may_read = self.may_read.load(Ordering::Relaxed);
        let left = may_read.saturating_sub(bytes.len());
        self.may_read.store(left, Ordering::Relaxed);
        let is_news = self.with(|frames| {
            let before = (frames.unfinished_since(), frames.is_flooded());
            frames.read(bytes, Instant::now());
            before != (frames.unfinished_since(), frames.is_flooded())
        });
        if is_news {
            self.changed.notify_one();
        }
    }

    fn with<T>(&self, take: impl FnOnce(&mut Frames) -> T) -> T {
        take(&mut self.frames.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream, of which some bytes may have been read already. It is left to those who look, once this is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    /// `None` while it is dropped.
    stream: Option<Stream>,
    read_before: Bytes,
    look: LookRef,
}

struct LookRef(Arc<Look>);

impl std::fmt::Debug for LookRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

impl Watched {
    /// `read_before` was read from the stream, and is read again first.
    pub(super) fn new(stream: Stream, read_before: Bytes, look: Arc<Look>) -> Self {
        Self {
            stream: Some(stream),
            read_before,
            look: LookRef(look),
        }
    }

    fn stream(&mut self) -> std::io::Result<Pin<&mut Stream>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.look.0.may_read(context) {
            return Poll::Pending;
        }
        let before = room.filled().len();
        if self.read_before.is_empty() {
            ready!(self.stream()?.poll_read(context, room))?;
        } else {
            let count = self.read_before.len().min(room.remaining());
            room.put_slice(self.read_before.get(..count).unwrap_or_default());
            self.read_before.advance(count);
        }
        self.look
            .0
            .read(room.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let tried = self.stream()?.poll_write(context, bytes);
        self.look.0.tried_to_write(&tried);
        tried
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let tried = self.stream()?.poll_write_vectored(context, bytes);
        self.look.0.tried_to_write(&tried);
        tried
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_write_vectored)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        *self.look.0.released() = self.stream.take();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;
    use crate::transport;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_has_come_is_taken_before_more_is_read() {
        const PIECE: usize = 16 << 10;
        let (mut sender, ours) = duplex(4 * TURN);
        sender.write_all(&vec![0; 4 * TURN]).await.unwrap();
        let stream = transport::stream(ours, 0);
        let look = Look::new(100);
        let mut watched = Watched::new(stream, Bytes::new(), Arc::clone(&look));
        let mut bytes = vec![0; PIECE];
        let pieces = Cell::new(0);
        let mut reading = pin!(poll_fn(|context| {
            // Asked again and again, as the library does for every stream that it hands out.
            for _ in 0..10 {
                let mut is_read = true;
                while is_read {
                    let room = &mut ReadBuf::new(&mut bytes);
                    is_read = Pin::new(&mut watched).poll_read(context, room).is_ready();
                    pieces.set(pieces.get() + usize::from(is_read));
                }
            }
            Poll::Pending
        }));
        let mut reading = pin!(look.in_turns(reading.as_mut()));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for turns in [0, 1, 2] {
            assert!(reading.as_mut().poll(&mut context).is_pending());
            assert_eq!(pieces.get(), turns * TURN / PIECE);
            assert!(woken.0.swap(false, Ordering::Relaxed), "nobody reads on");
        }
        look.read_all();
        for _ in 0..2 {
            assert!(reading.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(pieces.get(), 4 * TURN / PIECE);
    }
}
