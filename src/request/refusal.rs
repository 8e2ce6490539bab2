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
use crate::http1::fields::Fields;
use crate::http1::own_answer::OwnAnswer;
use crate::http1::target::Target;
use crate::observe::metrics::{Metrics, NONE};
use crate::observe::refusals::{self, Asked, Explanation, Judged, Refused};
use crate::reason::Reason;
use crate::verify::provider::{AnswerRules, RetryAfterUnit};
use crate::verify::{Rejection, Timestamp};

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
    /// What explains it to the operator.
    pub(crate) explanation: Box<Explanation>,
    /// A status other than the reason's usual one.
    pub(crate) status: Option<u16>,
}

/// The parts of a request that a signature is about, to explain a mismatch.
#[derive(Clone, Copy)]
pub(super) struct Claimed<'a> {
    pub(super) origin: Option<&'a SignedOrigin>,
    pub(super) target: Target<'a>,
    pub(super) fields: Fields<'a>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason) -> Self {
        Self::explained(reason, Explanation::default())
    }

    pub(crate) fn text(reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        Self::explained(reason, Explanation::text(text))
    }

    pub(crate) fn explained(reason: Reason, explanation: Explanation) -> Self {
        Self {
            reason,
            route: None,
            scheme: NONE,
            explanation: Box::new(explanation),
            status: None,
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

    /// The refusal for a rejection that the header led to.
    pub(crate) fn rejected(rejection: &Rejection, route: &Arc<Route>) -> Self {
        let explanation = Explanation::from(&rejection.evidence);
        Self {
            scheme: rejection.scheme,
            ..Self::explained(rejection.reason, explanation)
        }
        .on(route)
    }

    /// The refusal for a rejection after the body was read. A mismatch is explained by what was hashed.
    pub(super) fn unproved(
        rejection: &Rejection,
        route: &Arc<Route>,
        claimed: Claimed<'_>,
    ) -> Self {
        let mut refusal = Self::rejected(rejection, route);
        if rejection.reason == Reason::SignatureMismatch {
            refusal.explanation = Box::new(claimed.explain(*refusal.explanation, rejection, route));
        }
        refusal
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

    /// Makes the refusal known to the operator.
    pub(crate) fn record(
        &self,
        active: &ActiveConfig,
        metrics: &Metrics,
        request: impl FnOnce() -> Asked,
    ) {
        let status = Some(self.status());
        let (metrics, limits) = match &self.route {
            Some(route) => (&route.metrics, &route.log_limits),
            None => (&metrics.unrouted, &active.unrouted),
        };
        let refused = || self.refused(request(), status);
        refusals::record(self.judged(status), metrics, limits, refused);
    }

    /// Makes it known that what would have been refused is let through.
    pub(crate) fn record_as_waived(&self, route: &Route, request: impl FnOnce() -> Asked) {
        let refused = || self.refused(request(), None);
        refusals::record(
            self.judged(None),
            &route.metrics,
            &route.log_limits,
            refused,
        );
    }

    fn judged(&self, http_status: Option<u16>) -> Judged {
        Judged {
            scheme: self.scheme,
            reason: self.reason,
            http_status,
        }
    }

    fn refused(&self, request: Asked, http_status: Option<u16>) -> Refused {
        let at = Timestamp::from(SystemTime::now());
        let mut explanation = self.explanation.clone();
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
            scheme: self.scheme,
            reason: self.reason,
            http_status,
            request,
            explanation,
        }
    }
}

impl Claimed<'_> {
    /// Adds what was hashed, so that it can be compared with what was sent.
    fn explain(
        &self,
        explanation: Explanation,
        rejection: &Rejection,
        route: &Route,
    ) -> Explanation {
        let fields = self.fields;
        let explanation = explanation.with_content(
            fields.first("content-type"),
            fields.first("content-encoding"),
        );
        let query_bytes = self.target.query().map_or(0, <[u8]>::len);
        let query_bytes = u64::try_from(query_bytes).unwrap_or(u64::MAX);
        let signs_uri = route.verifier.signs_uri_by(rejection.scheme);
        match self.origin.filter(|_| signs_uri) {
            Some(origin) => {
                let path = origin.path(route, self.target);
                explanation.with_signed_url(&origin.text(route), &path, query_bytes)
            }
            None => Explanation {
                query_bytes: Some(query_bytes),
                ..explanation
            },
        }
    }
}
