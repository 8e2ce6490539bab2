//! Twenty CRM.
//!
//! Sources: Twenty's webhook documentation and captured deliveries.

use crate::verify::scheme::{
    Encoding, KnownFacts, MacAlgorithm, Part, Provider, Scheme, Selector, Spellings,
};

/// Twenty CRM. Its nonce is not signed and proves nothing.
pub static TWENTY: Provider = Provider {
    name: "twenty",
    schemes: &[Scheme {
        label: "twenty",
        version: "twenty",
        selector: Selector::OwnHeader,
        signature_header: "X-Twenty-Webhook-Signature",
        timestamp_header: Some("X-Twenty-Webhook-Timestamp"),
        mac: MacAlgorithm::HmacSha256,
        encoding: Encoding::HexLower,
        signed: &[Part::Timestamp, Part::Literal(":"), Part::Body],
        spellings: Spellings::Received,
    }],
    versioned: None,
    nonce_header: Some("X-Twenty-Webhook-Nonce"),
    headers: &["X-Twenty-Webhook-Signature", "X-Twenty-Webhook-Timestamp"],
    known: KnownFacts {
        display_name: "Twenty",
        calls_https_alone: false,
        retry_after_in_ms: false,
        mistaken_secrets: &[],
    },
};
