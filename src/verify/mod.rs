//! Verification: parts of a request and a time go in, a [`Permit`] or a [`Rejection`] comes out.
//!
//! This module is pure: it knows no sockets, no async runtime, no clock and no configuration file.
//! Time is an argument, so that every answer can be reproduced from a captured request.
//!
//! How a provider signs is data, a [`Provider`] with its [`Scheme`]s: which parts are signed and in
//! which order, with which MAC, in which encoding, in which headers. One interpreter reads those
//! descriptions; a further provider is one more description, not more code.
//!
//! Verification is streaming and has two steps. [`Verifier::begin`] judges everything that the
//! header alone tells, so that a request without a chance is refused before its body is read.
//! [`Verification::room`] and [`Verification::absorb`] take the body as it arrives, and
//! [`Verification::finish`] compares. Every secret is tried and nothing stops at the first match or the
//! first wrong byte, so the time it takes tells nothing about the secrets.
//!
//! A [`Permitted`] can be made nowhere but here, of the very bytes that were judged. Whatever forwards a
//! request asks for one.

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
pub mod provider;
mod query_key;
mod rejection;
mod request;
pub mod scheme;
mod secret;
mod select;
mod sign;
mod timestamp;
#[cfg(feature = "timing")]
pub mod timing;
mod uri;
mod verification;
mod verifier;

pub use api_key::{API_KEY, ApiKeyLocation};
pub use body::{Body, MAX_PIECE_BYTES};
pub use body_start::BodyStart;
pub use encoding::Digest;
pub use known_keys::KnownKeys;
pub use permit::{Permit, Permitted, Verified};
pub use probe::{Probe, ProbeKey, presented};
pub use provider::Provider;
pub use query_key::{decode_query, mask_query, query_pairs, strip_query_key, with_query_key};
pub use rejection::{Evidence, Rejected, Rejection};
pub use request::Request;
pub use scheme::Scheme;
pub use secret::Secret;
pub use sign::sign;
pub use timestamp::{Freshness, Timestamp};
pub use uri::PublicUri;
pub use verification::Verification;
pub use verifier::{ApiKeySettings, SignatureSettings, Verifier};
