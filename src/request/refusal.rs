//! Refusals: the one place where a reason becomes an answer.
//!
//! The answer tells the caller nothing beyond its status: no date, no request id. A 401 does not even
//! say whether the connection stays, because that depends on how far the request was read, and so on
//! the reason. The log tells the operator everything but the secret.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crate::active::{Route, Sender, Site};
use crate::exchange::answer;
use crate::http1::fields::Fields;
use crate::http1::target::Target;
use crate::observe::metrics::{Metrics, NONE};
use crate::observe::refusals::{self, Asked, Explanation, Refused};
use crate::providers;
use crate::reason::Reason;
use crate::request::signed_url::SignedOrigin;
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
    /// What of the body is still to come.
    pub(crate) unread: UnreadBody,
}

/// What becomes of the connection after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Stay,
    Close,
}

/// What of a refused request's body was left in its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnreadBody {
    /// All of it: the header was enough to refuse.
    All,
    /// Nothing.
    Nothing,
    /// It cannot be told where the request ends.
    Unclear,
}

/// What a signature was to prove.
#[derive(Clone, Copy)]
pub(crate) struct Claimed<'a> {
    pub(crate) origin: Option<&'a SignedOrigin>,
    pub(crate) target: Target<'a>,
    pub(crate) fields: Fields<'a>,
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
            unread: UnreadBody::All,
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

    /// What the header alone did not prove.
    pub(crate) fn rejected(rejection: &Rejection, route: &Arc<Route>) -> Self {
        let explanation = Explanation::from(&rejection.evidence);
        Self {
            scheme: rejection.scheme,
            ..Self::explained(rejection.reason, explanation)
        }
        .on(route)
    }

    /// What the whole request did not prove.
    pub(crate) fn unproved(
        rejection: &Rejection,
        route: &Arc<Route>,
        claimed: Claimed<'_>,
    ) -> Self {
        let mut refusal = Self {
            unread: UnreadBody::Nothing,
            ..Self::rejected(rejection, route)
        };
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
        let is_hubspot = || {
            let sender = self.route.as_ref().map(|route| route.sender);
            sender == Some(Sender::HubSpot)
        };
        match self.reason {
            Reason::BadRequest | Reason::BadTarget => 400,
            Reason::NoRoute => 404,
            Reason::MethodNotAllowed => 405,
            Reason::BodyTooLarge => 413,
            Reason::Overloaded if is_hubspot() => 429,
            Reason::Overloaded | Reason::BodyTimeout => 503,
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

    /// The whole answer.
    pub(crate) fn response(&self, after: After) -> Vec<u8> {
        let (line, field) = match self.status() {
            400 => ("400 Bad Request", None),
            401 => ("401 Unauthorized", Some(("WWW-Authenticate", "Signature"))),
            404 => ("404 Not Found", None),
            405 => (
                "405 Method Not Allowed",
                self.route
                    .as_ref()
                    .and_then(|route| route.allow.to_str().ok())
                    .map(|allow| ("Allow", allow)),
            ),
            413 => ("413 Content Too Large", None),
            429 => (
                "429 Too Many Requests",
                Some(("Retry-After", RETRY_AFTER_MILLIS)),
            ),
            431 => ("431 Request Header Fields Too Large", None),
            _ => (
                "503 Service Unavailable",
                Some(("Retry-After", RETRY_AFTER_SECONDS)),
            ),
        };
        // Every 401 is the same bytes.
        let says_nothing = after == After::Stay || self.status() == 401;
        answer::own(line, field, says_nothing).into_bytes()
    }

    /// Makes the refusal known to the operator.
    pub(crate) fn record(&self, site: &Site, metrics: &Metrics, request: Asked) {
        let refused = self.refused(request, Some(self.status()));
        match &self.route {
            Some(route) => refusals::record(&refused, &route.metrics, &route.log_limits),
            None => refusals::record(&refused, &metrics.unrouted, &site.unrouted),
        }
    }

    /// Makes it known that what would have been refused is let through.
    pub(crate) fn record_as_waived(&self, route: &Route, request: Asked) {
        let refused = self.refused(request, None);
        refusals::record(&refused, &route.metrics, &route.log_limits);
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
        let scheme = providers::by_label(rejection.scheme);
        let signs_uri = scheme.is_none_or(|(_, scheme)| scheme.signs_uri());
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
