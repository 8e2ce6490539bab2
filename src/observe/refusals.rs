//! A refusal as a record.
//!
//! It owns all that it says, cut and escaped, so that it can be kept longer than its request.
//! It has no field for a secret, a signature, a body or a query.

use std::borrow::Cow;
use std::sync::Arc;

use crate::observe::text::shown;
use crate::reason::Reason;
use crate::verify::{Evidence, Timestamp};

/// How much of a method is kept, in bytes.
const MAX_METHOD_BYTES: usize = 32;
/// How much of a path is kept, in bytes.
const MAX_PATH_BYTES: usize = 256;
/// How much of a client's address is kept, in bytes: a proxy in front may report any text.
const MAX_CLIENT_BYTES: usize = 64;
/// How much of a request id is kept, in bytes: one that is passed on is no longer.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// How much of a host is kept, in bytes: a name has no more (RFC 1035 section 2.3.4), and a port.
const MAX_HOST_BYTES: usize = 261;
/// How much of a header's value is kept, in bytes.
const MAX_VALUE_BYTES: usize = 100;

/// A request that did not verify: refused, or let through because its route does not enforce.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When it was judged.
    pub at: Timestamp,
    /// The route's name; `none` where it had none.
    pub route: Arc<str>,
    /// How it was judged.
    pub judged: Judged,
    /// What was asked for, and by whom.
    pub request: Asked,
    /// What explains the reason.
    pub explanation: Box<Explanation>,
}

/// What may be shown of a request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its `X-Request-Id`: the app and the proxy in front know it by that.
    pub request_id: String,
    /// Who sent it.
    pub client: String,
    /// Its method, where it has one.
    pub method: Option<String>,
    /// The path of its target, where it has one.
    pub path: Option<String>,
}

impl Asked {
    /// The request, each part cut and escaped.
    #[must_use]
    pub fn new(request_id: &str, client: &str, method: Option<&str>, path: Option<&[u8]>) -> Self {
        Self {
            request_id: shown(request_id.as_bytes(), MAX_REQUEST_ID_BYTES),
            client: shown(client.as_bytes(), MAX_CLIENT_BYTES),
            method: method.map(|method| shown(method.as_bytes(), MAX_METHOD_BYTES)),
            path: path.map(|path| shown(path, MAX_PATH_BYTES)),
        }
    }
}

/// What explains a reason. Each reason has its own parts of it.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// A few words.
    pub text: Option<Cow<'static, str>>,
    /// The header or query parameter it is about.
    pub about: Option<String>,
    /// The timestamp's header as it was received.
    pub timestamp_received: Option<String>,
    /// The time it was judged against, in milliseconds since the epoch.
    pub our_clock: Option<u64>,
    /// `our_clock` less the timestamp, in milliseconds; negative: from the future.
    pub age_ms: Option<i64>,
    /// The signature's version, as it was sent.
    pub version: Option<String>,
    /// Scheme and host that were signed.
    pub signed_origin: Option<String>,
    /// The path that was signed.
    pub signed_path: Option<String>,
    /// The host that was called.
    pub public_host: Option<String>,
    /// The length of the query, in bytes.
    pub query_bytes: Option<u64>,
    /// The length of the body that was hashed, in bytes.
    pub body_bytes: Option<u64>,
    /// The body's `Content-Type`.
    pub content_type: Option<String>,
    /// The body's `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// The ids of the secrets that were tried.
    pub secrets_tried: Option<String>,
    /// The limit that was passed, in bytes.
    pub limit: Option<u64>,
    /// The length that the request announced, in bytes.
    pub declared: Option<u64>,
    /// How much of the body had come, in bytes.
    pub counted: Option<u64>,
    /// How much of the header had come, in bytes.
    pub header_bytes: Option<u64>,
}

impl Explanation {
    /// An explanation in words.
    #[must_use]
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// The host that was called, cut and escaped.
    #[must_use]
    pub fn with_public_host(self, host: &str) -> Self {
        Self {
            public_host: Some(shown(host.as_bytes(), MAX_HOST_BYTES)),
            ..self
        }
    }

    /// The URL that was signed, without its query: scheme and host, and the path, cut and escaped; and
    /// how long the query was, in bytes.
    #[must_use]
    pub fn with_signed_url(self, origin: &str, path: &[u8], query_bytes: u64) -> Self {
        Self {
            signed_origin: Some(shown(origin.as_bytes(), MAX_HOST_BYTES)),
            signed_path: Some(shown(path, MAX_PATH_BYTES)),
            query_bytes: Some(query_bytes),
            ..self
        }
    }

    /// What the body's headers say of it, cut and escaped.
    #[must_use]
    pub fn with_content(self, content_type: Option<&[u8]>, encoding: Option<&[u8]>) -> Self {
        let shown = |value: &[u8]| shown(value, MAX_VALUE_BYTES);
        Self {
            content_type: content_type.map(shown),
            content_encoding: encoding.map(shown),
            ..self
        }
    }
}

impl From<&Evidence> for Explanation {
    fn from(evidence: &Evidence) -> Self {
        let mut explanation = Self::default();
        match evidence {
            Evidence::Name(name) => explanation.about = Some(name.clone()),
            Evidence::Version { header, sent } => {
                explanation.about = Some(header.clone());
                explanation.version = Some(sent.clone());
            }
            Evidence::Time {
                received,
                now,
                age_millis,
            } => {
                explanation.timestamp_received = Some(received.clone());
                explanation.our_clock = Some(now.as_millis());
                explanation.age_ms = *age_millis;
            }
            Evidence::Mismatch { body_bytes } => explanation.body_bytes = Some(*body_bytes),
            Evidence::BodyStart => {
                let text = "the body begins with a byte that a signed URL can have, and body_start is \"json\"";
                explanation.text = Some(text.into());
            }
            Evidence::Words(words) => explanation.text = Some((*words).into()),
            Evidence::None => {}
        }
        explanation
    }
}

/// How a request was judged that did not verify.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// By what it was judged, as in the metrics.
    pub scheme: &'static str,
    /// The first thing that was wrong.
    pub reason: Reason,
    /// The status that the sender got; none if the request was let through.
    pub http_status: Option<u16>,
}
