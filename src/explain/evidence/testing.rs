//! Cases for tests, made by hand, and signed by the libraries for hashing themselves.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

use crate::capture::Capture;
use crate::explain::case::{Case, RouteFacts};
use crate::explain::finding::Finding;
use crate::explain::keys::Keys;
use crate::explain::search::search;
use crate::explain::supposed::Supposed;
use crate::providers::{HUBSPOT, TWENTY};
use crate::verify::{Provider, Scheme, Secret, Timestamp, presented};

pub(in crate::explain) const URL: &str = "https://hooks.example.com/hook?a=1";
pub(in crate::explain) const TIME: &str = "1795289460424";
pub(in crate::explain) const SECRET: &str =
    "9f2c8b1e4d6a70f3b5c9e2d18a47f60c3b7e915d2af84c06e1b3975d8f20a4c6";
pub(in crate::explain) const BODY: &str = r#"{"eventName":"person.created","record":{"id":"1"}}"#;
pub(in crate::explain) const ROUTE: &str = "own-route";
pub(in crate::explain) const OTHER: &str = "other-route";

/// HMAC-SHA256 over the parts.
pub(in crate::explain) fn hmac(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// What a case is made of.
#[derive(Clone)]
pub(in crate::explain) struct Setup {
    pub(in crate::explain) provider: &'static Provider,
    pub(in crate::explain) accepted: Vec<&'static Scheme>,
    pub(in crate::explain) capture: Capture,
    pub(in crate::explain) url: String,
    /// Route, id, text, end.
    pub(in crate::explain) secrets: Vec<(&'static str, &'static str, String, Option<u64>)>,
    pub(in crate::explain) public_hosts: Vec<String>,
    pub(in crate::explain) now: u64,
}

impl Setup {
    /// An event of Twenty, without its signature.
    pub(in crate::explain) fn twenty() -> Self {
        Self::of(&TWENTY)
    }

    /// An event of HubSpot for v3, without its signature.
    pub(in crate::explain) fn hubspot() -> Self {
        Self::of(&HUBSPOT)
    }

    fn of(provider: &'static Provider) -> Self {
        let scheme = &provider.schemes[0];
        let header = scheme.timestamp_header.unwrap().to_owned();
        Self {
            provider,
            accepted: vec![scheme],
            capture: Capture {
                method: "POST".to_owned(),
                target: b"/hook?a=1".to_vec(),
                fields: vec![(header, TIME.into())],
                body: BODY.into(),
                ..Capture::default()
            },
            url: URL.to_owned(),
            secrets: vec![(ROUTE, "current", SECRET.to_owned(), None)],
            public_hosts: Vec::new(),
            now: TIME.parse().unwrap(),
        }
    }

    pub(in crate::explain) fn secret(mut self, text: &str) -> Self {
        self.secrets[0].2 = text.to_owned();
        self
    }

    pub(in crate::explain) fn body(mut self, body: &str) -> Self {
        self.capture.body = Bytes::copy_from_slice(body.as_bytes());
        self
    }

    /// With this header beside the others.
    pub(in crate::explain) fn with(mut self, name: &str, value: &str) -> Self {
        self.capture.fields.push((name.to_owned(), value.into()));
        self
    }

    pub(in crate::explain) fn without(mut self, name: &str) -> Self {
        let is_kept = |(other, _): &(String, Vec<u8>)| !other.eq_ignore_ascii_case(name);
        self.capture.fields.retain(is_kept);
        self
    }

    /// With another time in its header.
    pub(in crate::explain) fn time(self, text: &str) -> Self {
        let header = self.accepted[0].timestamp_header.unwrap();
        self.without(header).with(header, text)
    }

    /// The digest that somebody gets with this secret and time.
    pub(in crate::explain) fn digest(&self, secret: &[u8], time: &str) -> [u8; 32] {
        let Capture { method, body, .. } = &self.capture;
        let time = time.as_bytes();
        if self.provider.name == "twenty" {
            hmac(secret, &[time, b":", body])
        } else {
            hmac(
                secret,
                &[method.as_bytes(), self.url.as_bytes(), body, time],
            )
        }
    }

    /// Signed with this secret and time.
    pub(in crate::explain) fn signed(self, secret: &[u8], time: &str) -> Self {
        let digest = self.digest(secret, time);
        let value = if self.provider.name == "twenty" {
            hex::encode(digest)
        } else {
            STANDARD.encode(digest)
        };
        let header = self.accepted[0].signature_header;
        self.with(header, &value)
    }

    /// Examines the case.
    pub(in crate::explain) fn case<T>(&self, examine: impl FnOnce(&Case<'_>) -> T) -> T {
        let secrets = self.secrets.iter().map(|(route, id, text, end)| {
            let secret = Secret {
                id: Arc::from(*id),
                value: SecretString::from(text.clone()),
                not_after: end.map(Timestamp::from_millis),
            };
            Keys::of_one(&Arc::from(*route), &secret)
        });
        let keys = secrets.fold(Keys::default(), Keys::and);
        let scheme = self.accepted[0];
        let header = |name| self.capture.header(name);
        let time = scheme.timestamp_header.and_then(header).unwrap_or_default();
        let signature = header(scheme.signature_header);
        examine(&Case {
            capture: &self.capture,
            provider: self.provider,
            accepted: self.accepted.clone(),
            received: Supposed {
                scheme,
                key: None,
                method: self.capture.method.clone(),
                url: Bytes::from(self.url.clone()),
                timestamp: Bytes::copy_from_slice(time),
                body: self.capture.body.clone(),
                presented: signature.and_then(|value| presented(scheme, value)),
            },
            is_url_known: true,
            keys: &keys,
            route: RouteFacts {
                name: Arc::from(ROUTE),
                path: "/hook".to_owned(),
                public_url: None,
                public_hosts: self.public_hosts.clone(),
            },
            other_urls: Vec::new(),
            now: Timestamp::from_millis(self.now),
        })
    }

    /// The words of the mistakes that the search finds, and what is told to do about them. `None` where no
    /// signature matches.
    pub(in crate::explain) fn search(&self) -> Option<(Vec<Finding>, Vec<String>)> {
        self.case(|case| {
            let told = search(case, &mut || {}).proof?.told(case).into_iter();
            let (words, fixes) = told.map(|told| (told.finding, told.fix)).unzip();
            Some((words, fixes))
        })
    }

    /// Sees that the search finds this, and nothing else, and tells it without a secret.
    pub(in crate::explain) fn finds(&self, expected: &[Finding], of: &str) -> String {
        let (words, fixes) = self
            .search()
            .unwrap_or_else(|| panic!("{of}: nothing found"));
        assert_eq!(words, expected, "{of}");
        let fix = fixes.join("\n");
        assert!(words.is_empty() || fix.len() > 40, "{of}: {fix:?}");
        for (_, _, text, _) in &self.secrets {
            let text = text.trim();
            assert!(text.len() < 4 || !fix.contains(text), "{of}: {fix}");
        }
        fix
    }
}
