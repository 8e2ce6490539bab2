//! One request on a connection: judged, then forwarded or refused, and what follows it.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;

use super::connection::{Connection, close, fresh_id, refuse_and_close, write};
use super::forward::{self, Job};
use super::gate::{Admitted, Gate};
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
        let is_persistent = self.head.is_http11
            && handoff::is_persistent(&received.headers)
            && !self.connection.is_draining();
        match gate.judge(&received, &mut stream, &mut buffer).await {
            Err(refusal) => {
                self.explain(&received, &refusal, &request_id);
                if is_persistent && self.has_left(&refusal, &mut buffer) {
                    let answer = refusal.response(After::Stay);
                    write(&mut stream, &answer).await.ok()?;
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
        let stays = returned.session.get_keepalive().is_some();
        // An answer that is not complete must not look as if it were: the connection is dropped.
        let stream = into_stream(returned.session).filter(|_| returned.is_complete)?;
        if stays {
            return Some(stream);
        }
        close(stream).await;
        None
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
