//! One connection from a sender, from its first byte to its last.
//!
//! Requests are read here and not by Pingora: the time limits are for a whole header and a whole
//! body and not for one read, the raw bytes are checked strictly before a lenient parser sees them,
//! and an idle connection can be told to go. Pingora parses a header that passed, and writes the
//! answers to what was permitted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::budget::Budget;
use super::connections::Ticket;
use super::forward::{self, Forwarder, Job};
use super::gate::{Admitted, Gate};
use super::outgoing::Outgoing;
use super::refusal::{Refusal, Seen, UnreadBody};
use super::site::Site;
use crate::forwarding::{self, is_trusted};
use crate::handoff;
use crate::head::{self, Framing, Head};
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::target::TargetError;

/// Headers of webhooks fit in this; longer ones grow the buffer.
const INITIAL_BUFFER_BYTES: usize = 4 << 10;
/// After a refusal, what is still arriving is read and thrown away for at most this long, so that
/// closing does not destroy the answer on its way (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(5);
/// And at most this much of it.
const LINGER_BYTES: usize = 32 << 20;
/// How much of a request line is of use in a log.
const SKETCHED_BYTES: usize = 160;

/// What all connections share.
pub(super) struct Shared {
    pub(super) site: Arc<Site>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) budget: Arc<Budget>,
    pub(super) proxy: Arc<HttpProxy<Forwarder>>,
    pub(super) shutdown: ShutdownWatch,
}

/// A connection and its sender.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) ticket: Ticket,
    pub(super) peer: SocketAddr,
}

/// What reading a header came to.
enum Next {
    Request(Head),
    Refused(Refusal),
    /// Nothing (more) to serve.
    Closed,
}

impl Connection {
    /// Serves requests until one side is done.
    pub(super) async fn serve(self, mut stream: Stream) {
        let mut buffer = BytesMut::new();
        let mut is_first = true;
        loop {
            let site = Arc::clone(&self.shared.site);
            let next = self
                .next_head(&site, &mut stream, &mut buffer, is_first)
                .await;
            is_first = false;
            match next {
                Next::Closed => return,
                Next::Refused(refusal) => {
                    self.record_unparsed(&site, &refusal, &buffer);
                    return refuse_and_close(stream, &refusal).await;
                }
                Next::Request(head) => {
                    let exchange = Exchange {
                        connection: &self,
                        site: &site,
                        head,
                    };
                    match exchange.run(stream, std::mem::take(&mut buffer)).await {
                        Some((kept, rest)) => (stream, buffer) = (kept, rest),
                        None => return,
                    }
                }
            }
        }
    }

    /// Records the refusal of a request of which there are only bytes.
    fn record_unparsed(&self, site: &Site, refusal: &Refusal, bytes: &[u8]) {
        let sketch = head::sketch(bytes);
        let seen = Seen {
            request_id: &fresh_id(),
            client: &self.peer_ip().to_string(),
            method: sketch.map_or("", |(method, _)| method),
            path: sketch.map(|(_, path)| path),
        };
        refusal.record(site, &self.shared.metrics, &seen);
    }

    fn peer_ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    fn is_draining(&self) -> bool {
        *self.shared.shutdown.borrow()
    }

    async fn next_head(
        &self,
        site: &Site,
        stream: &mut Stream,
        buffer: &mut BytesMut,
        is_first: bool,
    ) -> Next {
        skip_empty_lines(buffer);
        if buffer.is_empty() && !self.first_bytes(site, stream, buffer, is_first).await {
            return Next::Closed;
        }
        let reading = read_head(stream, buffer, site.server.max_header_bytes);
        timeout(site.server.header_timeout, reading)
            .await
            .unwrap_or(Next::Closed)
    }

    /// Waits for a request to begin. `false` if none will.
    async fn first_bytes(
        &self,
        site: &Site,
        stream: &mut Stream,
        buffer: &mut BytesMut,
        is_first: bool,
    ) -> bool {
        let patience = if is_first {
            site.server.header_timeout
        } else {
            self.ticket.set_idle();
            site.server.keepalive_timeout
        };
        let mut shutdown = self.shared.shutdown.clone();
        let beginning = async {
            // Empty lines do not begin a request.
            while buffer.is_empty() {
                buffer.reserve(INITIAL_BUFFER_BYTES);
                if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
                    return false;
                }
                skip_empty_lines(buffer);
            }
            true
        };
        let has_begun = tokio::select! {
            biased;
            has_begun = timeout(patience, beginning) => has_begun.unwrap_or(false),
            () = self.ticket.evicted() => false,
            _ = shutdown.wait_for(|is_stopping| *is_stopping), if !is_first => false,
        };
        self.ticket.set_busy() && has_begun
    }
}

/// Reads until the header is complete, and checks it.
async fn read_head(stream: &mut Stream, buffer: &mut BytesMut, max_bytes: usize) -> Next {
    let bad =
        |error: head::HeadError| Next::Refused(Refusal::text(Reason::BadRequest, error.as_str()));
    let mut searched = 0;
    loop {
        skip_empty_lines(buffer);
        let end = match head::find_end(buffer, searched) {
            Ok(end) => end,
            Err(error) => return bad(error),
        };
        if end.unwrap_or(buffer.len()) > max_bytes {
            return Next::Refused(Refusal {
                status: Some(431),
                ..Refusal::text(Reason::BadRequest, "the header is over max_header_bytes")
            });
        }
        if let Some(end) = end {
            let head = head::read(buffer.get(..end).unwrap_or_default());
            return head.map_or_else(bad, Next::Request);
        }
        searched = buffer.len();
        buffer.reserve(INITIAL_BUFFER_BYTES);
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Next::Closed,
        }
    }
}

/// An empty line before the request line is to be ignored (RFC 9112 section 2.2).
fn skip_empty_lines(buffer: &mut BytesMut) {
    while buffer.starts_with(b"\r\n") {
        let _ = buffer.split_to(2);
    }
}

/// One request and its answer.
struct Exchange<'a> {
    connection: &'a Connection,
    site: &'a Arc<Site>,
    head: Head,
}

impl Exchange<'_> {
    /// Returns the connection and what was read beyond this request, if it can serve another.
    async fn run(self, stream: Stream, mut buffer: BytesMut) -> Option<(Stream, BytesMut)> {
        let received_at = Instant::now();
        let shared = &self.connection.shared;
        let _in_flight = InFlight::new(&shared.metrics);
        let head = buffer.split_to(self.head.len);
        let sketched = first_bytes(&head);
        let (mut stream, received) = parse(stream, head).await?;
        let Some(mut received) = received else {
            let refusal = if self.head.has_unsound_target {
                Refusal::text(Reason::BadTarget, TargetError::Bytes.to_string())
            } else {
                Refusal::text(Reason::BadRequest, "the header cannot be parsed")
            };
            self.connection
                .record_unparsed(self.site, &refusal, &sketched);
            refuse_and_close(stream, &refusal).await;
            return None;
        };
        let request_id = handoff::request_id(&received.headers, fresh_id);
        let gate = Gate {
            site: self.site,
            metrics: &shared.metrics,
            budget: &shared.budget,
            peer: self.connection.peer_ip(),
            head: self.head,
        };
        let is_persistent = handoff::is_persistent(&received.headers, self.head.is_http11)
            && !self.connection.is_draining();
        match gate.judge(&received, &mut stream, &mut buffer).await {
            Err(refusal) => {
                self.explain(&received, &refusal, &request_id);
                if is_persistent && self.has_left(&refusal, &mut buffer) {
                    write(&mut stream, &refusal.response()).await.ok()?;
                    return Some((stream, buffer));
                }
                refuse_and_close(stream, &refusal).await;
                None
            }
            Ok(admitted) => {
                let outgoing = Outgoing {
                    site: self.site,
                    route: &admitted.route,
                    permit: &admitted.permit,
                    nominated: &admitted.nominated,
                    framing: self.head.framing,
                    body_bytes: admitted.body.len(),
                    peer: self.connection.peer_ip(),
                    request_id: &request_id,
                };
                if let Err(error) = outgoing.rewrite(&mut received) {
                    let (route, error) = (&*admitted.route.name, error.etype().as_str());
                    tracing::error!(event = "forwarding_failed", route, request_id, error);
                    return None;
                }
                let responder = self.responder(stream, &received, is_persistent).await?;
                let stream = self
                    .forward(responder, received, admitted, request_id, received_at)
                    .await?;
                Some((stream, buffer))
            }
        }
    }

    /// Pingora's session for writing the answer. The request was read without it, so it is given a
    /// header with what an answer depends on: the method, the version, and whether to stay.
    async fn responder(
        &self,
        stream: Stream,
        received: &RequestHeader,
        is_persistent: bool,
    ) -> Option<ServerSession> {
        let method = received.method.as_str();
        let minor = u8::from(self.head.is_http11);
        let connection = if is_persistent { "keep-alive" } else { "close" };
        let head =
            format!("{method} / HTTP/1.{minor}\r\nHost: x\r\nConnection: {connection}\r\n\r\n");
        let mut session = ServerSession::new_http1(stream);
        session.set_pipelined_prefix(BytesMut::from(head.as_str()));
        session.set_write_timeout(Some(self.site.server.body_timeout));
        matches!(session.read_request().await, Ok(true)).then_some(session)
    }

    /// Returns the connection if it can serve another request.
    async fn forward(
        &self,
        responder: ServerSession,
        header: RequestHeader,
        admitted: Admitted,
        request_id: String,
        received_at: Instant,
    ) -> Option<Stream> {
        let shared = &self.connection.shared;
        let job = Job {
            permit: admitted.permit,
            route: admitted.route,
            metrics: Arc::clone(&shared.metrics),
            request_id,
            sender_waits: admitted.sender_waits,
            received_at,
            is_http11: self.head.is_http11,
            reservation: admitted.reservation,
        };
        let returned = forward::forward(
            &shared.proxy,
            job,
            responder,
            header,
            admitted.body,
            &shared.shutdown,
        )
        .await?;
        let stays = returned.is_complete && returned.session.get_keepalive().is_some();
        into_stream(returned.session).filter(|_| stays)
    }

    /// Whether all of a refused request has left the connection, so that a next one can follow. A
    /// body that has arrived is dropped.
    fn has_left(&self, refusal: &Refusal, buffer: &mut BytesMut) -> bool {
        if refusal.reason == Reason::BadRequest {
            return false;
        }
        match (refusal.unread, self.head.framing) {
            (UnreadBody::Nothing, _) | (UnreadBody::All, Framing::None) => true,
            (UnreadBody::All, Framing::Length(length)) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let has_arrived = buffer.len() >= length;
                if has_arrived {
                    buffer.advance(length);
                }
                has_arrived
            }
            (UnreadBody::All, Framing::Chunked) | (UnreadBody::Unclear, _) => false,
        }
    }

    fn explain(&self, received: &RequestHeader, refusal: &Refusal, request_id: &str) {
        let path = received.raw_path().split(|byte| *byte == b'?').next();
        let peer = self.connection.peer_ip();
        let server = &self.site.server;
        let reported = if is_trusted(peer, &server.trusted_proxies) {
            forwarding::reported(&received.headers, server.forwarding).unwrap_or_default()
        } else {
            forwarding::Reported::default()
        };
        let client = reported.client.unwrap_or_else(|| peer.to_string());
        let seen = Seen {
            request_id,
            client: &client,
            method: received.method.as_str(),
            path,
        };
        refusal.record(self.site, &self.connection.shared.metrics, &seen);
    }
}

/// Has Pingora parse a complete head. The connection is not read from; the header is `None` if it
/// cannot be parsed.
async fn parse(stream: Stream, head: BytesMut) -> Option<(Stream, Option<RequestHeader>)> {
    let mut session = ServerSession::new_http1(stream);
    session.set_pipelined_prefix(head);
    let is_parsed = matches!(session.read_request().await, Ok(true));
    let header = is_parsed.then(|| session.req_header().clone());
    Some((into_stream(session)?, header))
}

/// The beginning of a head, for the log in case it cannot be parsed: parsing takes the head.
fn first_bytes(head: &[u8]) -> [u8; SKETCHED_BYTES] {
    let mut first = [0; SKETCHED_BYTES];
    for (slot, byte) in first.iter_mut().zip(head) {
        *slot = *byte;
    }
    first
}

/// 128 random bits in hexadecimal.
fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Takes the connection out of a session that Pingora would only close.
fn into_stream(session: ServerSession) -> Option<Stream> {
    match session {
        ServerSession::H1(session) => Some(session.into_inner()),
        _ => None,
    }
}

async fn write(stream: &mut Stream, response: &[u8]) -> std::io::Result<()> {
    timeout(LINGER, async {
        stream.write_all(response).await?;
        stream.flush().await
    })
    .await
    .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Answers, ends our side, and reads a while longer so that the answer is not lost.
async fn refuse_and_close(mut stream: Stream, refusal: &Refusal) {
    if write(&mut stream, &refusal.response()).await.is_err() {
        return;
    }
    let draining = async {
        AsyncWriteExt::shutdown(&mut stream).await?;
        let mut discarded = BytesMut::with_capacity(INITIAL_BUFFER_BYTES);
        let mut total = 0_usize;
        while total < LINGER_BYTES {
            let read = stream.read_buf(&mut discarded).await?;
            if read == 0 {
                break;
            }
            total = total.saturating_add(read);
            discarded.clear();
        }
        std::io::Result::Ok(())
    };
    // Whatever it came to, the connection ends here.
    let _ = timeout(LINGER, draining).await;
}

/// Counts a request while it is being served.
struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.requests_in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.requests_in_flight.dec();
    }
}
