//! The providers that hookward knows, each in a file of its own.

mod hubspot;
mod twenty;

pub use hubspot::HUBSPOT;
pub use twenty::TWENTY;

use crate::verify::API_KEY;
use crate::verify::{Provider, Scheme};

/// Every provider.
pub static PROVIDERS: [&Provider; 2] = [&HUBSPOT, &TWENTY];

/// The labels of all schemes.
pub fn labels() -> impl Iterator<Item = &'static str> {
    let schemes = PROVIDERS.iter().flat_map(|provider| provider.schemes);
    schemes.map(|scheme| scheme.label).chain([API_KEY])
}

/// The provider and scheme with this label, such as `hubspot-v3`.
#[must_use]
pub fn by_label(label: &str) -> Option<(&'static Provider, &'static Scheme)> {
    PROVIDERS.iter().find_map(|provider| {
        let scheme = provider
            .schemes
            .iter()
            .find(|scheme| scheme.label == label)?;
        Some((*provider, scheme))
    })
}
