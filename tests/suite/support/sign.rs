//! Signatures as the providers make them, computed with ring. The program hashes with RustCrypto where the
//! CPU has instructions for SHA; the known answers of `tests/verification` come from elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

use super::client::Request;
use super::route::{route, secrets};

pub(crate) const PUBLIC_URL: &str = "https://hooks.example.com";
pub(crate) const SECRET: &str = "8f3a1c52-9d1e-4b7a-a1f0-6b2c5d9e7f01";

/// Milliseconds since the epoch.
pub(crate) fn clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// A time to be signed: milliseconds since the epoch, moved by `offset` milliseconds. No two calls of this process
/// with one offset give the same time, so that no request is taken for a repetition of another: where they come
/// quicker than the milliseconds, it is somewhat ahead of the clock.
pub(crate) fn now(offset: i64) -> String {
    static LAST: Mutex<i64> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = clock().max(*last + 1);
    (*last + offset).to_string()
}

fn sha256(parts: &[&[u8]]) -> String {
    hex::encode(digest::digest(&digest::SHA256, &parts.concat()))
}

fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, &parts.concat()).as_ref().to_vec()
}

pub(crate) fn v1(secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        ("X-HubSpot-Signature-Version", "v1".to_owned()),
        ("X-HubSpot-Signature", sha256(&[secret.as_bytes(), body])),
    ]
}

pub(crate) fn v2(
    secret: &str,
    method: &str,
    url: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let parts = [secret.as_bytes(), method.as_bytes(), url.as_bytes(), body];
    vec![
        ("X-HubSpot-Signature-Version", "v2".to_owned()),
        ("X-HubSpot-Signature", sha256(&parts)),
    ]
}

pub(crate) fn v3(
    secret: &str,
    method: &str,
    url: &str,
    body: &[u8],
    timestamp: &str,
) -> Vec<(&'static str, String)> {
    let parts = [
        method.as_bytes(),
        url.as_bytes(),
        body,
        timestamp.as_bytes(),
    ];
    vec![
        ("X-HubSpot-Request-Timestamp", timestamp.to_owned()),
        (
            "X-HubSpot-Signature-v3",
            STANDARD.encode(hmac_sha256(secret, &parts)),
        ),
    ]
}

pub(crate) fn twenty(secret: &str, body: &[u8], timestamp: &str) -> Vec<(&'static str, String)> {
    let tag = hmac_sha256(secret, &[timestamp.as_bytes(), b":", body]);
    vec![
        ("X-Twenty-Webhook-Timestamp", timestamp.to_owned()),
        ("X-Twenty-Webhook-Signature", hex::encode(tag)),
        (
            "X-Twenty-Webhook-Nonce",
            "00112233445566778899aabbccddeeff".to_owned(),
        ),
    ]
}

/// A kind of request that can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    V1,
    V2,
    V3,
    Twenty,
    KeyHeader,
    KeyQuery,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::Twenty,
        Self::KeyHeader,
        Self::KeyQuery,
    ];

    /// The label in metrics and in `X-Hookward-Verified`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::V1 => "hubspot-v1",
            Self::V2 => "hubspot-v2",
            Self::V3 => "hubspot-v3",
            Self::Twenty => "twenty",
            Self::KeyHeader | Self::KeyQuery => "api-key",
        }
    }

    /// The path of the route for it in [`routes`].
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::V1 | Self::V2 | Self::V3 => "/hubspot",
            Self::Twenty => "/twenty",
            Self::KeyHeader => "/key-header",
            Self::KeyQuery => "/key-query",
        }
    }

    /// A request of this kind, signed now for its route.
    pub(crate) fn request(self, body: &[u8]) -> Request {
        let path = self.path();
        let url = format!("{PUBLIC_URL}{path}");
        let request = Request::new("POST", path, body);
        match self {
            Self::V1 => request.headers(&v1(SECRET, body)),
            Self::V2 => request.headers(&v2(SECRET, "POST", &url, body)),
            Self::V3 => request.headers(&v3(SECRET, "POST", &url, body, &now(0))),
            Self::Twenty => request.headers(&twenty(SECRET, body, &now(0))),
            Self::KeyHeader => request.header("X-Api-Key", SECRET),
            Self::KeyQuery => Request {
                target: format!("{path}?api_key={SECRET}"),
                ..request
            },
        }
    }
}

/// A route for every kind, with `extra` in each route's table.
pub(crate) fn routes(upstream: impl std::fmt::Display, extra: &str) -> String {
    let secrets = secrets(&[("old", "an older secret of the route"), ("current", SECRET)]);
    let schemes = [
        (
            "hubspot",
            "scheme = \"hubspot\"\nversions = [\"v1\", \"v2\", \"v3\"]",
        ),
        ("twenty", "scheme = \"twenty\""),
        ("key-header", "scheme = \"api-key\"\nheader = \"X-Api-Key\""),
        ("key-query", "scheme = \"api-key\"\nquery = \"api_key\""),
    ];
    let keys =
        format!("methods = [\"POST\", \"GET\", \"PUT\"]\npublic_url = \"{PUBLIC_URL}\"\n{extra}");
    let route = |(name, scheme): (&str, &str)| {
        let verify = format!("{scheme}\n{secrets}");
        route(name, &format!("/{name}"), &upstream, &keys, &verify)
    };
    schemes.into_iter().map(route).collect()
}
