//! One HTTP/2 connection from a sender, from its preface to its last stream.
//!
//! Pingora begins the connection, with bounds on what a sender may make it hold. Its streams are taken from
//! the library directly: Pingora's session for a stream puts its own `Date` over the app's. Each stream is
//! served in a task of its own, which outlives the connection: the app gets the whole request and its answer
//! is awaited even if the sender goes away.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection as H2Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use pingora::protocols::http::v2::server::{default_h2_options, handshake};
use pingora::protocols::{Stream, UniqueIDType};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::frames::Mark;
use super::parting::{LOOK_EVERY, has_received, read_until_received};
use super::watched::{Look, Watched};
use crate::edge::connection::Connection;
use crate::time_limit::after;
use crate::transport;

/// How much a sender may send of a stream's body before it is read, in bytes.
const STREAM_WINDOW: u32 = 128 << 10;
/// How much of all bodies of a connection.
const CONNECTION_WINDOW: u32 = 512 << 10;
/// How much of an answer waits for its sender, in bytes.
const SEND_BUFFER: usize = 64 << 10;
/// Requests of a connection at once. Each may need a connection to an app.
const MAX_STREAMS: u32 = 32;
/// What the library counts for each field besides its bytes (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD: usize = 32;
/// The strict reader refuses more fields.
const MAX_FIELDS: usize = 256;
/// How long a connection that is asked to go may take to end.
const GOING: Duration = Duration::from_secs(1);
/// How long one may take to leave its place to a newcomer, who waits for two seconds.
const CLOSING_FOR_A_NEWCOMER: Duration = Duration::from_millis(100);

type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

/// How many streams are being served.
#[derive(Default)]
struct Count {
    streams: AtomicUsize,
    /// Notified when the last of them has ended.
    all_ended: Notify,
}

/// Counts a stream while it is served.
struct Serving(Arc<Count>);

impl Serving {
    fn new(count: &Arc<Count>) -> Self {
        count.streams.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.0.streams.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.all_ended.notify_one();
        }
    }
}

/// Why a connection is looked at again.
enum Event {
    Accepted(Box<Accepted>),
    /// The connection is over.
    Over,
    /// The last stream ended, a field section began, or a flood did.
    Changed,
    /// A field section did not end in time.
    TooSlow,
    /// It is to take no further streams: there has been none for long, it was asked to go, or the server stops.
    ToGo,
}

/// Serves the streams of a connection until one side is done. `read_before` was read from it already.
pub(in crate::edge) async fn serve(
    connection: Arc<Connection>,
    stream: Stream,
    read_before: Bytes,
) {
    let max_header_bytes = connection.shared.active.load().server.max_header_bytes;
    let look = Look::new(max_header_bytes);
    let socket = stream.id();
    // What it takes to begin is not kept while the streams are served.
    let beginning = Box::pin(begin(&connection, stream, read_before, &look));
    let Some(h2) = beginning.await else {
        return;
    };
    let streams = Streams {
        connection,
        socket,
        look,
        count: Arc::default(),
        idle_since: None,
        going_until: None,
        was_up_to_date: false,
        read_until: None,
    };
    let look = Arc::clone(&streams.look);
    // By reference: what is moved in has its room twice.
    look.in_turns(pin!(streams.run(h2))).await;
}

/// Exchanges the prefaces. `None` if the sender does not in time, or the connection is to go.
async fn begin(
    connection: &Connection,
    stream: Stream,
    read_before: Bytes,
    look: &Arc<Look>,
) -> Option<H2Connection<Stream, Bytes>> {
    let limits = connection.shared.active.load_full();
    let socket = stream.id();
    let watched = Watched::new(stream, read_before, Arc::clone(look));
    let mut options = default_h2_options();
    let max_fields = MAX_FIELDS.saturating_mul(FIELD_OVERHEAD);
    let max_header = limits.server.max_header_bytes.saturating_add(max_fields);
    options
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(max_header).unwrap_or(u32::MAX));
    let beginning = timeout(
        limits.server.header_timeout,
        handshake(transport::stream(watched, socket), Some(options)),
    );
    tokio::select! {
        biased;
        begun = beginning => begun.ok()?.ok(),
        () = connection.may_not_begin() => None,
    }
}

/// A connection and its streams.
struct Streams {
    connection: Arc<Connection>,
    socket: UniqueIDType,
    look: Arc<Look>,
    count: Arc<Count>,
    /// Since when there has been no stream.
    idle_since: Option<Instant>,
    /// It takes no further streams, and ends by then if it has none.
    going_until: Option<Instant>,
    /// Its sender had received every answer when it was told so.
    was_up_to_date: bool,
    /// How long a sender may then take to read what there is for it.
    read_until: Option<Instant>,
}

impl Streams {
    async fn run(mut self, mut h2: H2Connection<Stream, Bytes>) {
        loop {
            if self.look.is_flooded() {
                self.log_flood();
                h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                break;
            }
            self.note_idleness();
            match self.next(&mut h2).await {
                Event::Accepted(accepted) => self.begin(*accepted),
                Event::Changed => {}
                Event::Over => break,
                Event::TooSlow => {
                    h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    break;
                }
                Event::ToGo if self.going_until.is_some() => {
                    if !self.awaits_reader() {
                        // Streams that come now are not begun, and the sender is told so.
                        h2.abrupt_shutdown(Reason::NO_ERROR);
                        break;
                    }
                    self.going_until = Some(after(LOOK_EVERY));
                }
                Event::ToGo => {
                    self.was_up_to_date = self.is_up_to_date();
                    h2.graceful_shutdown();
                    self.look.read_all();
                    self.going_until = Some(after(GOING));
                    self.read_until = Some(self.may_read_until());
                }
            }
        }
        // What was written last has a moment to leave. A newcomer waits for the place of one that was asked to go.
        let ticket = &self.connection.ticket;
        let moment = if ticket.is_asked() {
            CLOSING_FOR_A_NEWCOMER
        } else {
            GOING
        };
        let closing = std::future::poll_fn(|context| h2.poll_closed(context));
        let is_closed = timeout(moment, closing).await.is_ok();
        drop(h2);
        let released = self.look.take_released();
        let has_more_to_read = is_closed && !self.was_up_to_date && !ticket.is_asked();
        if let Some(stream) = released.filter(|_| has_more_to_read) {
            self.part(stream).await;
        }
    }

    /// Lets the sender read what it was sent, unless the connection is asked to go meanwhile. Requests of a sender that
    /// went away are served to their end.
    async fn part(&self, stream: Stream) {
        let ticket = &self.connection.ticket;
        let asked_to_go = async {
            while self.count.streams.load(Ordering::SeqCst) > 0 {
                self.count.all_ended.notified().await;
            }
            if self.idle_since.is_none() {
                ticket.set_idle();
            }
            ticket.asked_to_go().await;
        };
        let read_until = self.read_until.unwrap_or_else(|| self.may_read_until());
        let limit = read_until.saturating_duration_since(Instant::now());
        tokio::select! {
            () = read_until_received(stream, limit) => {}
            () = asked_to_go => {}
        }
    }

    /// Until when a sender may read what there is for it, from now on.
    fn may_read_until(&self) -> Instant {
        after(self.connection.shared.active.load().server.body_timeout)
    }

    /// Whether answers wait for a sender who may still read them.
    fn awaits_reader(&self) -> bool {
        let may_read = self.read_until.is_some_and(|until| Instant::now() < until);
        self.look.is_blocked() && may_read && !self.connection.ticket.is_asked()
    }

    /// Whether the sender's system has received every answer, and a while ago.
    fn is_up_to_date(&self) -> bool {
        let idle = self.idle_since.map(|since| since.elapsed());
        idle.is_some_and(|idle| has_received(self.socket, idle))
    }

    fn log_flood(&self) {
        if self
            .connection
            .shared
            .active
            .load()
            .unrouted
            .refused
            .allows()
        {
            tracing::warn!(
                event = "connection_flooded",
                client = %self.connection.peer,
                "an HTTP/2 connection was ended: its frames cannot be read, or serve nothing"
            );
        }
    }

    /// Lets the connection be asked to go once it has no stream.
    fn note_idleness(&mut self) {
        let has_streams = self.count.streams.load(Ordering::SeqCst) > 0;
        if !has_streams && self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
            self.connection.ticket.set_idle();
        }
    }

    async fn next(&self, h2: &mut H2Connection<Stream, Bytes>) -> Event {
        let is_going = self.going_until.is_some();
        tokio::select! {
            biased;
            accepted = h2.accept() => match accepted {
                Some(Ok(accepted)) => Event::Accepted(Box::new(accepted)),
                Some(Err(_)) | None => Event::Over,
            },
            () = self.look.changed.notified() => Event::Changed,
            () = self.count.all_ended.notified() => Event::Changed,
            () = until(self.field_section_ends_by()) => Event::TooSlow,
            () = until(self.idle_ends_by()) => Event::ToGo,
            () = self.connection.ticket.asked_to_go(), if self.idle_since.is_some() => Event::ToGo,
            () = self.connection.stopping(), if !is_going => Event::ToGo,
        }
    }

    /// The end of the time limit for a field section that is unfinished.
    fn field_section_ends_by(&self) -> Option<Instant> {
        let since = Instant::from_std(self.look.unfinished_since()?);
        let active = self.connection.shared.active.load();
        since.checked_add(active.server.header_timeout)
    }

    /// When a connection without streams has waited long enough for one.
    fn idle_ends_by(&self) -> Option<Instant> {
        let since = self.idle_since?;
        let active = self.connection.shared.active.load();
        self.going_until
            .or_else(|| since.checked_add(active.server.keepalive_timeout))
    }

    /// Serves a stream.
    fn begin(&mut self, (request, mut respond): Accepted) {
        let stream = u32::from(respond.stream_id());
        self.look.forget_before(stream);
        if self.look.take_mark(stream, Mark::Malformed) {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            return;
        }
        let has_fragment = self.look.take_mark(stream, Mark::Fragment);
        self.was_up_to_date = false;
        if self.idle_since.take().is_some() {
            self.connection.ticket.set_busy();
        }
        let connection = Arc::clone(&self.connection);
        let look = Arc::clone(&self.look);
        let are_trailers_sound = move || !look.take_mark(stream, Mark::MalformedTrailers);
        let serving = Serving::new(&self.count);
        tokio::spawn(async move {
            let sound = Box::new(are_trailers_sound);
            // In a box of its own: tokio moves what is spawned several times, and this takes 7 KiB.
            Box::pin(connection.serve_stream(request, respond, has_fragment, sound)).await;
            drop(serving);
        });
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
