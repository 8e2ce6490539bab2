//! Which keys of `[route.verify]` belong to which scheme.

use crate::verify::{Provider, Scheme};

/// The keys that not every scheme has. `replay = false` every scheme has.
pub(crate) const KEYS: [&str; 9] = [
    "versions",
    "max_age",
    "max_skew",
    "body_start",
    "header",
    "query",
    "strip",
    "sender",
    "on_replay",
];

/// Whether a key of [`KEYS`] has a meaning with the schemes of this provider, or with API keys where there
/// is none.
pub(crate) fn belongs(key: &str, provider: Option<&Provider>) -> bool {
    let Some(provider) = provider else {
        return matches!(key, "header" | "query" | "strip" | "sender");
    };
    let mut schemes = provider.schemes.iter();
    match key {
        "versions" => has_versions(provider),
        "max_age" | "max_skew" | "on_replay" => schemes.any(signs_time),
        "body_start" => schemes.any(|scheme| scheme.signs_uri_before_body()),
        _ => false,
    }
}

/// Whether a route has to say which of the provider's schemes it accepts.
pub(crate) fn has_versions(provider: &Provider) -> bool {
    provider.schemes.len() > 1
}

/// Whether a scheme says when a request was signed, so that the request can count once.
pub(crate) fn signs_time(scheme: &Scheme) -> bool {
    scheme.timestamp_header.is_some()
}

/// The versions of a provider, sorted.
pub(crate) fn versions(provider: &Provider) -> Vec<&'static str> {
    let schemes = provider.schemes.iter();
    let mut versions: Vec<&str> = schemes.map(|scheme| scheme.version).collect();
    versions.sort_unstable();
    versions
}
