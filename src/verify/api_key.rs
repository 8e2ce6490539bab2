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
use super::rejection::{Evidence, Rejection};
use super::request::{Occurrence, Request};
use super::secret::Secret;
use crate::reason::Reason;

/// The label of the API key scheme, which is a shared key and no signature.
pub const API_KEY: &str = "api-key";

/// Where a route expects the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyLocation {
    /// The whole value of this header.
    Header(HeaderName),
    /// The value of this query parameter; the name is compared decoded.
    Query(String),
}

/// A name or a value from a request. A copy is wiped when it is dropped, because it may be a key.
pub(super) enum Presented<'a> {
    Received(&'a [u8]),
    Decoded(Zeroizing<Vec<u8>>),
}

impl AsRef<[u8]> for Presented<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Received(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
    }
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
                let mut values = pairs(request.target.query().unwrap_or_default())
                    .filter(|(pair_name, _)| decode(pair_name).as_ref() == name.as_bytes())
                    .map(|(_, value)| decode(value));
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

/// Removes every pair named `name` from a query, with one `&` each, and changes nothing else.
/// `None` where nothing is left, so that the `?` goes too.
#[must_use]
pub fn strip_query_key(query: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut removed = false;
    for pair in query.split(|byte| *byte == b'&') {
        if decode(split_pair(pair).0).as_ref() == name.as_bytes() {
            removed = true;
        } else {
            kept.push(pair);
        }
    }
    let rest = kept.join(&b'&');
    (!removed || !rest.is_empty()).then_some(rest)
}

fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|byte| *byte == b'&').map(split_pair)
}

fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    (
        halves.next().unwrap_or_default(),
        halves.next().unwrap_or_default(),
    )
}

/// Decodes `application/x-www-form-urlencoded` text once: percent escapes, and `+` as a space.
fn decode(text: &[u8]) -> Presented<'_> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Presented::Received(text);
    }
    // Decoding makes nothing longer, so this is never moved, which would leave a copy behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => {
                let escape = tail.split_first_chunk::<2>().and_then(|(digits, after)| {
                    let mut byte = [0_u8; 1];
                    hex::decode_to_slice(digits, &mut byte).ok()?;
                    Some((byte, after))
                });
                if let Some((byte, after)) = escape {
                    decoded.extend_from_slice(&byte);
                    rest = after;
                } else {
                    decoded.push(b'%');
                }
            }
            plain => decoded.push(*plain),
        }
    }
    Presented::Decoded(decoded)
}

fn digest(key: &[u8]) -> Digest {
    let hashed = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
    Digest::new(*hashed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(query: &str) -> Option<String> {
        strip_query_key(query.as_bytes(), "api_key").map(|query| String::from_utf8(query).unwrap())
    }

    #[test]
    fn stripping_removes_the_pair_and_one_ampersand_or_the_whole_query() {
        assert_eq!(stripped("api_key=K"), None);
        assert_eq!(stripped("api_key=K&b=2").as_deref(), Some("b=2"));
        assert_eq!(stripped("a=1&api_key=K").as_deref(), Some("a=1"));
        assert_eq!(stripped("a=1&api_key=K&b=2").as_deref(), Some("a=1&b=2"));
        assert_eq!(
            stripped("a=1&api%5Fkey=K&&b=%zz").as_deref(),
            Some("a=1&&b=%zz")
        );
        for nothing_left in ["api_key=K&api_key=L", "&api_key=K", "api_key=K&"] {
            assert_eq!(stripped(nothing_left), None, "{nothing_left}");
        }
    }

    #[test]
    fn stripping_leaves_other_queries_as_they_are() {
        for query in ["", "&", "a=1", "API_KEY=K", "a=api_key", "x=%2B+&y"] {
            assert_eq!(stripped(query).as_deref(), Some(query));
        }
    }

    #[test]
    fn text_is_decoded_once() {
        assert_eq!(decode(b"a%2Bb+c%25%32%30").as_ref(), b"a+b c%20");
        assert_eq!(decode(b"%").as_ref(), b"%");
        assert_eq!(decode(b"%4").as_ref(), b"%4");
    }
}
