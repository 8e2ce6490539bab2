//! All that is known of a request that did not verify: what was received, and what the configuration says of
//! its route.

use std::sync::Arc;

use bytes::Bytes;

use super::keys::{Key, Keys};
use super::supposed::Supposed;
use crate::capture::Capture;
use crate::config::{Config, RouteConfig};
use crate::route::pattern::PathPattern;
use crate::verify::scheme::{MacAlgorithm, Part};
use crate::verify::{Provider, Scheme, Timestamp, presented};

impl RouteFacts {
    /// What `config` says of one of its routes.
    pub(crate) fn of(route: &RouteConfig, config: &Config) -> Self {
        let public_url = route.public_url.as_ref();
        Self {
            name: Arc::clone(&route.name),
            path: route.path.to_string(),
            public_url: public_url.map(|public| public.base.clone()),
            public_hosts: config.server.public_hosts.clone(),
        }
    }

    /// The URLs by which other routes than this are called, as far as they are configured.
    pub(crate) fn other_urls(route: &RouteConfig, config: &Config) -> Vec<String> {
        let others = config
            .routes
            .iter()
            .filter(|other| other.name != route.name);
        let urls = others.filter_map(|other| Some(other.public_url.as_ref()?.base.clone()));
        urls.collect()
    }
}

/// A request that did not verify, and its route.
pub(crate) struct Case<'a> {
    pub(crate) capture: &'a Capture,
    pub(crate) provider: &'static Provider,
    /// The schemes that its route accepts.
    pub(crate) accepted: Vec<&'static Scheme>,
    /// What was hashed.
    pub(super) received: Supposed,
    /// Whether its URL is known to be the one that was called, and not what it looks like from here.
    pub(super) is_url_known: bool,
    pub(crate) keys: &'a Keys,
    pub(crate) route: RouteFacts,
    /// The URLs, as far as they are configured, that other routes are called by.
    pub(crate) other_urls: Vec<String>,
    /// When it was judged.
    pub(crate) now: Timestamp,
}

/// The URL that was called, as it looks from here, where the route's own schemes sign none: another scheme may
/// have.
pub(super) fn supposed_url(capture: &Capture, route: &RouteFacts) -> Bytes {
    let of_host = || {
        let host = String::from_utf8_lossy(capture.header("host").unwrap_or_default());
        format!("https://{host}")
    };
    if let Some(base) = &route.public_url {
        // A path in it takes the place of the route's.
        let has_path = base.splitn(4, '/').nth(3).is_some();
        let pattern = PathPattern::parse(&route.path).ok().filter(|_| has_path);
        let matched = pattern.map_or(0, |pattern| pattern.matched_len());
        let rest = capture.target.get(matched..).unwrap_or_default();
        return [base.as_bytes(), rest].concat().into();
    }
    let base = capture.origin.clone().unwrap_or_else(of_host);
    [base.as_bytes(), &capture.target].concat().into()
}

/// A part of what was hashed.
#[derive(Clone, Debug)]
pub(crate) struct SignedPart {
    pub(crate) name: &'static str,
    /// None of a secret.
    pub(crate) bytes: Option<Bytes>,
}

/// What the configuration says of a route.
#[derive(Clone, Debug)]
pub(crate) struct RouteFacts {
    pub(crate) name: Arc<str>,
    /// `path`, as it is written.
    pub(crate) path: String,
    /// `public_url`, as it is written.
    pub(crate) public_url: Option<String>,
    /// `public_hosts`.
    pub(crate) public_hosts: Vec<String>,
}

/// What is asked: a capture, and what it was judged by.
pub(crate) struct Question<'a> {
    pub(crate) capture: &'a Capture,
    pub(crate) provider: &'static Provider,
    /// The schemes that its route accepts, the strongest first.
    pub(crate) accepted: Vec<&'static Scheme>,
    /// The label of the scheme by which it was judged, if it came so far.
    pub(crate) label: &'a str,
    /// The URL that was called, as far as it is known.
    pub(crate) url: Option<Vec<u8>>,
    pub(crate) keys: &'a Keys,
    pub(crate) route: RouteFacts,
    pub(crate) other_urls: Vec<String>,
    pub(crate) now: Timestamp,
}

impl<'a> Case<'a> {
    /// The case that is asked about. `None` where the route accepts no scheme.
    pub(crate) fn new(question: Question<'a>) -> Option<Self> {
        let mut accepted = question.accepted.iter();
        let judged = accepted.find(|scheme| scheme.label == question.label);
        let scheme: &'static Scheme = judged.or(question.accepted.first())?;
        let capture = question.capture;
        let is_url_known = question.url.is_some();
        let timestamp = scheme
            .timestamp_header
            .and_then(|name| capture.header(name));
        let signature = capture.header(scheme.signature_header);
        let received = Supposed {
            scheme,
            key: None,
            method: capture.method.clone(),
            url: question
                .url
                .map_or_else(|| supposed_url(capture, &question.route), Bytes::from),
            timestamp: Bytes::copy_from_slice(timestamp.unwrap_or_default()),
            body: capture.body.clone(),
            presented: signature.and_then(|value| presented(scheme, value)),
        };
        Some(Self {
            capture,
            provider: question.provider,
            accepted: question.accepted,
            received,
            is_url_known,
            keys: question.keys,
            route: question.route,
            other_urls: question.other_urls,
            now: question.now,
        })
    }

    /// The same case, as if this message had been received.
    pub(super) fn with_received(&self, received: Supposed) -> Self {
        Self {
            capture: self.capture,
            provider: self.provider,
            accepted: self.accepted.clone(),
            received,
            is_url_known: self.is_url_known,
            keys: self.keys,
            route: self.route.clone(),
            other_urls: self.other_urls.clone(),
            now: self.now,
        }
    }

    /// The parts that were hashed, in their order, with what is shown of each.
    pub(crate) fn signed(&self) -> Vec<SignedPart> {
        let received = &self.received;
        let mut parts = Vec::new();
        if received.scheme.mac == MacAlgorithm::Sha256OfSecretAndMessage {
            parts.push(SignedPart {
                name: "secret",
                bytes: None,
            });
        }
        parts.extend(received.scheme.signed.iter().map(|part| {
            let (name, bytes) = match part {
                Part::Method => ("method", Bytes::copy_from_slice(received.method.as_bytes())),
                Part::Uri => ("url", received.url.clone()),
                Part::Body => ("body", received.body.clone()),
                Part::Timestamp => ("timestamp", received.timestamp.clone()),
                Part::Literal(text) => ("literal", Bytes::from_static(text.as_bytes())),
            };
            SignedPart {
                name,
                bytes: Some(bytes),
            }
        }));
        parts
    }

    /// The value of a header of the request; the first, where there are several.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.capture.header(name)
    }

    /// The indices of the route's own secrets, as they are configured, that are valid.
    pub(super) fn valid_keys(&self) -> impl Iterator<Item = usize> {
        let own = self.keys.iter().filter(|(_, key)| self.is_valid(key));
        own.map(|(index, _)| index)
    }

    /// The keys with which a message may have been signed.
    pub(super) fn keys_for(&self, supposed: &Supposed) -> impl Iterator<Item = &Key> {
        let given = supposed.key;
        let keys = self.keys.iter().filter(move |(index, key)| match given {
            Some(given) => *index == given,
            None => self.is_valid(key),
        });
        keys.map(|(_, key)| key)
    }

    fn is_valid(&self, key: &Key) -> bool {
        let is_in_time = key.not_after.is_none_or(|end| self.now <= end);
        key.route == self.route.name && key.variant.is_none() && is_in_time
    }
}
