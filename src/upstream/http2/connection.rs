//! One connection to an app and its streams.
//!
//! A task drives it: the library reads and writes as long as that task polls it. It ends with the connection,
//! or a moment after the connection was let go.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Connection as H2Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::Request;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use super::life::{Life, lock};
use super::transport::Transport;
use crate::os::descriptors::Descriptors;

/// Requests of a connection at once, where the app allows more.
const MAX_STREAMS: usize = 100;
/// How long a connection that is closed may take to say so.
const CLOSING: Duration = Duration::from_secs(1);
/// How long a connection is kept that has not served any request to its end.
const KEPT_AT_FIRST: Duration = Duration::from_secs(1);
/// What the measure of silence may be off.
const CLOCK_STEP: Duration = Duration::from_micros(2);
/// After how long without a sign of life an app with requests is asked for one. An app that answers neither
/// for as long again gets no further requests on this connection; those that it has wait on.
const SILENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Connection {
    /// Later connections have higher numbers.
    number: u64,
    is_tls: bool,
    life: Arc<Life>,
    use_: Mutex<Use>,
    /// Notified when there may be room for another request.
    room: Arc<Notify>,
    descriptors: Arc<Descriptors>,
}

struct Use {
    /// Opens streams. Gone once the connection is to be closed; it is closed when its last stream ends.
    requests: Option<SendRequest<Bytes>>,
    streams: usize,
    /// The app takes no further streams, or it is not known whether it does.
    is_leaving: bool,
    kept_for: Duration,
    idle_since: Instant,
    /// Since when it has had a request without a break.
    busy_since: Instant,
}

impl Connection {
    pub(super) fn new(
        number: u64,
        is_tls: bool,
        requests: SendRequest<Bytes>,
        life: Arc<Life>,
        room: Arc<Notify>,
        descriptors: Arc<Descriptors>,
    ) -> Arc<Self> {
        Arc::new(Self {
            number,
            is_tls,
            life,
            use_: Mutex::new(Use {
                requests: Some(requests),
                streams: 0,
                is_leaving: false,
                kept_for: KEPT_AT_FIRST,
                idle_since: Instant::now(),
                busy_since: Instant::now(),
            }),
            room,
            descriptors,
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A place for one request, if there is one.
    pub(super) fn lease(self: &Arc<Self>, now: Instant) -> Option<Lease> {
        let mut used = lock(&self.use_);
        if !used.may_serve(&self.life, now) {
            return None;
        }
        if used.streams == 0 {
            used.busy_since = now;
        }
        used.streams = used.streams.saturating_add(1);
        Some(Lease {
            connection: Arc::clone(self),
            since: now,
            stream: None,
        })
    }

    /// Closes it if no request uses it. Returns whether it was open.
    pub(super) fn close_unused(&self) -> bool {
        let mut used = lock(&self.use_);
        used.streams == 0 && self.close(&mut used)
    }

    fn close(&self, used: &mut Use) -> bool {
        let was_open = used.requests.take().is_some() && !self.life.is_over();
        drop(self.life.take_slot());
        self.life.close.notify_one();
        was_open
    }

    /// Whether it may serve, now or after a request that it serves.
    pub(super) fn is_open(&self) -> bool {
        let used = lock(&self.use_);
        used.requests.is_some() && !self.life.is_over()
    }

    /// Whether no request uses it.
    pub(super) fn is_unused(&self) -> bool {
        let used = lock(&self.use_);
        used.streams == 0 && used.requests.is_some() && !self.life.is_over()
    }

    /// Closes it if it is of no use any more, and looks whether the app is still there. Returns whether it
    /// may serve again. Call it about once a second.
    pub(super) fn look(&self, now: Instant) -> bool {
        let mut used = lock(&self.use_);
        if used.streams == 0 && !used.is_fresh(now) {
            used.is_leaving = true;
        }
        if used.silence(&self.life, now) >= SILENCE {
            self.life.ping.notify_one();
        }
        if used.is_leaving && used.streams == 0 {
            self.close(&mut used);
        }
        used.requests.is_some() && !self.life.is_over()
    }

    /// A request that had a place `since` then has ended.
    fn release(&self, since: Instant) {
        let now = Instant::now();
        let mut used = lock(&self.use_);
        used.streams = used.streams.saturating_sub(1);
        // The app was silent all that time: perhaps the connection leads nowhere any more.
        let lasted = now.saturating_duration_since(since);
        used.is_leaving |= self.life.silence(now) > lasted.saturating_add(CLOCK_STEP);
        if used.streams == 0 {
            used.idle_since = now;
            // Until now the account of one of its requests stood for it.
            if !self.life.has_slot() {
                match self.descriptors.try_reserve() {
                    Some(slot) => self.life.set_slot(slot),
                    None => used.is_leaving = true,
                }
            }
            if used.is_leaving || used.kept_for.is_zero() {
                self.close(&mut used);
            }
        }
        drop(used);
        self.room.notify_one();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.life.close.notify_one();
    }
}

impl Use {
    fn may_serve(&mut self, life: &Life, now: Instant) -> bool {
        if self.is_leaving || life.is_over() || !self.is_fresh(now) {
            return false;
        }
        let is_silent = self.silence(life, now) >= SILENCE.saturating_mul(2);
        let Some(requests) = &mut self.requests else {
            return false;
        };
        let max = requests.current_max_send_streams().min(MAX_STREAMS);
        if self.streams >= max || is_silent {
            return false;
        }
        // After a GOAWAY, or an error, it takes no more.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Err(_)) = requests.poll_ready(&mut context) {
            self.is_leaving = true;
            return false;
        }
        true
    }

    /// For how long the app has been silent though there were requests.
    fn silence(&self, life: &Life, now: Instant) -> Duration {
        if self.streams == 0 {
            return Duration::ZERO;
        }
        let busy = now.saturating_duration_since(self.busy_since);
        life.silence(now).min(busy)
    }

    /// Its idle time is not over.
    fn is_fresh(&self, now: Instant) -> bool {
        self.streams > 0 || now.saturating_duration_since(self.idle_since) < self.kept_for
    }
}

/// A place for one request on a connection.
pub(crate) struct Lease {
    connection: Arc<Connection>,
    since: Instant,
    stream: Option<u32>,
}

impl Lease {
    /// The number of the connection.
    pub(super) fn number(&self) -> u64 {
        self.connection.number
    }

    /// The app speaks TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.connection.is_tls
    }

    /// Opens the stream of the request. `is_whole`: there is no body.
    pub(super) fn open(
        &mut self,
        head: Request<()>,
        is_whole: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let requests = lock(&self.connection.use_).requests.clone();
        let closed = || h2::Error::from(h2::Reason::CANCEL);
        let (answer, stream) = requests.ok_or_else(closed)?.send_request(head, is_whole)?;
        self.stream = Some(stream.stream_id().as_u32());
        Ok((answer, stream))
    }

    /// How long the connection may be idle after its last request.
    pub(super) fn keep_for(&self, idle_timeout: Duration) {
        lock(&self.connection.use_).kept_for = idle_timeout;
    }

    /// Whether the system took all of the request.
    pub(super) fn is_written(&self) -> bool {
        let life = &self.connection.life;
        self.stream.is_some_and(|stream| life.has_ended(stream))
    }

    /// Returns when the system has taken all of the request, or takes nothing more.
    pub(super) async fn until_written(&self) {
        let life = &self.connection.life;
        life.until(|life| life.is_over() || self.is_written()).await;
    }

    /// Whether the connection is over, and nothing of the request was given to the system. A connection that
    /// is about to end may take until `deadline`.
    pub(super) async fn never_began(&self, deadline: Instant) -> bool {
        let life = &self.connection.life;
        let has_begun = || self.stream.is_some_and(|stream| life.has_begun(stream));
        if has_begun() {
            return false;
        }
        let now = Instant::now();
        let soon = now.checked_add(CLOSING).unwrap_or(now).min(deadline);
        let ended = timeout_at(soon, life.until(Life::is_over)).await;
        ended.is_ok() && !has_begun()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(stream) = self.stream {
            self.connection.life.forget(stream);
        }
        self.connection.release(self.since);
    }
}

/// Says that a connection is over, however its task ends.
struct Over(Arc<Life>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.set_over();
    }
}

/// Reads and writes a connection until it is over.
pub(super) async fn drive(mut connection: H2Connection<Transport, Bytes>, life: Arc<Life>) {
    let over = Over(Arc::clone(&life));
    let pings = connection.ping_pong();
    tokio::select! {
        biased;
        _ = &mut connection => {}
        () = life.close.notified() => {
            let _ = timeout(CLOSING, &mut connection).await;
        }
        () = answer_pings(pings, &life) => {}
    }
    drop(connection);
    drop(over);
}

/// Sends a PING whenever that is asked for. Its answer is a sign of life like everything that is read.
async fn answer_pings(pings: Option<PingPong>, life: &Life) {
    if let Some(mut pings) = pings {
        loop {
            life.ping.notified().await;
            if pings.ping(Ping::opaque()).await.is_err() {
                break;
            }
        }
    }
    // The connection says itself that it is over.
    std::future::pending().await
}
