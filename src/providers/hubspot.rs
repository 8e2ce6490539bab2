//! HubSpot.
//!
//! Sources: HubSpot's developer documentation, "Validating requests from HubSpot", and its SDKs.

use crate::verify::scheme::{
    Encoding, KnownFacts, MacAlgorithm, MistakenSecret, Part, Provider, Scheme, Selector,
    Spellings, VersionedHeaders,
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
    known: KnownFacts {
        display_name: "HubSpot",
        calls_https_alone: true,
        retry_after_in_ms: true,
        mistaken_secrets: &[MistakenSecret {
            prefix: "pat-",
            what: "an access token of HubSpot; expected the app's client secret",
        }],
    },
};
