//! Admission: takes a request from its header to a permit, or to the reason why not.
//!
//! Checks run in the order of [`Reason`], the cheap ones first: whatever the header alone tells is
//! decided before a byte of the body is read. The checks themselves are elsewhere and pure; here
//! they are put in order and fed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::body::{self, Left, Limits, RequestBody, Unread};
use super::budget::{Budget, Reservation};
use super::claim::claim;
use super::refusal::{Refusal, Sent};
use super::signed_origin::SignedOrigin;
use super::turns::Turns;
use crate::active::{ActiveConfig, Route};
use crate::config::without_default_port;
use crate::handoff;
use crate::handoff::forwarding::{self, Reported};
use crate::http1::head::Head;
use crate::http1::target::{Target, TargetError};
use crate::observe::refusals::{Asked, Explanation};
use crate::os::descriptors::{Descriptors, Slot};
use crate::reason::Reason;
use crate::replay::{ClaimGuard, Replay};
use crate::verify::{Permitted, Rejected, Request, Timestamp, Verification};

/// A request that may be forwarded.
pub(crate) struct Admitted<'a> {
    pub(crate) permitted: Permitted<'a>,
    pub(crate) route: Arc<Route>,
    /// Headers that the request's `Connection` header names.
    pub(crate) nominated: Vec<&'a [u8]>,
    /// The descriptor of the connection to the app.
    pub(crate) slot: Slot,
    /// The claim that the request counts, where it may not come again.
    pub(crate) claim: Option<ClaimGuard>,
}

/// What a request is judged with.
pub(crate) struct Admission<'a> {
    pub(crate) active: &'a ActiveConfig,
    pub(crate) budget: &'a Arc<Budget>,
    pub(crate) turns: &'a Turns,
    /// Has requests counted once; `None` where they are only judged.
    pub(crate) replay: Option<&'a Replay>,
    pub(crate) descriptors: &'a Arc<Descriptors>,
    /// Who sent it, as it is written.
    pub(crate) peer_text: &'a str,
    /// Its forwarding headers are believed.
    pub(crate) is_trusted: bool,
    /// The request came over TLS.
    pub(crate) is_tls: bool,
    pub(crate) head: &'a Head<'a>,
    pub(crate) request_id: &'a str,
    /// When the header was complete.
    pub(crate) received_at: Instant,
    /// What time it was then.
    pub(crate) now: Timestamp,
}

/// What is known once the header has passed.
struct Passed<'v, 'r> {
    verification: Verification<'v, 'r>,
    /// When it passed.
    now: Timestamp,
    origin: Option<SignedOrigin>,
}

impl<'a> Admission<'a> {
    /// Judges the request, whose body comes from `source`. `reservation` holds what the header takes, and
    /// then the body too.
    pub(crate) async fn judge(
        &self,
        source: &mut impl RequestBody,
        reservation: &mut Reservation,
        header_bytes: u64,
    ) -> Result<Admitted<'a>, Refusal> {
        let nominated =
            handoff::nominations(self.head.fields(), |name| self.active.uses_header(name));
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
            origin,
        } = self.check_header(source.left(), target, &route)?;
        let slot = self.descriptors.reserve().ok_or_else(|| {
            let text = "no file descriptor is left for a connection to the app";
            let scheme = verification.scheme();
            let refusal = Refusal::text(Reason::Overloaded, text);
            refusal.of(scheme).on(&route)
        })?;
        if let Some(rejection) = verification.certain_rejection() {
            return Err(Refusal::rejected(rejection.clone(), &route, None));
        }
        let began_reading = Instant::now();
        let mut spent = began_reading.saturating_duration_since(self.received_at);
        let limits = Limits {
            max_bytes: route.max_body_bytes,
            timeout: self.active.server.body_timeout,
            other_bytes: header_bytes,
        };
        let read = body::read(source, &mut verification, reservation, self.turns, limits).await;
        let scheme = verification.scheme();
        let hashing = match read {
            Ok(hashing) => hashing,
            Err(unread) => {
                let refusal = self.unread_body(unread, scheme, &route);
                return Err(refusal.having_read(verification.abandon(), false));
            }
        };
        let finishing = Instant::now();
        let now = now.after(finishing.saturating_duration_since(began_reading));
        let body_bytes = verification.body_len();
        let verdict = verification.finish();
        spent = spent
            .saturating_add(hashing)
            .saturating_add(finishing.elapsed());
        route
            .metrics
            .verification_seconds
            .observe(spent.as_secs_f64());
        route.metrics.request_body_bytes.observe(body_bytes as f64);
        match verdict {
            Ok(permitted) => {
                let (permitted, claim) = claim(self.replay, permitted, &route, now).await?;
                self.record_permit(&permitted, &route, now, origin);
                Ok(Admitted {
                    permitted,
                    route,
                    nominated,
                    slot,
                    claim,
                })
            }
            Err(rejected) => {
                let Rejected { rejection, body } = *rejected;
                let refusal = Refusal::rejected(rejection, &route, origin);
                Err(refusal.having_read(body, true))
            }
        }
    }

    /// The route that the request's target names, whatever else is the matter with it.
    pub(crate) fn named_route(&self) -> Option<&Arc<Route>> {
        self.find(Target::parse(self.head.target).ok()?)
    }

    fn find(&self, target: Target<'_>) -> Option<&Arc<Route>> {
        // A target with a fragment is refused, and counted on the route that the path before it names.
        let path = target.path().split(|byte| *byte == b'#').next();
        self.active.routes.find(path.unwrap_or_default())
    }

    fn route(&self, target: Target<'_>) -> Result<Arc<Route>, Refusal> {
        let route = self.find(target);
        let bad_target = |error: TargetError| {
            let refusal = Refusal::text(Reason::BadTarget, error.to_string());
            match route {
                Some(route) => refusal.on(route),
                None => refusal,
            }
        };
        target.check().map_err(bad_target)?;
        let route = route.ok_or_else(|| Refusal::new(Reason::NoRoute))?;
        if route.verifier.signs_uri() {
            target.check_signed().map_err(bad_target)?;
        }
        Ok(Arc::clone(route))
    }

    /// Everything that can be refused without the body.
    fn check_header<'v>(
        &self,
        body: Left,
        target: Target<'a>,
        route: &'v Arc<Route>,
    ) -> Result<Passed<'v, 'a>, Refusal> {
        let origin = self.origin(route)?;
        let mut methods = route.methods.iter();
        if !methods.any(|method| method.as_str() == self.head.method) {
            return Err(Refusal::new(Reason::MethodNotAllowed).on(route));
        }
        let declared = match body {
            Left::Exactly(length) => length,
            Left::AtLeast(_) => 0,
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
            target,
            headers: self.head.fields(),
        };
        let now = self.now;
        let uri = origin.as_ref().map(|origin| origin.uri(route, target));
        let verification = route
            .verifier
            .begin(request, uri, now)
            .map_err(|rejection| Refusal::rejected(rejection, route, None))?;
        if !self.budget.may_hold(declared) {
            let scheme = verification.scheme();
            let explanation = Explanation {
                limit: Some(self.active.server.max_buffered_bytes),
                declared: Some(declared),
                ..Explanation::text(body::NO_ROOM)
            };
            let refusal = Refusal::explained(Reason::Overloaded, explanation);
            return Err(refusal.of(scheme).on(route));
        }
        Ok(Passed {
            verification,
            now,
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
        let server = &self.active.server;
        let reported = if self.is_trusted {
            forwarding::reported(self.head.fields(), server.forwarding)
                .map_err(|error| bad_target(Explanation::text(error.to_string())))?
        } else if server.tls.is_some() && !self.is_tls {
            let text = "without TLS, only a trusted proxy can say which URL was called";
            return Err(bad_target(Explanation::text(text)));
        } else {
            Reported::default()
        };
        let own_host = || {
            let host = self.head.fields().first("host")?;
            std::str::from_utf8(host).ok().map(str::to_owned)
        };
        let own_scheme = if self.is_tls { "https" } else { "http" };
        let scheme = reported.scheme.unwrap_or(own_scheme);
        let host = reported.host.or_else(own_host).unwrap_or_default();
        if !server.is_public_host(scheme, &host) {
            let text = "the host that was called is not in public_hosts";
            return Err(bad_target(Explanation::text(text).with_public_host(&host)));
        }
        // Providers leave a scheme's default port out of the URL that they call and sign.
        let host = without_default_port(scheme, &host).to_owned();
        Ok(Some(SignedOrigin::Reported { scheme, host }))
    }

    /// The URL that the provider called to reach this route, as far as it is known.
    pub(crate) fn called_url(&self, route: &Arc<Route>) -> Option<Vec<u8>> {
        let target = Target::parse(self.head.target).ok()?;
        let origin = self.origin(route).ok()??;
        Some(origin.uri(route, target).to_bytes())
    }

    /// The refusal of a request whose body was not read to its end: words, and the numbers beside the
    /// limit.
    fn unread_body(&self, unread: Unread, scheme: &'static str, route: &Arc<Route>) -> Refusal {
        let is_cut_off = matches!(unread, Unread::CutOff);
        let (reason, text, counted) = match unread {
            Unread::Rejected(rejection) => return Refusal::rejected(rejection, route, None),
            Unread::CutOff => (Reason::BadRequest, "the body was cut off", None),
            Unread::Refused {
                reason,
                text,
                counted,
            } => (reason, text, counted),
        };
        let limit = match reason {
            Reason::BodyTooLarge => Some(route.max_body_bytes),
            Reason::Overloaded => Some(self.active.server.max_buffered_bytes),
            _ => None,
        };
        let explanation = Explanation {
            limit,
            declared: self.head.declared(),
            counted,
            ..Explanation::text(text)
        };
        let refusal = Refusal::explained(reason, explanation);
        refusal.cut_off(is_cut_off).of(scheme).on(route)
    }

    fn record_permit(
        &self,
        permitted: &Permitted<'_>,
        route: &Arc<Route>,
        now: Timestamp,
        origin: Option<SignedOrigin>,
    ) {
        let permit = permitted.permit();
        if let Some(rejection) = permit.waived() {
            let waived = Refusal::rejected(rejection.clone(), route, origin);
            waived.record_as_waived(route, || self.sent());
        }
        if let Some(proof) = permit.proof() {
            route.metrics.count_verified(proof, now);
        }
    }

    /// What was sent, as far as it may be shown.
    pub(crate) fn sent(&self) -> Sent<'_> {
        Sent {
            asked: self.asked(),
            head: Some(self.head),
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
    fn client(&self) -> Cow<'a, str> {
        let server = &self.active.server;
        let reported = if self.is_trusted {
            forwarding::reported(self.head.fields(), server.forwarding).unwrap_or_default()
        } else {
            Reported::default()
        };
        let client = reported.client.map(Cow::Owned);
        client.unwrap_or(Cow::Borrowed(self.peer_text))
    }
}

/// How long the sender of a request to this route waits for its answer, where that is known.
pub(crate) fn sender_waits(route: &Route, head: &Head<'_>) -> Option<Duration> {
    use crate::verify::provider::TimeLimit;
    match route.answer_rules().time_limit {
        TimeLimit::Unknown => None,
        TimeLimit::Fixed(limit) => Some(limit),
        TimeLimit::HeaderMillis(name) => {
            let value = head.fields().first(name)?;
            let millis = std::str::from_utf8(value).ok()?.parse().ok()?;
            Some(Duration::from_millis(millis))
        }
    }
}
