//! A message as one supposes that it was signed, and what may differ in it from what was received.

use bytes::Bytes;

use super::keys::Key;
use crate::verify::{Probe, Scheme};

/// A message as one supposes that it was signed. Cheap to copy.
#[derive(Clone)]
pub(super) struct Supposed {
    pub(super) scheme: &'static Scheme,
    /// With which of the keys; with any of the route's that are valid, where there is none.
    pub(super) key: Option<usize>,
    pub(super) method: String,
    /// The whole URL that was called.
    pub(super) url: Bytes,
    pub(super) timestamp: Bytes,
    pub(super) body: Bytes,
    /// The digest that was presented, where it could be read.
    pub(super) presented: Option<[u8; 32]>,
}

/// Which part of a message a mistake is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// By which rule the others are signed.
    Scheme,
    Url,
    Method,
    Body,
    Timestamp,
    Secret,
    Signature,
}

/// One part of a message, as it may have been signed.
pub(super) enum Change {
    Url(Bytes),
    Method(String),
    Body(Bytes),
    Timestamp(Bytes),
    Key(usize),
    /// Another scheme, with the signature that came for it.
    Scheme(&'static Scheme, [u8; 32]),
    Presented([u8; 32]),
}

impl Change {
    /// How much memory it takes, beyond a little.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Url(bytes) | Self::Body(bytes) | Self::Timestamp(bytes) => bytes.len(),
            Self::Method(_) | Self::Key(_) | Self::Scheme(..) | Self::Presented(_) => 0,
        }
    }
}

impl Supposed {
    /// The message as one asks whether it was signed with this key.
    pub(super) fn probe<'a>(&'a self, key: &'a Key) -> Probe<'a> {
        Probe {
            scheme: self.scheme,
            key: &key.probe,
            method: &self.method,
            url: &self.url,
            timestamp: &self.timestamp,
            body: &self.body,
        }
    }

    /// The message with this change.
    pub(super) fn with(&self, change: Change) -> Self {
        let mut changed = self.clone();
        match change {
            Change::Url(url) => changed.url = url,
            Change::Method(method) => changed.method = method,
            Change::Body(body) => changed.body = body,
            Change::Timestamp(timestamp) => changed.timestamp = timestamp,
            Change::Key(key) => changed.key = Some(key),
            Change::Scheme(scheme, presented) => {
                changed.scheme = scheme;
                changed.presented = Some(presented);
            }
            Change::Presented(presented) => changed.presented = Some(presented),
        }
        changed
    }
}
