//! Why verification failed, with what an operator needs to see it.

use std::fmt;

use super::body::Body;
use super::timestamp::Timestamp;
use crate::reason::Reason;

/// How much of a header's value is kept as evidence, in bytes: a sound timestamp has 13, a version 2.
const MAX_EVIDENCE_BYTES: usize = 40;

/// A request that did not verify.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// The first thing that was wrong.
    pub reason: Reason,
    /// The scheme by which it was judged; the provider's name before a version is known.
    pub scheme: &'static str,
    /// What explains the reason. Never a secret, a signature, a body or a query.
    pub evidence: Evidence,
}

/// A request that did not verify, with the body that was judged. The body is there to be looked at: nothing is
/// forwarded without a [`Permitted`](super::Permitted), and none can be made of it.
///
/// ```compile_fail
/// # use hookward::verify::{Permit, Permitted, Rejected, Request};
/// fn forge<'r>(permit: Permit, request: Request<'r>, rejected: Rejected) -> Permitted<'r> {
///     Permitted { permit, request, body: rejected.body }
/// }
/// ```
#[derive(Debug)]
pub struct Rejected {
    /// What was wrong.
    pub rejection: Rejection,
    /// The body, whole.
    pub body: Body,
}

/// What explains a rejection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Evidence {
    /// The reason says it all.
    None,
    /// The header or query parameter it is about.
    Name(String),
    /// A signature's version that is not accepted.
    #[non_exhaustive]
    Version {
        /// The header that says it.
        header: String,
        /// The header's value, cut and escaped.
        sent: String,
    },
    /// A timestamp that was refused.
    #[non_exhaustive]
    Time {
        /// The header's value, cut and escaped.
        received: String,
        /// The time it was judged against.
        now: Timestamp,
        /// `now` less the received time in milliseconds, where it is a time at all.
        age_millis: Option<i64>,
    },
    /// The body begins with a byte that a signed URL can have, and the route does not allow that.
    BodyStart,
    /// What happened, in words.
    Words(&'static str),
    /// No secret gave the signature.
    #[non_exhaustive]
    Mismatch {
        /// The length of the body that was hashed, in bytes.
        body_bytes: u64,
    },
}

impl Evidence {
    pub(super) fn version(header: &str, sent: &[u8]) -> Self {
        Self::Version {
            header: header.to_owned(),
            sent: shown(sent),
        }
    }

    pub(super) fn time(received: &[u8], now: Timestamp) -> Self {
        Self::Time {
            received: shown(received),
            now,
            age_millis: Timestamp::parse(received).map(|signed_at| now.millis_since(signed_at)),
        }
    }
}

fn shown(value: &[u8]) -> String {
    let shown = value.get(..MAX_EVIDENCE_BYTES).unwrap_or(value);
    shown.escape_ascii().to_string()
}

impl fmt::Display for Rejection {
    /// The scheme, the reason, and what explains it: for the log, not for the sender.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.scheme, self.reason)?;
        match &self.evidence {
            Evidence::None => Ok(()),
            Evidence::Name(name) => write!(f, ": {name}"),
            Evidence::Version { header, sent } => write!(f, ": {header} is \"{sent}\""),
            Evidence::Time {
                received,
                now,
                age_millis,
            } => {
                write!(f, ": \"{received}\", and it is {now}")?;
                age_millis.map_or(Ok(()), |age| write!(f, ": {age} ms old"))
            }
            Evidence::BodyStart => f.write_str(
                ": the body begins with a byte that a signed URL can have, so it is no object, list or text of JSON",
            ),
            Evidence::Words(words) => write!(f, ": {words}"),
            Evidence::Mismatch { body_bytes } => {
                write!(f, ": no secret gives it with a body of {body_bytes} bytes")
            }
        }
    }
}

impl std::error::Error for Rejection {}
