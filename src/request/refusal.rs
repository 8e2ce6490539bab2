//! Refusals: the one place where a reason becomes an answer.
//!
//! The answer tells the caller nothing beyond its status: no date, no request id. A 401 does not even
//! say whether the connection stays, because that depends on how far the request was read, and so on
//! the reason. The log tells the operator everything but the secret.

use std::sync::Arc;
use std::time::SystemTime;

use crate::active::{Route, Site};
use crate::http1::own_answer::OwnAnswer;
use crate::observe::metrics::{Metrics, NONE, Origin, Verdict};
use crate::reason::Reason;
use crate::verify::provider::{AnswerRules, RetryAfterUnit};
use crate::verify::{Evidence, Rejection, Timestamp};

/// After how many seconds a sender that we have no room for should try again.
const RETRY_AFTER_SECONDS: &str = "1";
/// The same in milliseconds, which is what HubSpot reads in `Retry-After`.
const RETRY_AFTER_MILLIS: &str = "1000";

/// How much of a path is logged.
const MAX_LOGGED_PATH_BYTES: usize = 256;

/// A request that is not forwarded.
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) route: Option<Arc<Route>>,
    /// The scheme's label; `none` where there is none yet.
    pub(crate) scheme: &'static str,
    pub(crate) detail: Detail,
    /// A status other than the reason's usual one.
    pub(crate) status: Option<u16>,
}

/// What explains a refusal to the operator.
pub(crate) enum Detail {
    None,
    /// A few words about what was wrong.
    Text(String),
    Evidence(Evidence),
    /// A signature over a URL did not match.
    Mismatch {
        evidence: Evidence,
        signed_origin: Option<String>,
        query_bytes: usize,
    },
}

impl Refusal {
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            reason,
            route: None,
            scheme: NONE,
            detail: Detail::None,
            status: None,
        }
    }

    pub(crate) fn text(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            detail: Detail::Text(text.into()),
            ..Self::new(reason)
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

    pub(crate) fn rejected(rejection: Rejection, route: &Arc<Route>) -> Self {
        Self {
            reason: rejection.reason,
            route: Some(Arc::clone(route)),
            scheme: rejection.scheme,
            detail: Detail::Evidence(rejection.evidence),
            status: None,
        }
    }

    fn route_name(&self) -> &str {
        self.route.as_ref().map_or(NONE, |route| &route.name)
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
        let field = match status {
            401 => Some(("WWW-Authenticate", "Signature".to_owned())),
            405 => {
                let allow = self
                    .route
                    .as_ref()
                    .and_then(|route| route.allow.to_str().ok());
                allow.map(|allow| ("Allow", allow.to_owned()))
            }
            503 => Some(("Retry-After", self.retry_after().to_owned())),
            _ if self.reason == Reason::Overloaded => {
                Some(("Retry-After", self.retry_after().to_owned()))
            }
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

    /// Counts the refusal and logs it, within the route's limit.
    pub(crate) fn record(&self, site: &Site, metrics: &Metrics, seen: &Seen<'_>) {
        let route = self.route_name();
        metrics.count_verdict(route, self.scheme, Verdict::Rejected(self.reason));
        metrics.count_response(route, self.status(), Origin::Hookward);
        let limit = self
            .route
            .as_ref()
            .map_or(&site.unrouted, |route| &route.refusals);
        if limit.allows() {
            self.log(seen);
        }
    }

    fn log(&self, seen: &Seen<'_>) {
        let explained = Explained::from(&self.detail);
        let secrets = matches!(
            self.reason,
            Reason::SignatureMismatch | Reason::ApiKeyMismatch
        )
        .then(|| {
            self.route.as_ref().map(|route| {
                let now = Timestamp::from(SystemTime::now());
                let tried: Vec<&str> = route.verifier.secrets_tried(now).collect();
                tried.join(",")
            })
        })
        .flatten();
        tracing::warn!(
            event = "refused",
            route = self.route_name(),
            reason = self.reason.as_str(),
            status = self.status(),
            scheme = self.scheme,
            request_id = seen.request_id,
            client = seen.client,
            method = seen.method,
            path = seen.path.map(loggable),
            detail = explained.text,
            about = explained.name,
            timestamp_received = explained.timestamp,
            our_clock = explained.clock,
            age_ms = explained.age,
            signed_origin = explained.origin,
            query_bytes = explained.query_bytes,
            body_bytes = explained.body_bytes,
            secrets_tried = secrets,
        );
    }
}

/// What is known of a request when it is refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) client: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: Option<&'a [u8]>,
}

/// A path as it may be logged: escaped, and not longer than of use.
pub(crate) fn loggable(path: &[u8]) -> String {
    let shown = path.get(..MAX_LOGGED_PATH_BYTES).unwrap_or(path);
    shown.escape_ascii().to_string()
}

/// A detail as log fields.
#[derive(Default)]
struct Explained<'a> {
    text: Option<&'a str>,
    name: Option<&'a str>,
    timestamp: Option<&'a str>,
    clock: Option<u64>,
    age: Option<i64>,
    origin: Option<&'a str>,
    query_bytes: Option<u64>,
    body_bytes: Option<u64>,
}

impl<'a> From<&'a Detail> for Explained<'a> {
    fn from(detail: &'a Detail) -> Self {
        match detail {
            Detail::None => Self::default(),
            Detail::Text(text) => Self {
                text: Some(text),
                ..Self::default()
            },
            Detail::Evidence(evidence) => Self::from(evidence),
            Detail::Mismatch {
                evidence,
                signed_origin,
                query_bytes,
            } => Self {
                origin: signed_origin.as_deref(),
                query_bytes: u64::try_from(*query_bytes).ok(),
                ..Self::from(evidence)
            },
        }
    }
}

impl<'a> From<&'a Evidence> for Explained<'a> {
    fn from(evidence: &'a Evidence) -> Self {
        match evidence {
            Evidence::Name(name) => Self {
                name: Some(name),
                ..Self::default()
            },
            Evidence::Time {
                received,
                now,
                age_millis,
            } => Self {
                timestamp: Some(received),
                clock: Some(now.as_millis()),
                age: *age_millis,
                ..Self::default()
            },
            Evidence::Mismatch { body_bytes } => Self {
                body_bytes: Some(*body_bytes),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}
