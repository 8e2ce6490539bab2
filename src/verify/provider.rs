//! How a provider is described: the schemes it signs with, and what it does with an answer.
//!
//! Whatever differs between providers is a field here. No other code asks which provider it has before
//! it: it asks for what it needs to know.

use std::time::Duration;

use super::scheme::Scheme;

/// A sender of webhooks: how it signs, and how it treats the answers it gets. Those that there are, are in
/// `hookward::providers`; what one consists of may change at any time.
#[derive(Debug)]
pub struct Provider {
    /// The name in `scheme = …`, and the metric label until a version is known.
    #[doc(hidden)]
    pub name: &'static str,
    /// Its schemes, the strongest first: the order in which their own headers are looked for.
    #[doc(hidden)]
    pub schemes: &'static [Scheme],
    /// The signature header and version header that its versioned schemes share.
    #[doc(hidden)]
    pub versioned: Option<VersionedHeaders>,
    /// A header that the provider sends and does not sign: made by the signer, never judged.
    #[doc(hidden)]
    pub nonce_header: Option<&'static str>,
    /// Every header that verification reads. Each may occur once.
    #[doc(hidden)]
    pub headers: &'static [&'static str],
    /// What it does with an answer.
    #[doc(hidden)]
    pub answers: AnswerRules,
    /// What is known of its requests and its settings, against which a configuration is checked.
    #[doc(hidden)]
    pub known: KnownFacts,
    /// Events as it sends them, for demonstrations and tests of a configuration.
    #[doc(hidden)]
    pub samples: &'static [Sample],
}

/// What is known of a sender beside its signatures. Nothing here decides a verdict: it is what a
/// configuration is checked against, so that a mistake is found before the first request.
#[derive(Clone, Copy, Debug)]
pub struct KnownFacts {
    /// The name as people write it, such as `HubSpot`.
    pub display_name: &'static str,
    /// It calls `https` URLs alone: a signed URL with `http` never matches.
    pub calls_https_alone: bool,
    /// Texts of its own that are taken for its signing secret by mistake.
    pub mistaken_secrets: &'static [MistakenSecret],
}

/// A text that a provider gives out and that is not its signing secret.
#[derive(Clone, Copy, Debug)]
pub struct MistakenSecret {
    /// How it looks.
    pub look: Look,
    /// What it is and what belongs in its place, after "looks like", such as `an access token of …`.
    pub what: &'static str,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// It begins so.
    Begins(&'static str),
    /// It begins so, and what follows is a UUID.
    BeforeUuid(&'static str),
    /// It has nothing but decimal digits, and no more of them than this.
    Digits(usize),
}

impl MistakenSecret {
    /// Whether a text looks like this.
    #[must_use]
    pub fn is_like(&self, text: &str) -> bool {
        match self.look {
            Look::Begins(start) => text.starts_with(start),
            Look::BeforeUuid(start) => text.strip_prefix(start).is_some_and(is_uuid),
            Look::Digits(most) => {
                (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
        }
    }
}

/// RFC 9562 section 4: hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_uuid(text: &str) -> bool {
    let groups = text.split('-');
    let is_hex = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.clone().all(is_hex) && groups.map(str::len).eq([8, 4, 4, 4, 12])
}

/// The headers that several versions of a provider share.
#[derive(Clone, Copy, Debug)]
pub struct VersionedHeaders {
    /// The header with the signature.
    pub signature: &'static str,
    /// The header that says which version made it.
    pub version: &'static str,
}

/// What a provider does with an answer, or without one.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRules {
    /// How long it waits for an answer.
    pub time_limit: TimeLimit,
    /// The status at which it sends an event again that came while there was no room.
    pub overloaded_status: u16,
    /// How it reads `Retry-After`.
    pub retry_after: RetryAfterUnit,
    /// What becomes of an event that was not taken, in a sentence for operators.
    pub repeats: &'static str,
}

impl AnswerRules {
    /// Whether the number in `Retry-After` is read as milliseconds.
    #[must_use]
    pub fn reads_millis(&self) -> bool {
        self.retry_after == RetryAfterUnit::Milliseconds
    }

    /// Of a sender about whom nothing is known: what RFC 9110 says.
    pub const UNKNOWN: Self = Self {
        time_limit: TimeLimit::Unknown,
        overloaded_status: 503,
        retry_after: RetryAfterUnit::Seconds,
        repeats: "whether the sender sends it again is not known",
    };
}

/// How long a provider waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// It is not known.
    Unknown,
    /// Always as long.
    Fixed(Duration),
    /// As many milliseconds as this header of the request says.
    HeaderMillis(&'static str),
}

impl TimeLimit {
    /// How long, where that is known without a request.
    #[must_use]
    pub fn fixed(self) -> Option<Duration> {
        match self {
            Self::Fixed(limit) => Some(limit),
            Self::Unknown | Self::HeaderMillis(_) => None,
        }
    }
}

/// How a number in `Retry-After` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfterUnit {
    /// As RFC 9110 section 10.2.3 says.
    Seconds,
    /// As HubSpot's workflows do.
    Milliseconds,
}

/// An event as a provider sends it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// What it tells of.
    pub name: &'static str,
    /// The body, byte for byte.
    pub body: &'static str,
    /// Members of the body that no two events have alike, or that tell the present time. Each name is in it once.
    pub fresh: &'static [(&'static str, Fresh)],
}

/// What the value of a member is, of an event that happens now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// A number that no other event has.
    Id,
    /// Milliseconds since the epoch.
    Millis,
    /// A time in UTC with milliseconds, in quotes (RFC 3339).
    Time,
}
