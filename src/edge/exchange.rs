//! One request on a connection: judged, then forwarded or refused, and what follows it.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use crate::active::Site;
use crate::edge::connection::{Connection, fresh_id, write};
use crate::edge::drain::{MAX_DROPPED_BYTES, drop_body};
use crate::exchange::forward::{Afterwards, Forward};
use crate::exchange::outcome::Forwarded;
use crate::handoff;
use crate::handoff::forwarding::{self, is_trusted};
use crate::handoff::request_head::Outgoing;
use crate::http1::head::{self, Framing, Head};
use crate::observe::metrics::Metrics;
use crate::os::socket::SenderStream;
use crate::reason::Reason;
use crate::request::admission::{Admitted, Gate};
use crate::request::body::len_of;
use crate::request::refusal::{After, Refusal, Seen, UnreadBody};

/// One request and its answer.
pub(crate) struct Exchange<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) site: &'a Arc<Site>,
}

impl Exchange<'_> {
    /// Serves the request with this head, whose body `buffer` and `stream` hold. What was read beyond
    /// it stays in the buffer.
    pub(crate) async fn run(
        self,
        bytes: &[u8],
        stream: &mut SenderStream,
        buffer: &mut BytesMut,
    ) -> Afterwards {
        let received_at = Instant::now();
        let shared = &self.connection.shared;
        let _in_flight = InFlight::new(&shared.metrics);
        let head = match head::read(bytes) {
            Ok(head) => head,
            Err(error) => {
                let refusal = Refusal::text(Reason::BadRequest, error.as_str());
                self.connection.record_unparsed(self.site, &refusal, bytes);
                return refuse(stream, &refusal, After::Close).await;
            }
        };
        let request_id = handoff::request_id(head.fields(), fresh_id);
        let gate = Gate {
            site: self.site,
            metrics: &shared.metrics,
            budget: &shared.budget,
            descriptors: &shared.descriptors,
            peer: self.connection.peer_ip(),
            head: &head,
            received_at,
        };
        match gate.judge(stream, buffer).await {
            Err(refusal) => {
                self.explain(&head, &refusal, &request_id);
                let Some(unread) = self.unread(&head, &refusal, buffer) else {
                    return refuse(stream, &refusal, After::Close).await;
                };
                match refuse(stream, &refusal, After::Stay).await {
                    Afterwards::Stay if drop_body(unread, stream, buffer).await => Afterwards::Stay,
                    Afterwards::Stay => Afterwards::Close,
                    ended => ended,
                }
            }
            Ok(admitted) => {
                let received = Received {
                    head: &head,
                    head_bytes: bytes.len(),
                    at: received_at,
                    id: &request_id,
                    has_next: !buffer.is_empty(),
                };
                self.forward(admitted, received, stream).await
            }
        }
    }

    async fn forward(
        &self,
        admitted: Admitted<'_>,
        received: Received<'_>,
        stream: &mut SenderStream,
    ) -> Afterwards {
        let shared = &self.connection.shared;
        let body_bytes = admitted.body.len();
        let outgoing = Outgoing {
            site: self.site,
            route: &admitted.route,
            permit: &admitted.permit,
            nominated: &admitted.nominated,
            body_bytes,
            peer: self.connection.peer_ip(),
            request_id: received.id,
        };
        let head = outgoing.head(received.head, received.head_bytes);
        let forward = Forward {
            shared,
            permit: &admitted.permit,
            route: &admitted.route,
            is_head: received.head.method == "HEAD",
            is_http11: received.head.is_http11,
            is_persistent: is_persistent(received.head),
            has_next: received.has_next,
            sender_patience: self.site.server.body_timeout,
        };
        let (mut outcome, afterwards) = forward.run(head, admitted.body, stream).await;
        outcome.record(&Forwarded {
            route: &admitted.route,
            metrics: &shared.metrics,
            request_id: received.id,
            received_at: received.at,
            sender_waits: admitted.sender_waits,
            body_bytes,
        });
        // Given back once the answer is done, and the request is sent.
        let held = (admitted.reservation, admitted.slot);
        if let Some(unfinished) = outcome.unfinished.take() {
            shared.unfinished_uploads.spawn(async move {
                unfinished.finish().await;
                drop(held);
            });
        }
        afterwards
    }

    /// What of a refused request is still to come before a next one can follow; `None` if that cannot
    /// be told, or is too much, and the connection has to end.
    ///
    /// A 401 does not announce that its connection ends, and a proxy in front that has sent all of a
    /// request takes the connection for the next sender's. So whatever the sender sends to the end of
    /// its request is read and dropped.
    fn unread(&self, head: &Head<'_>, refusal: &Refusal, buffer: &BytesMut) -> Option<Framing> {
        let is_persistent = is_persistent(head) && refusal.reason != Reason::BadRequest;
        let unread = match refusal.unread {
            UnreadBody::Nothing => Framing::None,
            UnreadBody::All => head.framing,
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
        let is_certain = is_there || head.fields().first("expect").is_none();
        // A server that stops still serves what was sent before its sender could know.
        let is_wanted = !self.connection.is_draining() || has_next(unread);
        let is_too_large = matches!(unread, Framing::Length(length) if length > MAX_DROPPED_BYTES);
        (is_persistent && is_certain && is_wanted && !is_too_large).then_some(unread)
    }

    fn explain(&self, head: &Head<'_>, refusal: &Refusal, request_id: &str) {
        let is_end_of_path = |byte: &u8| matches!(byte, b'?' | b'#');
        let path = head.target.split(is_end_of_path).next();
        let peer = self.connection.peer_ip();
        let server = &self.site.server;
        let reported = if is_trusted(peer, &server.trusted_proxies) {
            forwarding::reported(head.fields(), server.forwarding).unwrap_or_default()
        } else {
            forwarding::Reported::default()
        };
        let client = reported.client.unwrap_or_else(|| peer.to_string());
        let seen = Seen {
            request_id,
            client: &client,
            method: head.method,
            path,
        };
        refusal.record(self.site, &self.connection.shared.metrics, &seen);
    }
}

/// A request as it was received, and what is known of it besides.
struct Received<'a> {
    head: &'a Head<'a>,
    head_bytes: usize,
    at: Instant,
    id: &'a str,
    /// The next request has begun to arrive.
    has_next: bool,
}

/// Whether the sender's connection can serve another request.
fn is_persistent(head: &Head<'_>) -> bool {
    head.is_http11 && handoff::is_persistent(head.fields())
}

/// Answers with a refusal.
async fn refuse(stream: &mut SenderStream, refusal: &Refusal, after: After) -> Afterwards {
    match (write(stream, &refusal.response(after)).await, after) {
        (Err(_), _) => Afterwards::Cut,
        (Ok(()), After::Stay) => Afterwards::Stay,
        (Ok(()), After::Close) => Afterwards::Close,
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
