//! HubSpot.
//!
//! Sources: HubSpot's developer documentation, "Validating requests from HubSpot", and its SDKs.

use crate::verify::provider::{
    AnswerRules, Fresh, KnownFacts, Look, MistakenSecret, Provider, RetryAfterUnit, Sample,
    TimeLimit, VersionedHeaders,
};
use crate::verify::scheme::{Encoding, MacAlgorithm, Part, Scheme, Selector, Spellings};

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
    // Workflows send an event again after a 429 and after no other 4xx, and read its `Retry-After` as
    // milliseconds. Source: HubSpot, "Workflows: use webhook actions", retries.
    answers: AnswerRules {
        time_limit: TimeLimit::HeaderMillis("X-HubSpot-Timeout-Millis"),
        overloaded_status: 429,
        retry_after: RetryAfterUnit::Milliseconds,
        repeats: "HubSpot sends it again after a 429, a 5xx or no answer; its workflows, after no other 4xx",
    },
    samples: &SAMPLES,
    known: KnownFacts {
        display_name: "HubSpot",
        calls_https_alone: true,
        // Source: HubSpot's documentation of private apps, of its former API keys (`hapikey`), whose newer form
        // has the account's region before it, and of apps, whose ids are numbers.
        mistaken_secrets: &[
            MistakenSecret {
                look: Look::Begins("pat-"),
                what: "an access token of HubSpot; expected the app's client secret",
            },
            MistakenSecret {
                look: Look::BeforeUuid("na1-"),
                what: "a key of HubSpot's API; expected the app's client secret",
            },
            MistakenSecret {
                look: Look::BeforeUuid("eu1-"),
                what: "a key of HubSpot's API; expected the app's client secret",
            },
            MistakenSecret {
                look: Look::Digits(10),
                what: "the id of an app or account; expected the app's client secret",
            },
        ],
    },
};

/// An event of a CRM subscription: its type, the ids of subscription and object, and what only such an event
/// has. HubSpot sends a list of up to a hundred. Source of the keys and their order: "Validating requests from
/// HubSpot" and the Webhooks API's documentation.
macro_rules! crm_event {
    ($type:literal, $subscription:literal, $object:literal, $rest:literal) => {
        Sample {
            name: $type,
            body: concat!(
                r#"[{"eventId":"#,
                $subscription,
                r#"01,"subscriptionId":"#,
                $subscription,
                r#","portalId":62515,"appId":54321,"occurredAt":1795289460424,"subscriptionType":""#,
                $type,
                r#"","attemptNumber":0,"objectId":"#,
                $object,
                ",",
                $rest,
                "}]"
            ),
            fresh: &[("eventId", Fresh::Id), ("occurredAt", Fresh::Millis)],
        }
    };
}

/// The first is the one that the demo sends: it has characters beyond ASCII.
static SAMPLES: [Sample; 12] = [
    crm_event!(
        "contact.propertyChange",
        12345,
        123,
        r#""changeSource":"CRM","propertyName":"firstname","propertyValue":"Zoë""#
    ),
    crm_event!(
        "contact.creation",
        12346,
        123,
        r#""changeSource":"CRM","changeFlag":"NEW""#
    ),
    crm_event!(
        "contact.deletion",
        12347,
        123,
        r#""changeSource":"CRM","changeFlag":"DELETED""#
    ),
    crm_event!(
        "company.propertyChange",
        12355,
        456,
        r#""changeSource":"CRM","propertyName":"name","propertyValue":"Žižkovská pekárna""#
    ),
    crm_event!(
        "company.creation",
        12356,
        456,
        r#""changeSource":"CRM","changeFlag":"NEW""#
    ),
    crm_event!(
        "company.deletion",
        12357,
        456,
        r#""changeSource":"CRM","changeFlag":"DELETED""#
    ),
    crm_event!(
        "deal.propertyChange",
        12365,
        789,
        r#""changeSource":"CRM","propertyName":"dealstage","propertyValue":"closedwon""#
    ),
    crm_event!(
        "deal.creation",
        12366,
        789,
        r#""changeSource":"CRM","changeFlag":"NEW""#
    ),
    crm_event!(
        "deal.deletion",
        12367,
        789,
        r#""changeSource":"CRM","changeFlag":"DELETED""#
    ),
    crm_event!(
        "ticket.propertyChange",
        12375,
        1011,
        r#""changeSource":"CRM","propertyName":"hs_pipeline_stage","propertyValue":"2""#
    ),
    crm_event!(
        "ticket.creation",
        12376,
        1011,
        r#""changeSource":"CRM","changeFlag":"NEW""#
    ),
    crm_event!(
        "ticket.deletion",
        12377,
        1011,
        r#""changeSource":"CRM","changeFlag":"DELETED""#
    ),
];
