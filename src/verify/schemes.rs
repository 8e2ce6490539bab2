//! The providers hookward knows, described.
//!
//! Sources: HubSpot's developer documentation, "Validating requests from HubSpot", and its SDKs;
//! Twenty's webhook documentation and captured deliveries.

use super::scheme::{
    Encoding, MacAlgorithm, Part, Provider, Scheme, Selector, Spellings, VersionedHeaders,
};

/// HubSpot: CRM subscriptions, workflow webhooks, custom actions, `hubspot.fetch`.
pub static HUBSPOT: Provider = Provider {
    name: "hubspot",
    schemes: &[
        Scheme {
            label: "hubspot-v3",
            version: "v3",
            selector: Selector::OwnHeader,
            signature_header: "X-HubSpot-Signature-v3",
            timestamp_header: Some("X-HubSpot-Request-Timestamp"),
            mac: MacAlgorithm::HmacSha256,
            encoding: Encoding::Base64,
            signed: &[Part::Method, Part::Uri, Part::Body, Part::Timestamp],
            spellings: Spellings::HubSpotDecodedAndReceived,
        },
        Scheme {
            label: "hubspot-v2",
            version: "v2",
            selector: Selector::Version("v2"),
            signature_header: "X-HubSpot-Signature",
            timestamp_header: None,
            mac: MacAlgorithm::Sha256OfSecretAndMessage,
            encoding: Encoding::HexLower,
            signed: &[Part::Method, Part::Uri, Part::Body],
            spellings: Spellings::Received,
        },
        Scheme {
            label: "hubspot-v1",
            version: "v1",
            selector: Selector::Version("v1"),
            signature_header: "X-HubSpot-Signature",
            timestamp_header: None,
            mac: MacAlgorithm::Sha256OfSecretAndMessage,
            encoding: Encoding::HexLower,
            signed: &[Part::Body],
            spellings: Spellings::Received,
        },
    ],
    versioned: Some(VersionedHeaders {
        signature: "X-HubSpot-Signature",
        version: "X-HubSpot-Signature-Version",
    }),
    nonce_header: None,
    headers: &[
        "X-HubSpot-Signature-v3",
        "X-HubSpot-Request-Timestamp",
        "X-HubSpot-Signature",
        "X-HubSpot-Signature-Version",
    ],
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
};

/// Every provider.
pub static PROVIDERS: [&Provider; 2] = [&HUBSPOT, &TWENTY];

/// The label of the API key scheme, which is a shared key and no signature.
pub const API_KEY: &str = "api-key";

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
