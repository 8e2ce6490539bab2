//! Verification: parts of a request and a time go in; who sent it, or a reason, comes out.
//!
//! [`WebhookVerifier`] is where an app begins; the crate's page shows it in a handler and for a stored body. Who
//! signs is named by `hookward::providers`. The rules are those of the providers' documentation, with
//! their sources in the files of `src/providers`; docs/schemes.md says what each scheme proves and what it does not.
//!
//! This module is pure: it knows no sockets, no async runtime, no clock and no configuration file.
//! Time is an argument, so that every answer can be reproduced from a captured request. Times are in milliseconds
//! since the Unix epoch.
//!
//! Every secret is tried and nothing stops at the first match or the first wrong byte, so the time it takes tells
//! nothing about the secrets. Of an API key that includes its length.

// How a provider signs is data, a `Provider` with its `Scheme`s: which parts are signed and in which order, with which
// MAC, in which encoding, in which headers. One interpreter reads those descriptions; a further provider is one more
// description, not more code.
//
// Verification is streaming and has two steps. `Verifier::begin` judges everything that the header alone tells, so
// that a request without a chance is refused before its body is read. `Verification::room` and `absorb` take the
// body as it arrives, and `finish` compares.
//
// A `Permitted` can be made nowhere but here, of the very bytes that were judged. Whatever forwards a request asks for
// one. Apps, which forward nothing, get a `Verified`: `webhook`.

mod api_key;
mod body;
mod body_start;
mod choose;
mod encoding;
mod engine;
mod known_keys;
mod mac;
mod message;
mod permit;
mod probe;
#[doc(hidden)]
pub mod provider;
mod query_key;
mod rejection;
mod request;
#[doc(hidden)]
pub mod scheme;
mod secret;
mod select;
mod sign;
mod signature;
mod timestamp;
#[cfg(feature = "timing")]
#[doc(hidden)]
pub mod timing;
mod uri;
mod verification;
mod verifier;
mod webhook;

pub use permit::Verified;
pub use provider::Provider;
pub use rejection::{Evidence, Rejection};
pub use signature::Signature;
pub use timestamp::Timestamp;
pub use webhook::{
    SetupError, WebhookRequest, WebhookVerification, WebhookVerifier, WebhookVerifierBuilder,
};

#[doc(inline)]
pub use crate::reason::Reason;
pub use secrecy::SecretString;

// What the proxy verifies with.
#[doc(hidden)]
pub use self::{
    api_key::{API_KEY, ApiKeyLocation},
    body::{Body, MAX_PIECE_BYTES},
    body_start::BodyStart,
    known_keys::KnownKeys,
    permit::{Permit, Permitted},
    probe::{Probe, ProbeKey, presented},
    query_key::{decode_query, mask_query, query_pairs, strip_query_key, with_query_key},
    rejection::Rejected,
    request::Request,
    scheme::Scheme,
    secret::Secret,
    sign::sign,
    timestamp::Freshness,
    uri::PublicUri,
    verification::Verification,
    verifier::{ApiKeySettings, SignatureSettings, Verifier},
};
