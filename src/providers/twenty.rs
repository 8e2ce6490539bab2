//! Twenty CRM.
//!
//! Sources: Twenty's webhook documentation and captured deliveries.

use std::time::Duration;

use crate::verify::provider::{
    AnswerRules, Fresh, KnownFacts, Provider, RetryAfterUnit, Sample, TimeLimit,
};
use crate::verify::scheme::{Encoding, MacAlgorithm, Part, Scheme, Selector, Spellings};

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
    samples: &SAMPLES,
    known: KnownFacts {
        display_name: "Twenty",
        calls_https_alone: false,
        mistaken_secrets: &[],
    },
};

/// What is of the present in an event: when it happened, and so the record was made, changed or deleted.
type Members = &'static [(&'static str, Fresh)];
const CREATED: Members = &[
    ("eventDate", Fresh::Time),
    ("createdAt", Fresh::Time),
    ("updatedAt", Fresh::Time),
];
const UPDATED: Members = &[("eventDate", Fresh::Time), ("updatedAt", Fresh::Time)];
const DELETED: Members = &[
    ("eventDate", Fresh::Time),
    ("updatedAt", Fresh::Time),
    ("deletedAt", Fresh::Time),
];

/// An event: of which object, its name, the ids of the object's kind and of the record, what the record has,
/// when it was changed and deleted, what follows the record, and what is of the present. Source of the keys and
/// their order: captured deliveries.
macro_rules! event {
    ($object:literal, $name:literal, $kind:literal, $id:literal, $record:literal, $updated:literal,
     $deleted:literal, $rest:literal, $fresh:expr) => {
        Sample {
            name: $name,
            body: concat!(
                r#"{"targetUrl":"https://hooks.example.com/twenty","eventName":""#,
                $name,
                r#"","objectMetadata":{"id":""#,
                $kind,
                r#"","nameSingular":""#,
                $object,
                r#""},"workspaceId":"3b8e6458-5fc1-4e63-8563-008ccddaa6db","webhookId":"f9b7f9a4-7a1b-4b1e-a1c9-5d4f9b0a8c22","eventDate":"2026-11-21T09:31:00.424Z","userId":"20202020-9e3b-46d4-a556-88b9ddc2b034","workspaceMemberId":"20202020-0687-4c41-b707-ed1bfca972a7","record":{"id":""#,
                $id,
                r#"","#,
                $record,
                r#","createdBy":{"source":"MANUAL","workspaceMemberId":"20202020-0687-4c41-b707-ed1bfca972a7","name":"Tim A"},"createdAt":"2026-11-20T08:00:00.000Z","updatedAt":""#,
                $updated,
                r#"","deletedAt":"#,
                $deleted,
                "}",
                $rest,
                "}"
            ),
            fresh: $fresh,
        }
    };
}

/// The first is the one that the demo sends.
static SAMPLES: [Sample; 9] = [
    event!(
        "person",
        "person.created",
        "2f3b0c1e-5d1a-4d0e-9c53-0c8f6c1f7a11",
        "0d4389ef-ea9c-4ae8-ada1-1cddc440fb56",
        r#""name":{"firstName":"Žluťoučký","lastName":"Kůň"},"emails":{"primaryEmail":"kun@example.com","additionalEmails":[]},"phones":{"primaryPhoneNumber":"","primaryPhoneCountryCode":"","additionalPhones":null},"linkedinLink":{"primaryLinkUrl":"https://www.linkedin.com/in/kun","primaryLinkLabel":"","secondaryLinks":[]},"jobTitle":null,"position":1"#,
        "2026-11-20T08:00:00.000Z",
        r#"null"#,
        r#""#,
        CREATED
    ),
    event!(
        "person",
        "person.updated",
        "2f3b0c1e-5d1a-4d0e-9c53-0c8f6c1f7a11",
        "0d4389ef-ea9c-4ae8-ada1-1cddc440fb56",
        r#""name":{"firstName":"Žluťoučký","lastName":"Kůň"},"emails":{"primaryEmail":"kun@example.com","additionalEmails":[]},"phones":{"primaryPhoneNumber":"","primaryPhoneCountryCode":"","additionalPhones":null},"linkedinLink":{"primaryLinkUrl":"https://www.linkedin.com/in/kun","primaryLinkLabel":"","secondaryLinks":[]},"jobTitle":"Ředitel","position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#"null"#,
        r#","updatedFields":["jobTitle"]"#,
        UPDATED
    ),
    event!(
        "person",
        "person.deleted",
        "2f3b0c1e-5d1a-4d0e-9c53-0c8f6c1f7a11",
        "0d4389ef-ea9c-4ae8-ada1-1cddc440fb56",
        r#""name":{"firstName":"Žluťoučký","lastName":"Kůň"},"emails":{"primaryEmail":"kun@example.com","additionalEmails":[]},"phones":{"primaryPhoneNumber":"","primaryPhoneCountryCode":"","additionalPhones":null},"linkedinLink":{"primaryLinkUrl":"https://www.linkedin.com/in/kun","primaryLinkLabel":"","secondaryLinks":[]},"jobTitle":"Ředitel","position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#""2026-11-21T09:31:00.400Z""#,
        r#""#,
        DELETED
    ),
    event!(
        "company",
        "company.created",
        "6c0d2e4f-8a1b-4c3d-9e5f-7a6b8c9d0e1f",
        "5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c",
        r#""name":"Žižkovská pekárna","domainName":{"primaryLinkUrl":"https://pekarna.example.com","primaryLinkLabel":"","secondaryLinks":[]},"employees":null,"annualRecurringRevenue":{"amountMicros":null,"currencyCode":""},"idealCustomerProfile":false,"position":1"#,
        "2026-11-20T08:00:00.000Z",
        r#"null"#,
        r#""#,
        CREATED
    ),
    event!(
        "company",
        "company.updated",
        "6c0d2e4f-8a1b-4c3d-9e5f-7a6b8c9d0e1f",
        "5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c",
        r#""name":"Žižkovská pekárna","domainName":{"primaryLinkUrl":"https://pekarna.example.com","primaryLinkLabel":"","secondaryLinks":[]},"employees":12,"annualRecurringRevenue":{"amountMicros":null,"currencyCode":""},"idealCustomerProfile":false,"position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#"null"#,
        r#","updatedFields":["employees"]"#,
        UPDATED
    ),
    event!(
        "company",
        "company.deleted",
        "6c0d2e4f-8a1b-4c3d-9e5f-7a6b8c9d0e1f",
        "5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c",
        r#""name":"Žižkovská pekárna","domainName":{"primaryLinkUrl":"https://pekarna.example.com","primaryLinkLabel":"","secondaryLinks":[]},"employees":12,"annualRecurringRevenue":{"amountMicros":null,"currencyCode":""},"idealCustomerProfile":false,"position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#""2026-11-21T09:31:00.400Z""#,
        r#""#,
        DELETED
    ),
    event!(
        "opportunity",
        "opportunity.created",
        "7d1e3f5a-9b2c-4d4e-8f60-8b7c9d0e1f2a",
        "8e2f4a6b-0c3d-4e5f-9071-9c8d0e1f2a3b",
        r#""name":"Rohlíky 2027","amount":{"amountMicros":1250000000,"currencyCode":"EUR"},"closeDate":"2026-12-31T00:00:00.000Z","stage":"NEW","pointOfContactId":"0d4389ef-ea9c-4ae8-ada1-1cddc440fb56","companyId":"5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c","position":1"#,
        "2026-11-20T08:00:00.000Z",
        r#"null"#,
        r#""#,
        CREATED
    ),
    event!(
        "opportunity",
        "opportunity.updated",
        "7d1e3f5a-9b2c-4d4e-8f60-8b7c9d0e1f2a",
        "8e2f4a6b-0c3d-4e5f-9071-9c8d0e1f2a3b",
        r#""name":"Rohlíky 2027","amount":{"amountMicros":1250000000,"currencyCode":"EUR"},"closeDate":"2026-12-31T00:00:00.000Z","stage":"PROPOSAL","pointOfContactId":"0d4389ef-ea9c-4ae8-ada1-1cddc440fb56","companyId":"5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c","position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#"null"#,
        r#","updatedFields":["stage"]"#,
        UPDATED
    ),
    event!(
        "opportunity",
        "opportunity.deleted",
        "7d1e3f5a-9b2c-4d4e-8f60-8b7c9d0e1f2a",
        "8e2f4a6b-0c3d-4e5f-9071-9c8d0e1f2a3b",
        r#""name":"Rohlíky 2027","amount":{"amountMicros":1250000000,"currencyCode":"EUR"},"closeDate":"2026-12-31T00:00:00.000Z","stage":"PROPOSAL","pointOfContactId":"0d4389ef-ea9c-4ae8-ada1-1cddc440fb56","companyId":"5a1b7c9e-3d2f-4e6a-8b0c-9d1e2f3a4b5c","position":1"#,
        "2026-11-21T09:31:00.400Z",
        r#""2026-11-21T09:31:00.400Z""#,
        r#""#,
        DELETED
    ),
];
