//! One request on a connection: judged, then forwarded or refused, and what follows it.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;

use super::body::len_of;
use super::connection::{Connection, fresh_id, write};
use super::discard::{MAX_DROPPED_BYTES, drop_body};
use super::forward::{Afterwards, Forward};
use super::gate::{Admitted, Gate};
use super::outcome::Forwarded;
use super::outgoing::Outgoing;
use super::refusal::{After, Refusal, Seen, UnreadBody};
use super::site::Site;
use crate::forwarding::{self, is_trusted};
use crate::handoff;
use crate::head::{Framing, Head};
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::target::TargetError;

/// How much of a request line is of use in a log.
const SKETCHED_BYTES: usize = 160;

/// One request and its answer.
pub(super) struct Exchange<'a> {
    pub(super) connection: &'a Connection,
    pub(super) site: &'a Arc<Site>,
    pub(super) head: Head,
}

impl Exchange<'_> {
    /// Returns the connection and what was read beyond this request, if it can serve another.
    pub(super) async fn run(
        self,
        stream: Stream,
        mut buffer: BytesMut,
    ) -> Option<(Stream, BytesMut)> {
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
            self.connection.refuse_and_close(stream, &refusal).await;
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
        match gate.judge(&received, &mut stream, &mut buffer).await {
            Err(refusal) => {
                self.explain(&received, &refusal, &request_id);
                if let Some(unread) = self.unread(&received, &refusal, &buffer) {
                    write(&mut stream, &refusal.response(After::Stay))
                        .await
                        .ok()?;
                    if drop_body(unread, &mut stream, &mut buffer).await {
                        return Some((stream, buffer));
                    }
                    self.connection.close(stream).await;
                    return None;
                }
                self.connection.refuse_and_close(stream, &refusal).await;
                None
            }
            Ok(admitted) => {
                let forwarding = self.forward(
                    admitted,
                    &mut received,
                    &mut stream,
                    !buffer.is_empty(),
                    &request_id,
                    received_at,
                );
                match forwarding.await {
                    Afterwards::Stay => return Some((stream, buffer)),
                    Afterwards::Close => self.connection.close(stream).await,
                    Afterwards::Cut => {}
                }
                None
            }
        }
    }

    async fn forward(
        &self,
        admitted: Admitted,
        received: &mut RequestHeader,
        stream: &mut Stream,
        has_next: bool,
        request_id: &str,
        received_at: Instant,
    ) -> Afterwards {
        let shared = &self.connection.shared;
        let is_persistent = self.is_persistent(received);
        let body_bytes = admitted.body.len();
        let outgoing = Outgoing {
            site: self.site,
            route: &admitted.route,
            permit: &admitted.permit,
            nominated: &admitted.nominated,
            framing: self.head.framing,
            body_bytes,
            peer: self.connection.peer_ip(),
            request_id,
        };
        let is_written = outgoing.rewrite(received).is_ok();
        let forward = Forward {
            shared,
            permit: &admitted.permit,
            route: &admitted.route,
            header: received,
            is_http11: self.head.is_http11,
            is_persistent,
            has_next,
            sender_patience: self.site.server.body_timeout,
        };
        let body = is_written.then_some(admitted.body);
        let (mut outcome, afterwards) = forward.run(body, stream).await;
        outcome.record(&Forwarded {
            route: &admitted.route,
            metrics: &shared.metrics,
            request_id,
            received_at,
            sender_waits: admitted.sender_waits,
            body_bytes,
        });
        // The room is given back once the answer is done, and the request is sent.
        let reservation = admitted.reservation;
        if let Some(unfinished) = outcome.unfinished.take() {
            tokio::spawn(async move {
                unfinished.finish().await;
                drop(reservation);
            });
        }
        afterwards
    }

    /// Whether the sender's connection can serve another request.
    fn is_persistent(&self, received: &RequestHeader) -> bool {
        self.head.is_http11 && handoff::is_persistent(&received.headers)
    }

    /// What of a refused request is still to come before a next one can follow; `None` if that cannot
    /// be told, or is too much, and the connection has to end.
    ///
    /// A 401 does not announce that its connection ends, and a proxy in front that has sent all of a
    /// request takes the connection for the next sender's. So whatever the sender sends to the end of
    /// its request is read and dropped.
    fn unread(
        &self,
        received: &RequestHeader,
        refusal: &Refusal,
        buffer: &BytesMut,
    ) -> Option<Framing> {
        let is_persistent = self.is_persistent(received) && refusal.reason != Reason::BadRequest;
        let unread = match refusal.unread {
            UnreadBody::Nothing => Framing::None,
            UnreadBody::All => self.head.framing,
            UnreadBody::Unclear => return None,
        };
        let has_next = |unread| match unread {
            Framing::None => !buffer.is_empty(),
            Framing::Length(length) => length < len_of(buffer),
            Framing::Chunked => false,
        };
        let is_there = match unread {
            Framing::None => true,
            Framing::Length(length) => length <= len_of(buffer),
            Framing::Chunked => false,
        };
        // Who waits to be told to go on need not send the body once it was told not to.
        let is_certain = is_there || !received.headers.contains_key(http::header::EXPECT);
        // A server that stops still serves what was sent before its sender could know.
        let is_wanted = !self.connection.is_draining() || has_next(unread);
        let is_too_large = matches!(unread, Framing::Length(length) if length > MAX_DROPPED_BYTES);
        (is_persistent && is_certain && is_wanted && !is_too_large).then_some(unread)
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

/// Takes the connection out of a session that Pingora would only close.
fn into_stream(session: ServerSession) -> Option<Stream> {
    match session {
        ServerSession::H1(session) => Some(session.into_inner()),
        _ => None,
    }
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
