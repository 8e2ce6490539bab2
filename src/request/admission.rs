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
use crate::observe::refusals::{Asked, Explanation};
use crate::os::socket::SenderStream;
use crate::reason::Reason;
use crate::request::body::{self, Body, Read, Source, Unread};
use crate::request::budget::{Budget, Reservation};
use crate::request::refusal::{Claimed, Refusal, UnreadBody};
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
    /// Headers that the request's `Connection` header names.
    pub(crate) nominated: Vec<&'a [u8]>,
    pub(crate) sender_waits: Option<Duration>,
}

/// What a request is judged with.
pub(crate) struct Gate<'a> {
    pub(crate) site: &'a Site,
    pub(crate) budget: &'a Arc<Budget>,
    pub(crate) peer: IpAddr,
    pub(crate) head: &'a Head<'a>,
    pub(crate) request_id: &'a str,
    /// When the header was complete.
    pub(crate) received_at: Instant,
}

/// What is known once the header has passed.
struct Passed<'a> {
    verification: Verification<'a>,
    /// When it passed.
    now: Timestamp,
    sender_waits: Option<Duration>,
    origin: Option<SignedOrigin>,
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
            origin,
        } = self.check_header(target, &route)?;
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
        } = read.map_err(|unread| {
            let refusal = Refusal {
                scheme,
                unread: UnreadBody::Unclear,
                ..Refusal::explained(unread.reason, self.explain_unread(unread, &route))
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
        let claimed = Claimed {
            origin: origin.as_ref(),
            target,
            fields: self.head.fields(),
        };
        let permit = verdict.map_err(|rejection| Refusal::unproved(&rejection, &route, claimed))?;
        self.record_permit(&permit, &route, claimed, now);
        Ok(Admitted {
            permit,
            route,
            body,
            reservation,
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
        let mut methods = route.methods.iter();
        if !methods.any(|method| method.as_str() == self.head.method) {
            return Err(Refusal::new(Reason::MethodNotAllowed).on(route));
        }
        let declared = match self.head.framing {
            Framing::Length(length) => length,
            Framing::None | Framing::Chunked => 0,
        };
        if declared > route.max_body_bytes {
            let explanation = Explanation {
                limit: Some(route.max_body_bytes),
                declared: Some(declared),
                ..Explanation::text("the declared length is over max_body_bytes")
            };
            return Err(Refusal::explained(Reason::BodyTooLarge, explanation).on(route));
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
            .map_err(|rejection| Refusal::rejected(&rejection, route))?;
        if !self.budget.has_room_for(declared) {
            let scheme = verification.scheme();
            let explanation = Explanation {
                limit: Some(self.site.server.max_buffered_bytes),
                declared: Some(declared),
                ..Explanation::text(body::NO_ROOM)
            };
            let refusal = Refusal::explained(Reason::Overloaded, explanation);
            return Err(Refusal { scheme, ..refusal }.on(route));
        }
        if let Some(rejection) = verification.certain_rejection() {
            return Err(Refusal::rejected(rejection, route));
        }
        Ok(Passed {
            verification,
            now,
            sender_waits: sender_waits(route.sender, self.head),
            origin,
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
        let bad_target = |explanation| Refusal::explained(Reason::BadTarget, explanation).on(route);
        let server = &self.site.server;
        let reported = if is_trusted(self.peer, &server.trusted_proxies) {
            forwarding::reported(self.head.fields(), server.forwarding)
                .map_err(|error| bad_target(Explanation::text(error.to_string())))?
        } else {
            forwarding::Reported::default()
        };
        let own_host = || {
            let host = self.head.fields().first("host")?;
            std::str::from_utf8(host).ok().map(str::to_owned)
        };
        let host = reported.host.or_else(own_host).unwrap_or_default();
        if !server.public_hosts.contains(&host.to_ascii_lowercase()) {
            let text = "the host that was called is not in public_hosts";
            return Err(bad_target(Explanation::text(text).with_public_host(&host)));
        }
        Ok(Some(SignedOrigin::Reported {
            scheme: reported.scheme.unwrap_or("http"),
            host,
        }))
    }

    /// What explains that a body was not read to its end: words, and the numbers beside the limit.
    fn explain_unread(&self, unread: Unread, route: &Route) -> Explanation {
        let limit = match unread.reason {
            Reason::BodyTooLarge => Some(route.max_body_bytes),
            Reason::Overloaded => Some(self.site.server.max_buffered_bytes),
            _ => None,
        };
        let declared = match self.head.framing {
            Framing::Length(length) => Some(length),
            Framing::None | Framing::Chunked => None,
        };
        Explanation {
            limit,
            declared,
            counted: unread.counted,
            ..Explanation::text(unread.text)
        }
    }

    /// Whether the sender waits to be told to go on (RFC 9110 section 10.1.1).
    fn expects_invitation(&self) -> bool {
        let expectation = self.head.fields().first("expect");
        self.head.is_http11
            && expectation.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    fn record_permit(
        &self,
        permit: &Permit,
        route: &Arc<Route>,
        claimed: Claimed<'_>,
        now: Timestamp,
    ) {
        if let Some(rejection) = permit.waived() {
            let waived = Refusal::unproved(rejection, route, claimed);
            waived.record_as_waived(route, self.asked());
        }
        if let Some(proof) = permit.proof() {
            route.metrics.count_verified(proof, now);
        }
    }

    /// The request as it may be shown.
    pub(crate) fn asked(&self) -> Asked {
        let is_end_of_path = |byte: &u8| matches!(byte, b'?' | b'#');
        let path = self.head.target.split(is_end_of_path).next();
        Asked::new(
            self.request_id,
            &self.client(),
            Some(self.head.method),
            path,
        )
    }

    /// Who sent it, as far as that is known.
    fn client(&self) -> String {
        let server = &self.site.server;
        let reported = if is_trusted(self.peer, &server.trusted_proxies) {
            forwarding::reported(self.head.fields(), server.forwarding).unwrap_or_default()
        } else {
            forwarding::Reported::default()
        };
        reported.client.unwrap_or_else(|| self.peer.to_string())
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
