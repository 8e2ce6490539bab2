//! One request and its answer. It is judged, and then refused, or forwarded to the app, whose answer goes
//! to the sender.
//!
//! An exchange knows no protocol of a sender: it reads a body ([`RequestBody`]) and writes an answer
//! ([`Reply`]). What becomes of the sender's connection is decided by those who know the connection.

mod access;
pub(crate) mod answer;
pub(crate) mod app_failure;
mod custody;
pub(crate) mod delivery;
mod forward;
pub(crate) mod forward_result;
pub(crate) mod reply;
mod spooling;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use access::Access;
use custody::Custody;
use forward::Forward;
use forward_result::Forwarded;
use reply::Reply;
use spooling::Spoolable;

use crate::active::{ActiveConfig, Route};
use crate::diagnosis::{Diagnosis, Mismatch};
use crate::handoff::{self, HandOff};
use crate::http1::head::{Framing, Head};
use crate::observe::metrics::Metrics;
use crate::observe::recent::{Recent, RefusalId};
use crate::os::descriptors::Descriptors;
use crate::peer::Peer;
use crate::reason::Reason;
use crate::recording::{Recorder, Refused};
use crate::replay::Replay;
use crate::request::admission::{Admission, Admitted, sender_waits};
use crate::request::body::RequestBody;
use crate::request::budget::{Budget, Reservation};
use crate::request::refusal::{Examinable, Refusal};
use crate::request::turns::Turns;
use crate::spool::Spool;
use crate::upstream::connect::Connector;
use crate::verify::{Body, Timestamp, decode_query, query_pairs};

/// What all exchanges share.
pub(crate) struct Services {
    pub(crate) metrics: Arc<Metrics>,
    /// The last refusals.
    pub(crate) recent: Arc<Recent>,
    pub(crate) budget: Arc<Budget>,
    /// Of large bodies.
    pub(crate) turns: Turns,
    pub(crate) connector: Arc<Connector>,
    /// The descriptors for connections to apps.
    pub(crate) descriptors: Arc<Descriptors>,
    /// Examines mismatches.
    pub(crate) diagnosis: Diagnosis,
    /// Keeps refused requests.
    pub(crate) recorder: Recorder,
    /// Remembers requests, so that each counts once.
    pub(crate) replay: Arc<Replay>,
    /// Keeps verified requests that wait for their apps.
    pub(crate) spool: Arc<Spool>,
    /// Requests that are still being sent to apps which answered before they had read all.
    pub(crate) unfinished_uploads: TaskTracker,
}

/// One request and its answer.
pub(crate) struct Exchange<'a> {
    pub(crate) services: &'a Services,
    /// The configuration by which it is judged.
    pub(crate) active: &'a Arc<ActiveConfig>,
    pub(crate) peer: Peer,
    /// `peer` as it is written.
    pub(crate) peer_text: &'a str,
    /// The request came over TLS.
    pub(crate) is_tls: bool,
    /// What was spoken, as ALPN calls it. Only the log says it.
    pub(crate) protocol: &'static str,
    /// When its head was complete.
    pub(crate) received_at: Instant,
    /// How many bytes the head took.
    pub(crate) head_bytes: usize,
    /// How much memory the head takes beyond what every connection may hold.
    pub(crate) held_bytes: u64,
}

impl Exchange<'_> {
    /// Serves the request with this head, whose body comes from, and whose answer goes to, `sender`.
    pub(crate) async fn run(
        &self,
        head: &Head<'_>,
        sender: &mut (impl RequestBody + Reply),
        mut reservation: Reservation,
    ) {
        let _in_flight = InFlight::new(&self.services.metrics);
        let request_id = handoff::request_id(head.fields(), fresh_id);
        let has_body = head.framing != Framing::None;
        let admission = Admission {
            active: self.active,
            budget: &self.services.budget,
            turns: &self.services.turns,
            replay: Some(&self.services.replay),
            descriptors: &self.services.descriptors,
            peer_text: self.peer_text,
            is_trusted: self.is_trusted(),
            is_tls: self.is_tls,
            head,
            request_id: &request_id,
            received_at: self.received_at,
            now: Timestamp::from(SystemTime::now()),
        };
        let mut access = Access::of(&admission, self.protocol);
        let judged = admission.judge(sender, &mut reservation, self.held_bytes);
        match judged.await {
            Err(mut refusal) => {
                let Services {
                    metrics, recent, ..
                } = self.services;
                let sent = || admission.sent();
                let kept = refusal.record(self.active, metrics, recent, sent);
                let mut examinable = refusal.take_body();
                let read = examinable.as_ref().map(|read| read.body.len());
                access.refused(&refusal, read);
                if let (Some(examinable), Some(route)) = (&mut examinable, &refusal.route) {
                    let body = &mut examinable.body;
                    let judged = (refusal.reason, refusal.scheme);
                    let len = body.len();
                    let pieces = || body.share_pieces();
                    self.diagnose(&admission, route, judged, kept, len, pieces);
                }
                self.keep(&admission, &refusal, examinable);
                // Only the header is kept while a sender is slow to read.
                reservation.keep_only(self.held_bytes);
                let answer = refusal.answer();
                sender.answer(&answer).await;
                access.answered(&answer, sender.is_gone());
            }
            Ok(mut admitted) => {
                access.admitted(&admitted);
                let permitted = &mut admitted.permitted;
                let waived = permitted.permit().waived();
                if let Some(judged) = waived.map(|waived| (waived.reason, waived.scheme)) {
                    let (route, len) = (&admitted.route, permitted.body_len());
                    let pieces = || permitted.share_body();
                    self.diagnose(&admission, route, judged, None, len, pieces);
                }
                self.forward(&mut access, admitted, has_body, reservation, sender)
                    .await;
            }
        }
    }

    /// Whether the peer's forwarding headers are believed.
    fn is_trusted(&self) -> bool {
        self.active.server.trusted_proxies.contain(self.peer)
    }

    /// Has a request examined that was `judged` with this reason and scheme, if it is a mismatch and its route
    /// says so. `refusal` is the id by which it is kept, as one of the recent refusals.
    fn diagnose(
        &self,
        admission: &Admission<'_>,
        route: &Arc<Route>,
        (reason, label): (Reason, &'static str),
        refusal: Option<RefusalId>,
        body_bytes: u64,
        body: impl FnOnce() -> Vec<Bytes>,
    ) {
        let diagnosis = &self.services.diagnosis;
        if let Some(leave) = diagnosis.leave(route, reason, body_bytes) {
            leave.examine(Mismatch {
                route,
                head: admission.head,
                body: body(),
                label,
                url: admission.called_url(route),
                now: admission.now,
                request_id: admission.request_id,
                refusal,
            });
        }
    }

    /// Hands a refused request to the recorder, if its route says so. Nothing of its body is held any more.
    fn keep(
        &self,
        admission: &Admission<'_>,
        refusal: &Refusal,
        examinable: Option<Box<Examinable>>,
    ) {
        let head = admission.head;
        let route = refusal.route.as_ref();
        let Some(route) = route.filter(|route| route.records_refused && !is_probe(head, route))
        else {
            return;
        };
        let (body, is_whole) = match examinable {
            Some(examinable) => (examinable.body, examinable.is_whole),
            None => (Body::default(), head.framing == Framing::None),
        };
        self.services.recorder.keep(Refused {
            route: &route.name,
            reason: refusal.reason,
            at: admission.now,
            head,
            body,
            is_whole,
            hidden: &self.active.hidden,
            is_url_signed: route.verifier.signs_uri(),
        });
    }

    async fn forward(
        &self,
        access: &mut Access<'_>,
        admitted: Admitted<'_>,
        has_body: bool,
        reservation: Reservation,
        reply: &mut impl Reply,
    ) {
        let Admitted {
            permitted,
            route,
            nominated,
            slot,
            claim,
        } = admitted;
        let admission = access.admission();
        let custody = Custody::take(reservation, slot);
        let body_bytes = permitted.body_len();
        let server = &self.active.server;
        let handoff = HandOff {
            route: &route.name,
            strip: route.strip.as_ref(),
            verified: &route.verified_headers,
            nominated: &nominated,
            peer: self.peer_text,
            is_tls: self.is_tls,
            keep_forwarding: admission.is_trusted.then_some(server.forwarding),
            request_id: admission.request_id,
            has_body,
            head_bytes: self.head_bytes,
        };
        // What is let through without proof is none of the app's events yet.
        let is_verified = permitted.permit().waived().is_none();
        let outbound = handoff.compose(permitted);
        let spool = &self.services.spool;
        let spoolable = is_verified
            .then(|| Spoolable::of(spool, &route, admission.now, &outbound))
            .flatten();
        let forward = Forward {
            services: self.services,
            route: &route,
            is_head: admission.head.method == "HEAD",
            spoolable,
        };
        let result = forward.run(outbound, claim, reply).await;
        result.record(&Forwarded {
            route: &route,
            asked: &|| admission.asked(),
            received_at: self.received_at,
            sender_waits: sender_waits(&route, admission.head),
            body_bytes,
        });
        access.forwarded(&result);
        let uploads = &self.services.unfinished_uploads;
        custody.settle(result, uploads, route, || admission.asked());
    }
}

/// Whether a request only asks who is there, as `hookward doctor` and load balancers do: a HEAD that nobody signed.
/// There is nothing in it to look into, and it must not take the place of one in which there is.
fn is_probe(head: &Head<'_>, route: &Route) -> bool {
    if head.method != "HEAD" {
        return false;
    }
    let mut headers = route.verified_headers.iter();
    let is_signed = headers.any(|name| head.fields().first(name).is_some());
    let is_key = |name: &[u8]| {
        let key = route.key_parameter.as_ref();
        key.is_some_and(|key| decode_query(name).as_ref() == key.as_bytes())
    };
    let query = head.target.split(|byte| *byte == b'?').nth(1);
    let mut pairs = query_pairs(query.unwrap_or_default());
    !is_signed && !pairs.any(|(name, _)| is_key(name))
}

/// 128 random bits in hexadecimal.
pub(crate) fn fresh_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
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
