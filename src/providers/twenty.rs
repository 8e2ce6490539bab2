//! Twenty CRM.
//!
//! Sources: Twenty's webhook documentation and captured deliveries.

use std::time::Duration;

use crate::verify::provider::{
    AnswerRules, KnownFacts, Provider, RetryAfterUnit, Sample, TimeLimit,
};
use crate::verify::scheme::{Encoding, MacAlgorithm, Part, Scheme, Selector, Spellings};

/// An event as Twenty sends it, with characters beyond ASCII.
const SAMPLE: &str = r#"{"targetUrl":"https://hooks.example.com/twenty","eventName":"person.created","objectMetadata":{"id":"2f3b0c1e-5d1a-4d0e-9c53-0c8f6c1f7a11","nameSingular":"person"},"workspaceId":"3b8e6458-5fc1-4e63-8563-008ccddaa6db","webhookId":"f9b7f9a4-7a1b-4b1e-a1c9-5d4f9b0a8c22","eventDate":"2026-11-21T09:31:00.424Z","record":{"id":"0d4389ef-ea9c-4ae8-ada1-1cddc440fb56","name":{"firstName":"Žluťoučký","lastName":"Kůň"}}}"#;

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
    answers: AnswerRules {
        time_limit: TimeLimit::Fixed(Duration::from_secs(5)),
        overloaded_status: 503,
        retry_after: RetryAfterUnit::Seconds,
        repeats: "Twenty never sends it again",
    },
    samples: &[Sample {
        name: "person.created",
        body: SAMPLE,
    }],
    known: KnownFacts {
        display_name: "Twenty",
        calls_https_alone: false,
        mistaken_secrets: &[],
    },
};
