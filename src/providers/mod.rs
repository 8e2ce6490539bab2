//! The providers that hookward knows, each in a file of its own. [`WebhookVerifier::signed_by`] takes one.
//!
//! [`WebhookVerifier::signed_by`]: crate::verify::WebhookVerifier::signed_by

#[cfg(feature = "proxy")]
mod fresh;
mod hubspot;
mod twenty;

#[cfg(feature = "proxy")]
#[doc(hidden)]
pub use fresh::fresh;
pub use hubspot::HUBSPOT;
pub use twenty::TWENTY;

use crate::http1::names::is_like;
use crate::verify::API_KEY;
use crate::verify::{Provider, Scheme};

/// Every provider.
#[doc(hidden)]
pub static PROVIDERS: [&Provider; 2] = [&HUBSPOT, &TWENTY];

/// The providers that a configuration may name.
///
/// A value, and not a fixed list, so that whoever embeds hookward (a test, say) can serve a provider
/// of its own.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Providers(&'static [&'static Provider]);

impl Providers {
    /// These providers. Their names and the labels of their schemes must differ.
    #[must_use]
    pub const fn new(providers: &'static [&'static Provider]) -> Self {
        Self(providers)
    }

    /// Those that hookward knows.
    #[must_use]
    pub const fn known() -> Self {
        Self(&PROVIDERS)
    }

    /// Each of them, in their order.
    pub fn iter(self) -> impl Iterator<Item = &'static Provider> {
        self.0.iter().copied()
    }

    /// The provider that is called `name` in `scheme = …`.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'static Provider> {
        self.iter().find(|provider| provider.name == name)
    }

    /// Whether one of them sends this header beside its signatures, or an app could take it for one.
    #[must_use]
    pub fn send_header(self, name: &[u8]) -> bool {
        self.iter().any(|provider| {
            let mut headers = provider.headers.iter().chain(&provider.nonce_header);
            headers.any(|header| is_like(name, header))
        })
    }

    /// The labels of all their schemes, and that of API keys: all that a verified request may have.
    pub fn labels(self) -> impl Iterator<Item = &'static str> {
        let schemes = self.iter().flat_map(|provider| provider.schemes);
        schemes.map(|scheme| scheme.label).chain([API_KEY])
    }

    /// The provider and scheme with this label, such as `hubspot-v3`.
    #[must_use]
    pub fn by_label(self, label: &str) -> Option<(&'static Provider, &'static Scheme)> {
        self.iter().find_map(|provider| {
            let mut schemes = provider.schemes.iter();
            let scheme = schemes.find(|scheme| scheme.label == label)?;
            Some((provider, scheme))
        })
    }
}

/// The labels of the schemes of all known providers, and that of API keys.
#[doc(hidden)]
pub fn labels() -> impl Iterator<Item = &'static str> {
    Providers::known().labels()
}

/// The known provider and scheme with this label, such as `hubspot-v3`.
#[must_use]
#[doc(hidden)]
pub fn by_label(label: &str) -> Option<(&'static Provider, &'static Scheme)> {
    Providers::known().by_label(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Probe, ProbeKey};

    #[test]
    fn a_url_that_may_be_spelt_in_two_ways_costs_twice() {
        let key = ProbeKey::new(b"secret");
        let cost = |scheme, url| {
            let probe = Probe {
                scheme,
                key: &key,
                method: "POST",
                url,
                timestamp: b"",
                body: b"body",
            };
            probe.cost()
        };
        let (plain, escaped) = (b"https://a/b?c=d%20e", b"https://a/b?c=d%3Ae");
        let [v3, v2, _] = HUBSPOT.schemes else {
            unreachable!("HubSpot has three schemes");
        };
        assert_eq!(cost(v3, escaped), 2 * cost(v3, plain));
        assert_eq!(cost(v2, escaped), cost(v2, plain));
        assert_eq!(cost(&TWENTY.schemes[0], escaped), cost(v2, plain));
    }
}
