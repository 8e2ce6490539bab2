//! The secrets with which a signature is recomputed: the route's own as they are configured, and what they may
//! have been taken for.
//!
//! Their texts are not kept: a running server does not hold them after its start.

use std::sync::Arc;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::variants::{Variant, variants};
use crate::config::{Config, RouteConfig, VerifyConfig};
use crate::providers::PROVIDERS;
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
    /// What its text looks like, where that is no signing secret, and what belongs in its place.
    pub(super) looks_like: Option<&'static str>,
    pub(super) probe: ProbeKey,
}

/// All of a configuration's.
#[derive(Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// Those of a configuration whose secrets were read.
    /// Leaves copies of hash states on the stack: see [`crate::wipe`].
    pub(crate) fn of(config: &Config) -> Self {
        let mut texts = Vec::new();
        for route in &config.routes {
            let (RouteConfig { name, .. }, verify) = (route, &route.verify);
            if let VerifyConfig::Signature { secrets, .. } = verify {
                for secret in secrets {
                    texts.extend(texts_of(name, secret));
                }
            }
        }
        Self::of_texts(texts)
    }

    /// A key holds what is as good as its secret, and wipes it where it is at last. So it is put there at once:
    /// to grow a list would leave copies behind.
    fn of_texts(texts: Vec<Text<'_>>) -> Self {
        let mut keys = Vec::with_capacity(texts.len());
        for text in texts {
            keys.push(Key {
                route: Arc::clone(text.route),
                id: Arc::clone(&text.secret.id),
                variant: text.variant,
                not_after: text.secret.not_after,
                looks_like: looks_like(text.secret.value.expose_secret()),
                probe: ProbeKey::new(&text.bytes),
            });
        }
        Self(keys)
    }

    /// These and those.
    #[cfg(test)]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Those of one secret, for a route of this name.
    #[cfg(test)]
    pub(super) fn of_one(route: &Arc<str>, secret: &Secret) -> Self {
        Self::of_texts(texts_of(route, secret).collect())
    }

    pub(super) fn get(&self, index: usize) -> Option<&Key> {
        self.0.get(index)
    }

    /// All, with their indices.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Key)> {
        self.0.iter().enumerate()
    }
}

/// A text of which a key is made.
struct Text<'s> {
    route: &'s Arc<str>,
    secret: &'s Secret,
    variant: Option<Variant>,
    bytes: Zeroizing<Vec<u8>>,
}

fn texts_of<'s>(route: &'s Arc<str>, secret: &'s Secret) -> impl Iterator<Item = Text<'s>> {
    let text = secret.value.expose_secret();
    let as_it_is = (None, Zeroizing::new(text.as_bytes().to_vec()));
    let others = variants(text).into_iter();
    let all = std::iter::once(as_it_is).chain(others.map(|(variant, text)| (Some(variant), text)));
    all.map(move |(variant, bytes)| Text {
        route,
        secret,
        variant,
        bytes,
    })
}

/// What a text looks like that providers give out and that is not their signing secret. Whose it is does not
/// matter: none signs with such a one.
fn looks_like(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let mistaken = PROVIDERS
        .iter()
        .flat_map(|provider| provider.known.mistaken_secrets);
    let mut mistaken = mistaken.filter(|mistaken| mistaken.is_like(text));
    // RFC 7519: three parts in base64, of which the first is a JSON object.
    let is_jwt = text.starts_with("eyJ") && text.split('.').count() == 3;
    let jwt = "a token (JWT), such as an API key; expected the secret that signs webhooks";
    mistaken
        .next()
        .map(|mistaken| mistaken.what)
        .or(is_jwt.then_some(jwt))
}
