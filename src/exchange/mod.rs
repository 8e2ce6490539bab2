//! One request and its answer: judged, then refused, or handed to the app and its answer to the sender.
//!
//! An exchange knows no protocol of a sender: it reads a body ([`RequestBody`]) and writes an answer
//! ([`Reply`]). What becomes of the sender's connection is decided where that is known.

pub(crate) mod answer;
mod custody;
mod forward;
pub(crate) mod outcome;
pub(crate) mod reply;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use custody::Custody;
use forward::Forward;
use outcome::Forwarded;
use reply::Reply;

use crate::active::Site;
use crate::edge::connections::Connections;
use crate::handoff::forwarding::{self, Reported, is_trusted};
use crate::handoff::{self, HandOff};
use crate::http1::head::{Framing, Head};
use crate::observe::metrics::Metrics;
use crate::request::admission::{Admission, Admitted, sender_waits};
use crate::request::body::RequestBody;
use crate::request::budget::{Budget, Reservation};
use crate::request::refusal::{Refusal, Seen};
use crate::upstream::connect::Dialler;

/// What all exchanges share.
pub(crate) struct Services {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) dialler: Dialler,
}

/// One request and its answer.
pub(crate) struct Exchange<'a> {
    pub(crate) services: &'a Services,
    /// The configuration by which it is judged.
    pub(crate) site: &'a Arc<Site>,
    pub(crate) peer: IpAddr,
    /// When its head was complete.
    pub(crate) received_at: Instant,
    /// How many bytes the head took.
    pub(crate) head_bytes: usize,
    /// How many of them are held for it besides what a connection may hold anyway.
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
            site: self.site,
            metrics: &self.services.metrics,
            budget: &self.services.budget,
            peer: self.peer,
            head,
            received_at: self.received_at,
        };
        let judged = admission.judge(sender, &mut reservation, self.held_bytes);
        match judged.await {
            Err(refusal) => {
                // The memory is not needed while a sender is slow to read.
                drop(reservation);
                self.record(head, &refusal, &request_id);
                sender.answer(&refusal.answer()).await;
            }
            Ok(admitted) => {
                let custody = Custody::take(reservation);
                self.forward(head, admitted, &request_id, has_body, custody, sender)
                    .await;
            }
        }
    }

    async fn forward(
        &self,
        head: &Head<'_>,
        admitted: Admitted<'_>,
        request_id: &str,
        has_body: bool,
        custody: Custody,
        reply: &mut impl Reply,
    ) {
        let Admitted {
            permitted,
            route,
            nominated,
        } = admitted;
        let body_bytes = permitted.body_len();
        let server = &self.site.server;
        let is_trusted = is_trusted(self.peer, &server.trusted_proxies);
        let handoff = HandOff {
            route: &route.name,
            strip: route.strip.as_ref(),
            verified: &route.verified_headers,
            nominated: &nominated,
            peer: self.peer,
            keep_forwarding: is_trusted.then_some(server.forwarding),
            request_id,
            has_body,
            head_bytes: self.head_bytes,
        };
        let forward = Forward {
            services: self.services,
            route: &route,
            is_head: head.method == "HEAD",
        };
        let mut outcome = forward.run(handoff.compose(permitted), reply).await;
        outcome.record(&Forwarded {
            route: &route,
            metrics: &self.services.metrics,
            request_id,
            received_at: self.received_at,
            sender_waits: sender_waits(&route, head),
            body_bytes,
        });
        custody.settle(&mut outcome);
    }

    fn record(&self, head: &Head<'_>, refusal: &Refusal, request_id: &str) {
        let is_end_of_path = |byte: &u8| matches!(byte, b'?' | b'#');
        let path = head.target.split(is_end_of_path).next();
        let client = self.client(head);
        let seen = Seen {
            request_id,
            client: &client,
            method: head.method,
            path,
        };
        refusal.record(self.site, &self.services.metrics, &seen);
    }

    /// Who called, for the operator: as a trusted proxy says, or the peer.
    fn client(&self, head: &Head<'_>) -> String {
        let server = &self.site.server;
        let reported = if is_trusted(self.peer, &server.trusted_proxies) {
            forwarding::reported(head.fields(), server.forwarding).unwrap_or_default()
        } else {
            Reported::default()
        };
        reported.client.unwrap_or_else(|| self.peer.to_string())
    }
}

/// 128 random bits in hexadecimal.
pub(crate) fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
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
