//! What a browser may do with the page: apply the style and run the script that are written in it, known by their
//! hashes, fetch the page anew, and nothing else. Markup that got into the page by a fault could neither run nor load
//! anything.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("script.js");

static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        source(STYLE),
        source(SCRIPT),
    )
});

/// The fields of the page's answer. It is of one moment, so nobody keeps it.
pub(super) static FIELDS: LazyLock<[(&str, &str); 4]> = LazyLock::new(|| {
    [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY.as_str()),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ]
});

/// Tells the page of one version of hookward from that of another.
pub(super) static MARK: LazyLock<String> = LazyLock::new(|| {
    let both = Sha256::new().chain_update(STYLE).chain_update(SCRIPT);
    hex::encode(both.finalize().get(..8).unwrap_or_default())
});

fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
