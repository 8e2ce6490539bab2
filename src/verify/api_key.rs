//! API keys: a shared key in a header or a query parameter, compared and optionally taken out.
//!
//! A key proves who sent a request and nothing about its content. Keys are compared as SHA-256
//! digests, so that neither the length nor a common prefix shows in the time it takes. The route's own
//! keys are kept as digests alone. A key that was sent is in the memory of the request that it came
//! with, which is not wiped; the copies that are made of it here are.

use http::HeaderName;
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::choose::choose;
use super::encoding::Digest;
use super::query_key::{Presented, decode, query_values};
use super::rejection::{Evidence, Rejection};
use super::request::{Occurrence, Request};
use super::secret::Secret;
use crate::reason::Reason;

/// The label of the API key scheme, which is a shared key and no signature.
pub const API_KEY: &str = "api-key";

/// Where a route expects the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiKeyLocation {
    /// The whole value of this header.
    Header(HeaderName),
    /// The value of this query parameter; the name is compared decoded.
    Query(String),
}

/// The digests of a route's keys.
pub(super) struct ApiKeyCheck {
    location: ApiKeyLocation,
    keys: Vec<Digest>,
}

impl ApiKeyCheck {
    pub(super) fn new(location: ApiKeyLocation, keys: &[Secret]) -> Self {
        Self {
            location,
            keys: keys
                .iter()
                .map(|key| digest(key.value.expose_secret().as_bytes()))
                .collect(),
        }
    }

    /// The key that was sent, decoded if it came in a query.
    ///
    /// # Errors
    /// [`Reason::DuplicateHeader`] where it was sent twice, [`Reason::MissingApiKey`] where not at all.
    pub(super) fn credential<'a>(&self, request: &Request<'a>) -> Result<Presented<'a>, Rejection> {
        let (occurrence, name) = match &self.location {
            ApiKeyLocation::Header(name) => {
                let found = match request.header(name.as_str()) {
                    Occurrence::Absent => Ok(None),
                    Occurrence::Once(value) => Ok(Some(Presented::Received(value))),
                    Occurrence::Repeated => Err(Reason::DuplicateHeader),
                };
                (found, name.as_str())
            }
            ApiKeyLocation::Query(name) => {
                let query = request.target.query().unwrap_or_default();
                let mut values = query_values(query, name).map(decode);
                let found = match (values.next(), values.next()) {
                    (_, Some(_)) => Err(Reason::DuplicateHeader),
                    (value, None) => Ok(value),
                };
                (found, name.as_str())
            }
        };
        occurrence
            .and_then(|value| value.ok_or(Reason::MissingApiKey))
            .map_err(|reason| Rejection {
                reason,
                scheme: API_KEY,
                evidence: Evidence::Name(name.to_owned()),
            })
    }

    /// The index of the key that equals `presented`, of those that are `valid`: one for each key, in
    /// their order. All of them are compared.
    pub(super) fn matches(
        &self,
        presented: &[u8],
        valid: impl Iterator<Item = bool>,
    ) -> Option<u32> {
        let keys = (0..).zip(&self.keys).zip(valid);
        let valid = keys.filter_map(|(key, is_valid)| is_valid.then_some(key));
        choose(&digest(presented), valid).index()
    }
}

fn digest(key: &[u8]) -> Digest {
    let hashed = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
    Digest::new(*hashed)
}
