//! For the tests of mistakes: a message that was signed with one body and received with another, and what the
//! search finds. The signature is made without our own signer.

use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;

use super::super::case::{Case, RouteFacts};
use super::super::keys::Keys;
use super::super::search::search;
use super::super::supposed::{Change, Supposed};
use super::Mistake;
use crate::capture::Capture;
use crate::providers::TWENTY;
use crate::verify::{Secret, Timestamp};

const SECRET: &str = "a secret of the tests";
const TIMESTAMP: &str = "1795289460424";

/// Twenty's signature of a body.
fn signature(body: &[u8]) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let message = [TIMESTAMP.as_bytes(), b":", body].concat();
    let tag = ring::hmac::sign(&key, &message);
    tag.as_ref().try_into().unwrap_or_default()
}

/// Calls `judge` with what was received where this body was signed.
pub(super) fn with_case<T>(
    (signed, received): (&[u8], &[u8]),
    judge: impl FnOnce(&Case<'_>, &Supposed) -> T,
) -> T {
    let route: Arc<str> = Arc::from("crm");
    let secret = Secret {
        id: Arc::from("1"),
        value: SecretString::from(SECRET),
        not_after: None,
    };
    let [scheme] = TWENTY.schemes else {
        unreachable!("Twenty has one scheme");
    };
    let case = Case {
        capture: &Capture::default(),
        provider: &TWENTY,
        accepted: vec![scheme],
        received: Supposed {
            scheme,
            key: None,
            method: "POST".to_owned(),
            url: Bytes::from_static(b"https://hooks.example.com/crm"),
            timestamp: Bytes::from_static(TIMESTAMP.as_bytes()),
            body: Bytes::copy_from_slice(received),
            presented: Some(signature(signed)),
        },
        is_url_known: true,
        keys: &Keys::of_one(&route, &secret),
        route: RouteFacts {
            name: Arc::clone(&route),
            path: "/crm".to_owned(),
            public_url: None,
            public_hosts: Vec::new(),
        },
        other_urls: Vec::new(),
        now: Timestamp::from_millis(1_795_289_460_500),
    };
    judge(&case, &case.received)
}

/// The words that are found, none if the search finds nothing.
pub(super) fn found(
    signed: impl AsRef<[u8]>,
    received: impl AsRef<[u8]>,
) -> Option<Vec<&'static str>> {
    with_case((signed.as_ref(), received.as_ref()), |case, _| {
        let proof = search(case, &mut || {}).proof?;
        let undone = proof.undone.iter();
        Some(
            undone
                .map(|(mistake, _)| mistake.finding.as_str())
                .collect(),
        )
    })
}

/// The bodies that a mistake supposes of a received one.
pub(super) fn supposed(mistake: &Mistake, received: &[u8]) -> Vec<Bytes> {
    with_case((b"", received), |case, message| {
        let changes = (mistake.undo)(case, message).into_iter();
        let bodies = changes.filter_map(|change| match change {
            Change::Body(body) => Some(body),
            _ => None,
        });
        bodies.collect()
    })
}

/// What is said where this body was signed and that one received.
pub(super) fn told(signed: &[u8], received: &[u8]) -> Option<String> {
    with_case((signed, received), |case, _| {
        let told = search(case, &mut || {}).proof?.told(case);
        Some(told.into_iter().next()?.fix)
    })
}
