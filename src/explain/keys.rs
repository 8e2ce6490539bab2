//! The secrets with which a signature is recomputed: the route's own as they are configured, and what they may
//! have been taken for.
//!
//! Their texts are not kept: a running server does not hold them after its start.

use std::sync::Arc;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::finding::Finding;
use super::mistakes::secret::variants;
use crate::config::{Config, RouteConfig, VerifyConfig};
use crate::verify::{ProbeKey, Secret, Timestamp};

/// A secret, or what it may have been taken for.
pub(crate) struct Key {
    /// The route whose secret it is.
    pub(super) route: Arc<str>,
    /// The id of the secret.
    pub(super) id: Arc<str>,
    /// What was done to it, where it is not as configured.
    pub(super) variant: Option<Variant>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) probe: ProbeKey,
}

/// How a text differs from a secret as it is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    pub(super) finding: Finding,
    /// What the signer's secret has that the configured one has not, in a few words.
    pub(super) what: &'static str,
}

/// All of a configuration's.
#[derive(Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// Those of a configuration whose secrets were read.
    pub(crate) fn of(config: &Config) -> Self {
        let mut keys = Vec::new();
        for route in &config.routes {
            let (RouteConfig { name, .. }, verify) = (route, &route.verify);
            if let VerifyConfig::Signature { secrets, .. } = verify {
                for secret in secrets {
                    keys.extend(of_secret(name, secret));
                }
            }
        }
        Self(keys)
    }

    /// Those of one secret, for a route of this name.
    pub(crate) fn of_one(route: &Arc<str>, secret: &Secret) -> Self {
        Self(of_secret(route, secret).collect())
    }

    pub(super) fn get(&self, index: usize) -> Option<&Key> {
        self.0.get(index)
    }

    /// All, with their indices.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Key)> {
        self.0.iter().enumerate()
    }
}

fn of_secret(route: &Arc<str>, secret: &Secret) -> impl Iterator<Item = Key> {
    let text = secret.value.expose_secret();
    let as_it_is = (None, Zeroizing::new(text.as_bytes().to_vec()));
    let others = variants(text).into_iter();
    let all = std::iter::once(as_it_is).chain(others.map(|(variant, text)| (Some(variant), text)));
    all.map(|(variant, text)| Key {
        route: Arc::clone(route),
        id: Arc::clone(&secret.id),
        variant,
        not_after: secret.not_after,
        probe: ProbeKey::new(&text),
    })
    .collect::<Vec<_>>()
    .into_iter()
}
