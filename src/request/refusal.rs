//! Refusals: the one place where a reason becomes an answer.
//!
//! The answer tells the caller nothing beyond its status: no date, no request id. A 401 does not even
//! say whether the connection stays, because that depends on how far the request was read, and so on
//! the reason. The log tells the operator everything but the secret.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::signed_origin::SignedOrigin;
use crate::active::{ActiveConfig, Route};
use crate::http1::head::Head;
use crate::http1::own_answer::OwnAnswer;
use crate::http1::target::Target;
use crate::observe::metrics::{Metrics, NONE};
use crate::observe::recent::{Recent, RefusalId};
use crate::observe::refusals::{Asked, Explanation, Judged, Refused};
use crate::observe::report;
use crate::reason::Reason;
use crate::verify::provider::{AnswerRules, RetryAfterUnit};
use crate::verify::{Body, Rejection, Timestamp};

/// After how many seconds a sender that we have no room for should try again.
const RETRY_AFTER_SECONDS: &str = "1";
/// The same in milliseconds, which is what HubSpot reads in `Retry-After`.
const RETRY_AFTER_MILLIS: &str = "1000";

/// A request that is not forwarded.
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) route: Option<Arc<Route>>,
    /// The scheme's label; `none` where there is none yet.
    pub(crate) scheme: &'static str,
    /// Its sender broke it off before its body was whole.
    pub(crate) is_cut_off: bool,
    /// What was read of its body, while it is still at hand.
    body: Option<Box<Examinable>>,
    cause: Cause,
    /// A status other than the reason's usual one.
    status: Option<u16>,
}

/// What was read of the body of a refused request: to be looked at or kept, and never forwarded.
pub(crate) struct Examinable {
    pub(crate) body: Body,
    /// It was read to its end.
    pub(crate) is_whole: bool,
}

/// What explains a refusal to the operator. It is put into words only where they are kept: a flood of
/// forgeries must cost little.
enum Cause {
    Explained(Box<Explanation>),
    Unverified(Box<Unverified>),
}

/// What the verifier refused.
struct Unverified {
    rejection: Rejection,
    /// What the signature had to cover.
    origin: Option<SignedOrigin>,
}

/// What was sent, as far as it may be shown.
pub(crate) struct Sent<'a> {
    pub(crate) asked: Asked,
    /// The header, where it could be read.
    pub(crate) head: Option<&'a Head<'a>>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason) -> Self {
        Self::explained(reason, Explanation::default())
    }

    pub(crate) fn text(reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        Self::explained(reason, Explanation::text(text))
    }

    pub(crate) fn explained(reason: Reason, explanation: Explanation) -> Self {
        Self::caused(reason, Cause::Explained(Box::new(explanation)))
    }

    fn caused(reason: Reason, cause: Cause) -> Self {
        Self {
            reason,
            route: None,
            scheme: NONE,
            is_cut_off: false,
            body: None,
            cause,
            status: None,
        }
    }

    /// The host that was called, where it is what was refused.
    pub(crate) fn public_host(&self) -> Option<&str> {
        match &self.cause {
            Cause::Explained(explanation) => explanation.public_host.as_deref(),
            Cause::Unverified(_) => None,
        }
    }

    /// With this scheme's label.
    pub(super) fn of(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    /// With whether the sender broke the request off.
    pub(super) fn cut_off(self, is_cut_off: bool) -> Self {
        Self { is_cut_off, ..self }
    }

    /// With what was read of the body.
    pub(super) fn having_read(self, body: Body, is_whole: bool) -> Self {
        Self {
            body: Some(Box::new(Examinable { body, is_whole })),
            ..self
        }
    }

    /// Gives up what was read of the body, if there is any.
    pub(crate) fn take_body(&mut self) -> Option<Box<Examinable>> {
        self.body.take()
    }

    /// With a status other than the reason's usual one.
    pub(crate) fn answered_with(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    pub(crate) fn on(self, route: &Arc<Route>) -> Self {
        Self {
            scheme: if self.scheme == NONE {
                route.verifier.initial_label()
            } else {
                self.scheme
            },
            route: Some(Arc::clone(route)),
            ..self
        }
    }

    /// What the verifier refused. `origin` is what a signature had to cover.
    pub(super) fn rejected(
        rejection: Rejection,
        route: &Arc<Route>,
        origin: Option<SignedOrigin>,
    ) -> Self {
        let (reason, scheme) = (rejection.reason, rejection.scheme);
        let cause = Cause::Unverified(Box::new(Unverified { rejection, origin }));
        Self::caused(reason, cause).of(scheme).on(route)
    }

    /// The status of the answer, chosen for what the sender does next: HubSpot repeats a 429 and
    /// no other 4xx, and nobody should repeat what can never verify.
    pub(crate) fn status(&self) -> u16 {
        if let Some(status) = self.status {
            return status;
        }
        match self.reason {
            Reason::BadRequest | Reason::BadTarget => 400,
            Reason::NoRoute => 404,
            Reason::MethodNotAllowed => 405,
            Reason::BodyTooLarge => 413,
            Reason::Overloaded => self.answer_rules().overloaded_status,
            Reason::BodyTimeout => 503,
            Reason::DuplicateHeader
            | Reason::MissingSignature
            | Reason::MissingApiKey
            | Reason::UnacceptedVersion
            | Reason::MalformedSignature
            | Reason::MissingTimestamp
            | Reason::MalformedTimestamp
            | Reason::TimestampExpired
            | Reason::TimestampInFuture
            | Reason::SignatureMismatch
            | Reason::ApiKeyMismatch => 401,
            Reason::Replayed => 409,
            Reason::ReplayStoreUnavailable => 503,
        }
    }

    fn answer_rules(&self) -> &'static AnswerRules {
        let route = self.route.as_ref();
        route.map_or(&AnswerRules::UNKNOWN, |route| route.answer_rules())
    }

    /// The answer.
    pub(crate) fn answer(&self) -> OwnAnswer {
        let status = self.status();
        let retry_after = || Some(("Retry-After", self.retry_after().to_owned()));
        let field = match status {
            401 => Some(("WWW-Authenticate", "Signature".to_owned())),
            405 => {
                let allow = self
                    .route
                    .as_ref()
                    .and_then(|route| route.allow.to_str().ok());
                allow.map(|allow| ("Allow", allow.to_owned()))
            }
            503 => retry_after(),
            _ if self.reason == Reason::Overloaded => retry_after(),
            _ => None,
        };
        OwnAnswer {
            status,
            field,
            is_last: self.reason == Reason::BadRequest,
        }
    }

    fn retry_after(&self) -> &'static str {
        match self.answer_rules().retry_after {
            RetryAfterUnit::Milliseconds if self.reason == Reason::Overloaded => RETRY_AFTER_MILLIS,
            RetryAfterUnit::Milliseconds | RetryAfterUnit::Seconds => RETRY_AFTER_SECONDS,
        }
    }

    /// Makes the refusal known to the operator. Returns its id, if it is kept in `recent`.
    pub(crate) fn record<'a>(
        &self,
        active: &ActiveConfig,
        metrics: &Metrics,
        recent: &Recent,
        sent: impl FnOnce() -> Sent<'a>,
    ) -> Option<RefusalId> {
        let status = Some(self.status());
        let (metrics, limits) = match &self.route {
            Some(route) => (&route.metrics, &route.log_limits),
            None => (&metrics.unrouted, &active.unrouted),
        };
        let judged = self.judged(status);
        report::record(judged, metrics, limits, Some(recent), || {
            self.refused(judged, sent())
        })
    }

    /// Makes it known that what would have been refused is let through.
    pub(super) fn record_as_waived<'a>(&self, route: &Route, sent: impl FnOnce() -> Sent<'a>) {
        let judged = self.judged(None);
        report::record(judged, &route.metrics, &route.log_limits, None, || {
            self.refused(judged, sent())
        });
    }

    fn judged(&self, http_status: Option<u16>) -> Judged {
        Judged {
            scheme: self.scheme,
            reason: self.reason,
            http_status,
        }
    }

    fn refused(&self, judged: Judged, sent: Sent<'_>) -> Refused {
        let at = Timestamp::from(SystemTime::now());
        let mut explanation = self.explanation(sent.head);
        let is_mismatch = matches!(
            self.reason,
            Reason::SignatureMismatch | Reason::ApiKeyMismatch
        );
        if let Some(route) = self.route.as_ref().filter(|_| is_mismatch) {
            let tried: Vec<&str> = route.verifier.secrets_tried(at).collect();
            explanation.secrets_tried = Some(tried.join(","));
        }
        Refused {
            at,
            route: match &self.route {
                Some(route) => Arc::clone(&route.name),
                None => NONE.into(),
            },
            judged,
            request: sent.asked,
            explanation: Box::new(explanation),
        }
    }

    fn explanation(&self, head: Option<&Head<'_>>) -> Explanation {
        let (rejection, origin) = match &self.cause {
            Cause::Explained(explanation) => return Explanation::clone(explanation),
            Cause::Unverified(unverified) => (&unverified.rejection, unverified.origin.as_ref()),
        };
        let explanation = Explanation::from(&rejection.evidence);
        match (rejection.reason, head, &self.route) {
            (Reason::SignatureMismatch, Some(head), Some(route)) => {
                let signs_uri = route.verifier.signs_uri_by(rejection.scheme);
                with_signed(explanation, route, origin.filter(|_| signs_uri), head)
            }
            _ => explanation,
        }
    }
}

/// Adds what was hashed, so that it can be compared with what was sent.
fn with_signed(
    explanation: Explanation,
    route: &Route,
    origin: Option<&SignedOrigin>,
    head: &Head<'_>,
) -> Explanation {
    let fields = head.fields();
    let explanation = explanation.with_content(
        fields.first("content-type"),
        fields.first("content-encoding"),
    );
    let Ok(target) = Target::parse(head.target) else {
        return explanation;
    };
    let query_bytes = target.query().map_or(0, <[u8]>::len);
    let query_bytes = u64::try_from(query_bytes).unwrap_or(u64::MAX);
    match origin {
        Some(origin) => {
            let path = origin.path(route, target);
            explanation.with_signed_url(&origin.text(route), &path, query_bytes)
        }
        None => Explanation {
            query_bytes: Some(query_bytes),
            ..explanation
        },
    }
}
