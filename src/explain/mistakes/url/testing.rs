//! Messages whose signatures are made with the hash crates alone, and what the search finds of them.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};

use super::parts::Parts;
use crate::capture::Capture;
use crate::explain::case::{Case, RouteFacts};
use crate::explain::finding::Finding;
use crate::explain::keys::Keys;
use crate::explain::mistakes::MISTAKES;
use crate::explain::search::search;
use crate::explain::supposed::{Concern, Supposed};
use crate::providers::HUBSPOT;
use crate::verify::{Scheme, Secret, Timestamp};

pub(in crate::explain::mistakes) const SECRET: &str = "xb-test-secret";
pub(in crate::explain::mistakes) const TIMESTAMP: &str = "1795289460424";
pub(in crate::explain::mistakes) const BODY: &str = r#"[{"eventId":1}]"#;

/// A request as it arrived, the route it came to, and what was in fact signed.
#[derive(Clone)]
pub(in crate::explain::mistakes) struct Trial {
    /// The version by which it is judged.
    pub(in crate::explain::mistakes) version: &'static str,
    pub(in crate::explain::mistakes) method: &'static str,
    pub(in crate::explain::mistakes) url: String,
    /// What the request line has, where that is not the end of the URL.
    pub(in crate::explain::mistakes) target: Option<&'static str>,
    pub(in crate::explain::mistakes) headers: Vec<(&'static str, String)>,
    pub(in crate::explain::mistakes) presented: [u8; 32],
    pub(in crate::explain::mistakes) path: &'static str,
    pub(in crate::explain::mistakes) public_url: Option<&'static str>,
    pub(in crate::explain::mistakes) public_hosts: Vec<&'static str>,
    pub(in crate::explain::mistakes) other_urls: Vec<&'static str>,
    pub(in crate::explain::mistakes) accepted: &'static [&'static str],
}

impl Trial {
    /// One that was judged by a version with this URL, and signed by the same with another.
    pub(in crate::explain::mistakes) fn new(
        version: &'static str,
        signed: &str,
        url: &str,
    ) -> Self {
        Self {
            version,
            method: "POST",
            url: url.to_owned(),
            target: None,
            headers: Vec::new(),
            presented: digest(version, "POST", signed.as_bytes()),
            path: "/*",
            public_url: None,
            public_hosts: Vec::new(),
            other_urls: Vec::new(),
            accepted: &["v3", "v2", "v1"],
        }
    }

    pub(in crate::explain::mistakes) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The words that the search finds, and their fixes; `None` where nothing matches.
    pub(in crate::explain::mistakes) fn found(&self) -> Option<Vec<(Finding, String)>> {
        self.with_case(|case| {
            let told = search(case, &mut || ()).proof?.told(case).into_iter();
            Some(told.map(|told| (told.finding, told.fix)).collect())
        })
    }

    pub(in crate::explain::mistakes) fn words(&self) -> Vec<&'static str> {
        let found = self.found().unwrap_or_default();
        found.iter().map(|(finding, _)| finding.as_str()).collect()
    }

    /// How many URLs are tried.
    pub(in crate::explain::mistakes) fn tried_urls(&self) -> usize {
        self.with_case(|case| {
            let of_url = MISTAKES.iter().filter(|one| one.concern == Concern::Url);
            of_url
                .map(|one| (one.undo)(case, &case.received).len())
                .sum()
        })
    }

    fn with_case<T>(&self, take: impl FnOnce(&Case<'_>) -> T) -> T {
        let whole = Parts::of(self.url.as_bytes()).unwrap().target();
        let target = self
            .target
            .map_or(whole, |target| target.as_bytes().to_vec());
        let fields = self.headers.iter();
        let capture = Capture {
            method: self.method.to_owned(),
            target,
            fields: fields
                .map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()))
                .collect(),
            body: BODY.into(),
            ..Capture::default()
        };
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let name: Arc<str> = "crm".into();
        let secret = Secret {
            id: "test".into(),
            value: SECRET.to_owned().into(),
            not_after: None,
        };
        let case = Case {
            capture: &capture,
            provider: &HUBSPOT,
            accepted: self
                .accepted
                .iter()
                .map(|version| scheme(version))
                .collect(),
            received: Supposed {
                scheme: scheme(self.version),
                key: None,
                method: self.method.to_owned(),
                url: Bytes::from(self.url.clone()),
                timestamp: TIMESTAMP.into(),
                body: BODY.into(),
                presented: Some(self.presented),
            },
            is_url_known: true,
            keys: &Keys::of_one(&name, &secret),
            route: RouteFacts {
                name: Arc::clone(&name),
                path: self.path.to_owned(),
                public_url: self.public_url.map(str::to_owned),
                public_hosts: owned(&self.public_hosts),
            },
            other_urls: owned(&self.other_urls),
            now: Timestamp::from_millis(1_795_289_460_500),
        };
        take(&case)
    }
}

fn scheme(version: &str) -> &'static Scheme {
    let mut schemes = HUBSPOT.schemes.iter();
    schemes.find(|scheme| scheme.version == version).unwrap()
}

/// What HubSpot's documentation says of each version, without this crate's own code.
pub(in crate::explain::mistakes) fn digest(version: &str, method: &str, url: &[u8]) -> [u8; 32] {
    let plain = [SECRET.as_bytes(), method.as_bytes(), url, BODY.as_bytes()];
    match version {
        "v1" => Sha256::digest([SECRET, BODY].concat()).into(),
        "v2" => Sha256::digest(plain.concat()).into(),
        _ => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(&[&plain[1..], &[TIMESTAMP.as_bytes()]].concat().concat());
            mac.finalize().into_bytes().into()
        }
    }
}

/// Expected values: Python's `hmac` and `hashlib`.
#[test]
fn signatures_are_as_python_makes_them() {
    let url = b"https://hooks.example.com/hubspot/crm?x=1";
    for (version, expected) in [
        (
            "v3",
            "34367c3b835c77baff2706cc25eed0fac4b498689103d349634ac1552f4afe19",
        ),
        (
            "v2",
            "d4d97fab3fcdb897e50dc763e0a3c0114c1d834c0dbc95187d3bbc4f3551a34a",
        ),
        (
            "v1",
            "9c98012c7b1ab64adf9b137c70e92bea6545d1646b37d5f2e500977bbcd6bc8f",
        ),
    ] {
        assert_eq!(
            hex::encode(digest(version, "POST", url)),
            expected,
            "{version}"
        );
    }
}
