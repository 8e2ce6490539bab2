//! All that is known of a request that did not verify: what was received, and what the configuration says of
//! its route.

use std::sync::Arc;

use super::keys::Keys;
use super::supposed::Supposed;
use crate::capture::Capture;
use crate::verify::{Provider, Scheme, Timestamp};

/// A request that did not verify, and its route.
pub(crate) struct Case<'a> {
    pub(crate) capture: &'a Capture,
    pub(crate) provider: &'static Provider,
    /// The schemes that its route accepts.
    pub(crate) accepted: Vec<&'static Scheme>,
    /// What was hashed.
    pub(super) received: Supposed,
    pub(crate) keys: &'a Keys,
    pub(crate) route: RouteFacts,
    /// The URLs, as far as they are configured, that other routes are called by.
    pub(crate) other_urls: Vec<String>,
    /// When it was judged.
    pub(crate) now: Timestamp,
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

impl Case<'_> {
    /// The value of a header of the request; the first, where there are several.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.capture.header(name)
    }

    /// The indices of the route's own secrets, as they are configured, that are valid.
    pub(super) fn valid_keys(&self) -> impl Iterator<Item = usize> {
        let own = self.keys.iter().filter(|(_, key)| {
            let is_valid = key.not_after.is_none_or(|end| self.now <= end);
            key.route == self.route.name && key.variant.is_none() && is_valid
        });
        own.map(|(index, _)| index)
    }
}
