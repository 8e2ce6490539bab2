//! The gate: takes a request from its header to a permit, or to the reason why not.
//!
//! Checks run in the order of [`Reason`], the cheap ones first: whatever the header alone tells is
//! decided before a byte of the body is read. The checks themselves are elsewhere and pure; here
//! they are put in order and fed from the connection.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use crate::active::{Route, Sender, Site};
use crate::handoff;
use crate::handoff::forwarding::{self, is_trusted};
use crate::http1::head::{Framing, Head};
use crate::http1::target::{Target, TargetError};
use crate::observe::metrics::{Metrics, Verdict};
use crate::os::descriptors::{Descriptors, Slot};
use crate::os::socket::SenderStream;
use crate::reason::Reason;
use crate::request::body::{self, Body, Read, Source, Unread};
use crate::request::budget::{Budget, Reservation};
use crate::request::refusal::{Detail, Refusal, UnreadBody};
use crate::request::signed_url::SignedOrigin;
use crate::time_limit::within;
use crate::verify::{Permit, Request, Timestamp, Verification};

/// How long Twenty waits for an answer.
const TWENTY_WAITS: Duration = Duration::from_secs(5);

/// A request that may be forwarded.
pub(crate) struct Admitted<'a> {
    pub(crate) permit: Permit,
    pub(crate) route: Arc<Route>,
    pub(crate) body: Body,
    pub(crate) reservation: Reservation,
    /// The descriptor of the connection to the app.
    pub(crate) slot: Slot,
    /// Headers that the request's `Connection` header names.
    pub(crate) nominated: Vec<&'a [u8]>,
    pub(crate) sender_waits: Option<Duration>,
}

/// What a request is judged with.
pub(crate) struct Gate<'a> {
    pub(crate) site: &'a Site,
    pub(crate) metrics: &'a Metrics,
    pub(crate) budget: &'a Arc<Budget>,
    pub(crate) descriptors: &'a Arc<Descriptors>,
    pub(crate) peer: IpAddr,
    pub(crate) head: &'a Head<'a>,
    /// When the header was complete.
    pub(crate) received_at: Instant,
}

/// What is known once the header has passed.
struct Passed<'a> {
    verification: Verification<'a>,
    /// When it passed.
    now: Timestamp,
    sender_waits: Option<Duration>,
    signed_origin: Option<String>,
    query_bytes: usize,
}

impl<'a> Gate<'a> {
    /// Judges the request, whose body is read from `stream` after what `buffer` holds of it.
    pub(crate) async fn judge(
        &self,
        stream: &mut SenderStream,
        buffer: &mut BytesMut,
    ) -> Result<Admitted<'a>, Refusal> {
        let nominated =
            handoff::nominations(self.head.fields(), |name| self.site.uses_header(name));
        let nominated = nominated.ok_or_else(|| {
            let text = "Connection names a header that hookward uses, or cannot be read";
            Refusal::text(Reason::BadRequest, text)
        })?;
        let target = Target::parse(self.head.target)
            .map_err(|error| Refusal::text(Reason::BadRequest, error.to_string()))?;
        let route = self.route(target)?;
        let Passed {
            mut verification,
            now,
            sender_waits,
            signed_origin,
            query_bytes,
        } = self.check_header(target, &route)?;
        let slot = self.descriptors.reserve().ok_or_else(|| {
            let text = "no file descriptor is left for a connection to the app";
            let scheme = verification.scheme();
            let refusal = Refusal::text(Reason::Overloaded, text);
            Refusal { scheme, ..refusal }.on(&route)
        })?;
        let began_reading = Instant::now();
        let mut spent = began_reading.saturating_duration_since(self.received_at);
        let patience = self.site.server.body_timeout;
        let is_awaited = self.head.framing != Framing::None && buffer.is_empty();
        let invited = is_awaited && self.expects_invitation();
        let reading = async {
            if invited {
                invite(stream).await?;
            }
            let source = Source {
                stream,
                buffer,
                framing: self.head.framing,
            };
            let (budget, max_bytes) = (self.budget, route.max_body_bytes);
            body::read(source, &mut verification, budget, max_bytes, patience).await
        };
        let read = within(patience, pin!(reading)).await;
        let read = read.unwrap_or(Err(Unread::TOO_SLOW));
        let scheme = verification.scheme();
        let Read {
            body,
            reservation,
            hashing,
        } = read.map_err(|Unread { reason, text }| {
            let refusal = Refusal {
                scheme,
                unread: UnreadBody::Unclear,
                ..Refusal::text(reason, text)
            };
            refusal.on(&route)
        })?;
        let finishing = Instant::now();
        let now = now.after(finishing.saturating_duration_since(began_reading));
        let verdict = verification.finish();
        spent = spent
            .saturating_add(hashing)
            .saturating_add(finishing.elapsed());
        route
            .metrics
            .verification_seconds
            .observe(spent.as_secs_f64());
        route.metrics.request_body_bytes.observe(body.len() as f64);
        let permit = verdict.map_err(|rejection| Refusal {
            reason: rejection.reason,
            route: Some(Arc::clone(&route)),
            scheme: rejection.scheme,
            detail: Detail::Mismatch {
                evidence: rejection.evidence,
                signed_origin,
                query_bytes,
            },
            status: None,
            unread: UnreadBody::Nothing,
        })?;
        self.count_permit(&permit, &route, now);
        Ok(Admitted {
            permit,
            route,
            body,
            reservation,
            slot,
            nominated,
            sender_waits,
        })
    }

    fn route(&self, target: Target<'_>) -> Result<Arc<Route>, Refusal> {
        // No target has a fragment; one that has is refused, on the route that it names.
        let path = target.path().split(|byte| *byte == b'#').next();
        let route = self.site.routes.find(path.unwrap_or_default());
        let bad_target = |error: TargetError| {
            let refusal = Refusal::text(Reason::BadTarget, error.to_string());
            match route {
                Some(route) => refusal.on(route),
                None => refusal,
            }
        };
        if self.head.has_unsound_target {
            return Err(bad_target(TargetError::Bytes));
        }
        target.check().map_err(bad_target)?;
        let route = route.ok_or_else(|| Refusal::new(Reason::NoRoute))?;
        if route.verifier.signs_uri() {
            target.check_signed().map_err(bad_target)?;
        }
        Ok(Arc::clone(route))
    }

    /// Everything that can be refused without the body.
    fn check_header<'r>(
        &self,
        target: Target<'_>,
        route: &'r Arc<Route>,
    ) -> Result<Passed<'r>, Refusal> {
        let origin = self.origin(route)?;
        let refuse = |reason, text: &str| Err(Refusal::text(reason, text).on(route));
        let mut methods = route.methods.iter();
        if !methods.any(|method| method.as_str() == self.head.method) {
            return Err(Refusal::new(Reason::MethodNotAllowed).on(route));
        }
        let declared = match self.head.framing {
            Framing::Length(length) => length,
            Framing::None | Framing::Chunked => 0,
        };
        if declared > route.max_body_bytes {
            return refuse(
                Reason::BodyTooLarge,
                "the declared length is over max_body_bytes",
            );
        }
        let request = Request {
            method: self.head.method,
            uri: origin.as_ref().map(|origin| origin.uri(route, target)),
            query: target.query(),
            headers: self.head.fields(),
        };
        let now = Timestamp::from(SystemTime::now());
        let verification = route
            .verifier
            .begin(&request, now)
            .map_err(|rejection| Refusal::rejected(rejection, route))?;
        if !self.budget.has_room_for(declared) {
            let scheme = verification.scheme();
            let refusal = Refusal::text(Reason::Overloaded, "max_buffered_bytes are in use");
            return Err(Refusal { scheme, ..refusal }.on(route));
        }
        if let Some(rejection) = verification.certain_rejection() {
            return Err(Refusal::rejected(rejection.clone(), route));
        }
        Ok(Passed {
            verification,
            now,
            sender_waits: sender_waits(route.sender, self.head),
            signed_origin: origin.map(|origin| origin.text(route)),
            query_bytes: target.query().map_or(0, <[u8]>::len),
        })
    }

    /// Where the provider called, as far as the accepted schemes sign it.
    fn origin(&self, route: &Arc<Route>) -> Result<Option<SignedOrigin>, Refusal> {
        if !route.verifier.signs_uri() {
            return Ok(None);
        }
        if route.public_url.is_some() {
            return Ok(Some(SignedOrigin::Configured));
        }
        let bad_target = |text: &str| Refusal::text(Reason::BadTarget, text).on(route);
        let server = &self.site.server;
        let reported = if is_trusted(self.peer, &server.trusted_proxies) {
            forwarding::reported(self.head.fields(), server.forwarding)
                .map_err(|error| bad_target(&error.to_string()))?
        } else {
            forwarding::Reported::default()
        };
        let own_host = || {
            let host = self.head.fields().first("host")?;
            std::str::from_utf8(host).ok().map(str::to_owned)
        };
        let host = reported.host.or_else(own_host).unwrap_or_default();
        if !server.public_hosts.contains(&host.to_ascii_lowercase()) {
            return Err(bad_target("the public host is not in public_hosts"));
        }
        Ok(Some(SignedOrigin::Reported {
            scheme: reported.scheme.unwrap_or("http"),
            host,
        }))
    }

    /// Whether the sender waits to be told to go on (RFC 9110 section 10.1.1).
    fn expects_invitation(&self) -> bool {
        let expectation = self.head.fields().first("expect");
        self.head.is_http11
            && expectation.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    fn count_permit(&self, permit: &Permit, route: &Route, now: Timestamp) {
        if let Some(reason) = permit.waived_reason() {
            let verdict = Verdict::Unenforced(reason);
            self.metrics
                .count_verdict(&route.name, permit.scheme(), verdict);
        }
        let Some(proof) = permit.proof() else {
            return;
        };
        route.metrics.count_verified(self.metrics, permit.scheme());
        route.metrics.count_secret_match(&proof.secret);
        route.metrics.last_verified.set(now.as_secs());
        if let Some(signed_at) = proof.signed_at {
            let age = now.seconds_since(signed_at);
            route.metrics.timestamp_age_seconds.observe(age);
        }
    }
}

/// Tells a sender to go on, now that its header has passed.
async fn invite(stream: &mut SenderStream) -> Result<(), Unread> {
    let written = async {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await
    };
    written.await.map_err(|_| Unread::CUT_OFF)
}

/// How long the sender waits for an answer, where it is known.
fn sender_waits(sender: Sender, head: &Head<'_>) -> Option<Duration> {
    match sender {
        Sender::Twenty => Some(TWENTY_WAITS),
        Sender::HubSpot => {
            let value = head.fields().first("X-HubSpot-Timeout-Millis")?;
            let millis = std::str::from_utf8(value).ok()?.parse().ok()?;
            Some(Duration::from_millis(millis))
        }
        Sender::Other => None,
    }
}
