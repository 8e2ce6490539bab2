use super::{HEX, SIGNATURE, V3, WRONG, tells};
use crate::explain::evidence::testing::{SECRET, Setup, TIME};
use crate::explain::finding::Finding::{self, *};
use crate::providers::HUBSPOT;
use crate::reason::Reason;

#[test]
fn headers_that_are_missing_doubled_or_renamed_are_told() {
    use Reason::{DuplicateHeader, MissingSignature, MissingTimestamp};
    let twenty = Setup::twenty;
    let fix = tells(&twenty(), MissingSignature, &[HeaderMissing]);
    assert!(
        fix.contains(SIGNATURE) && fix.contains("X-Twenty-Webhook-Timestamp did"),
        "{fix}"
    );
    for name in [
        "X_Twenty_Webhook_Signature",
        "HTTP_X_TWENTY_WEBHOOK_SIGNATURE",
        "X-Original-X-Twenty-Webhook-Signature",
        "X-Forwarded-Twenty-Webhook-Signature",
        "X-Amzn-Remapped-X-Twenty-Webhook-Signature",
        "Twenty-Webhook-Signature",
        "X-Twenty-Webhook-Signature-Original",
        "xTwentyWebhookSignature",
    ] {
        let fix = tells(
            &twenty().with(name, WRONG),
            MissingSignature,
            &[HeaderRenamed],
        );
        assert!(fix.contains(&format!("`{name}`")), "{fix}");
    }
    // Of any name, if it is this request's signature.
    let found = twenty().with("X-Signature", HEX);
    tells(&found, MissingSignature, &[HeaderRenamed]);
    tells(&found.body("{}"), MissingSignature, &[HeaderMissing]);

    let hubspot = Setup::hubspot();
    let renamed = hubspot.clone().with("X_HUBSPOT_SIGNATURE_V3", "x");
    tells(&renamed, MissingSignature, &[HeaderRenamed]);
    for other in [
        "X-HubSpot-Signature",
        "X_HubSpot_Signature",
        "X_HUBSPOT_SIGNATURE_VERSION",
    ] {
        let mut setup = hubspot.clone().with(other, "v1");
        tells(&setup, Reason::BadRequest, &[]);
        setup
            .capture
            .fields
            .retain(|(name, _)| name != "X-HubSpot-Signature");
        tells(&setup, MissingSignature, &[HeaderMissing]);
    }
    let mut v1 = hubspot.clone().with(V3, "x");
    v1.accepted = vec![&HUBSPOT.schemes[2]];
    let fix = tells(&v1, MissingSignature, &[Version]);
    assert!(fix.contains("add \"v3\" to `versions`"), "{fix}");

    let own = "X-HubSpot-Request-Timestamp";
    let renamed = hubspot
        .clone()
        .without(own)
        .with("X_HubSpot_Request_Timestamp", TIME);
    let renamed = renamed.signed(SECRET.as_bytes(), TIME);
    assert_eq!(renamed.search(), None);
    tells(&renamed, MissingTimestamp, &[HeaderRenamed]);
    let original = hubspot
        .clone()
        .without(own)
        .with("X-Original-HubSpot-Request-Timestamp", TIME);
    tells(&original, MissingTimestamp, &[HeaderRenamed]);
    let gone = hubspot.clone().without(own);
    tells(&gone, MissingTimestamp, &[TimestampMissing]);

    let same = twenty()
        .with(SIGNATURE, WRONG)
        .with(&SIGNATURE.to_lowercase(), WRONG);
    let fix = tells(&same, DuplicateHeader, &[HeaderDoubled]);
    assert!(fix.contains("2 times, with the same value"), "{fix}");
    let fix = tells(
        &same.with(SIGNATURE, HEX),
        DuplicateHeader,
        &[HeaderDoubled],
    );
    assert!(fix.contains("3 times, with different values"), "{fix}");
    tells(&twenty(), DuplicateHeader, &[]);
}

#[test]
fn how_a_signature_looks_is_no_evidence() {
    let base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKo=";
    let cases: [(&str, &str, &[Finding]); 11] = [
        (V3, WRONG, &[]),
        (V3, base64.trim_end_matches('='), &[]),
        (V3, "", &[HeaderMissing]),
        (V3, "forged", &[]),
        (V3, WRONG.trim_end_matches('a'), &[]),
        (SIGNATURE, base64, &[]),
        (SIGNATURE, &WRONG.to_uppercase(), &[]),
        (SIGNATURE, &format!("sha256={WRONG}"), &[]),
        (SIGNATURE, &format!("{WRONG}, {WRONG}"), &[HeaderDoubled]),
        (SIGNATURE, &format!("{WRONG},{HEX}"), &[HeaderDoubled]),
        (SIGNATURE, "null", &[]),
    ];
    for (name, value, expected) in cases {
        let setup = if name == V3 {
            Setup::hubspot()
        } else {
            Setup::twenty()
        };
        tells(
            &setup.with(name, value),
            Reason::MalformedSignature,
            expected,
        );
    }
}
