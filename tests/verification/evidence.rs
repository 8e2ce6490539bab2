//! What a refusal tells the operator, and what a verifier says of the routes it is made for.

use std::time::Duration;

use hookward::http1::fields::{Field, Fields};
use hookward::http1::target::Target;
use hookward::providers;
use hookward::reason::Reason;
use hookward::verify::{
    BodyStart, Evidence, Freshness, PublicUri, Rejection, Request, Secret, SignatureSettings,
    Timestamp, Verifier, sign,
};

const NOW: u64 = 1_760_000_000_000;
const URL: &str = "https://hooks.example.com/in";

fn verifier(provider: &'static hookward::verify::Provider, versions: &[&str]) -> Verifier {
    let versions: Vec<String> = versions.iter().map(|&version| version.to_owned()).collect();
    Verifier::for_signatures(
        SignatureSettings {
            provider,
            versions: &versions,
            freshness: Freshness {
                max_age: Duration::from_secs(300),
                max_skew: Duration::from_secs(300),
            },
            body_start: BodyStart::Any,
            secrets: &[Secret {
                id: "only".into(),
                value: "a secret".into(),
                not_after: None,
            }],
        },
        true,
    )
}

fn fields<'a>(headers: &'a [(&'static str, String)]) -> Vec<Field<'a>> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| Field::new(name, value.as_bytes()))
        .collect()
}

/// Judges a request with these headers; `None` if it verifies.
fn refused(
    verifier: &Verifier,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> Option<Rejection> {
    let headers = fields(headers);
    let request = Request {
        method: "POST",
        target: Target::parse(b"/in").unwrap(),
        headers: Fields::from(&*headers),
    };
    let verdict = verifier
        .begin(
            request,
            Some(PublicUri::from_base(URL, b"")),
            Timestamp::from_millis(NOW),
        )
        .and_then(|mut verification| {
            verification.update(body)?;
            verification.finish().map_err(|rejected| rejected.rejection)
        });
    verdict.err()
}

fn signed(label: &str, timestamp: &str) -> Vec<(&'static str, String)> {
    let scheme = providers::by_label(label).unwrap();
    sign(
        scheme,
        &"a secret".into(),
        "POST",
        URL,
        b"{}",
        timestamp,
        "nonce",
    )
}

#[test]
fn times_are_shown_with_our_clock_and_the_difference() {
    let verifier = verifier(&providers::TWENTY, &[]);
    for (timestamp, reason, age) in [
        (
            (NOW - 400_000).to_string(),
            Reason::TimestampExpired,
            Some(400_000),
        ),
        (
            (NOW + 400_000).to_string(),
            Reason::TimestampInFuture,
            Some(-400_000),
        ),
        ("soon".to_owned(), Reason::MalformedTimestamp, None),
    ] {
        let rejection = refused(&verifier, &signed("twenty", &timestamp), b"{}").unwrap();
        assert_eq!((rejection.reason, rejection.scheme), (reason, "twenty"));
        let Evidence::Time {
            received,
            now,
            age_millis,
            ..
        } = rejection.evidence
        else {
            panic!("{:?}", rejection.evidence);
        };
        assert_eq!(
            (received, now.as_millis(), age_millis),
            (timestamp, NOW, age)
        );
    }
    let long = signed("twenty", &"9".repeat(10_000));
    let Some(Evidence::Time { received, .. }) =
        refused(&verifier, &long, b"").map(|it| it.evidence)
    else {
        panic!("no evidence");
    };
    assert_eq!(received, "9".repeat(40));
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let hubspot = verifier(&providers::HUBSPOT, &["v3"]);
    let good = signed("hubspot-v3", &NOW.to_string());
    assert!(refused(&hubspot, &good, b"{}").is_none());
    let without = |name: &str| -> Vec<(&'static str, String)> {
        good.iter()
            .filter(|(found, _)| *found != name)
            .cloned()
            .collect()
    };
    let named = |rejection: Option<Rejection>| {
        let rejection = rejection.unwrap();
        let Evidence::Name(name) = rejection.evidence else {
            panic!("{:?}", rejection.evidence);
        };
        (rejection.reason, name)
    };
    let signature = "X-HubSpot-Signature-v3".to_owned();
    let timestamp = "X-HubSpot-Request-Timestamp".to_owned();
    assert_eq!(
        named(refused(&hubspot, &[], b"")),
        (Reason::MissingSignature, signature.clone())
    );
    assert_eq!(
        named(refused(&hubspot, &without(&timestamp), b"")),
        (Reason::MissingTimestamp, timestamp.clone())
    );
    let doubled = [
        good.clone(),
        vec![("X-HubSpot-Request-Timestamp", "1".to_owned())],
    ]
    .concat();
    assert_eq!(
        named(refused(&hubspot, &doubled, b"")),
        (Reason::DuplicateHeader, timestamp)
    );
    let malformed = [
        without(&signature),
        vec![("X-HubSpot-Signature-v3", "x".to_owned())],
    ]
    .concat();
    assert_eq!(
        named(refused(&hubspot, &malformed, b"")),
        (Reason::MalformedSignature, signature)
    );
    let version = "X-HubSpot-Signature-Version".to_owned();
    let unversioned = vec![("X-HubSpot-Signature", "x".to_owned())];
    assert_eq!(
        named(refused(&hubspot, &unversioned, b"")),
        (Reason::UnacceptedVersion, version)
    );
}

#[test]
fn a_version_that_is_not_accepted_is_shown_cut_and_escaped() {
    let hubspot = verifier(&providers::HUBSPOT, &["v3"]);
    let shown = |version: &str| {
        let headers = [
            ("X-HubSpot-Signature", "x".to_owned()),
            ("X-HubSpot-Signature-Version", version.to_owned()),
        ];
        let rejection = refused(&hubspot, &headers, b"").unwrap();
        assert_eq!(rejection.reason, Reason::UnacceptedVersion);
        match rejection.evidence {
            Evidence::Version { header, sent, .. } => {
                assert_eq!(header, "X-HubSpot-Signature-Version");
                sent
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(shown("v1"), "v1");
    assert_eq!(shown(""), "");
    assert_eq!(shown("v\u{1}"), "v\\x01");
    assert_eq!(shown(&"v".repeat(10_000)).len(), 40);
}

#[test]
fn a_mismatch_tells_how_much_was_hashed() {
    let verifier = verifier(&providers::HUBSPOT, &["v1", "v2"]);
    let rejection = refused(&verifier, &signed("hubspot-v2", ""), b"{} ").unwrap();
    assert_eq!(
        (rejection.reason, rejection.scheme),
        (Reason::SignatureMismatch, "hubspot-v2")
    );
    assert_eq!(
        rejection.to_string(),
        "hubspot-v2: signature_mismatch: no secret gives it with a body of 3 bytes"
    );
    assert!(matches!(
        rejection.evidence,
        Evidence::Mismatch { body_bytes: 3, .. }
    ));
}

#[test]
fn a_verifier_knows_whether_its_schemes_sign_the_url() {
    assert!(verifier(&providers::HUBSPOT, &["v3"]).signs_uri());
    assert!(verifier(&providers::HUBSPOT, &["v1", "v2"]).signs_uri());
    assert!(!verifier(&providers::HUBSPOT, &["v1"]).signs_uri());
    assert!(!verifier(&providers::TWENTY, &[]).signs_uri());
    assert_eq!(
        verifier(&providers::HUBSPOT, &["v1"]).initial_label(),
        "hubspot"
    );
    assert_eq!(verifier(&providers::TWENTY, &[]).initial_label(), "twenty");
}

#[test]
fn a_request_is_judged_by_the_scheme_that_it_names() {
    let verifier = verifier(&providers::HUBSPOT, &["v1", "v2", "v3"]);
    for label in ["hubspot-v1", "hubspot-v2", "hubspot-v3"] {
        let signed = signed(label, &NOW.to_string());
        let headers = fields(&signed);
        let request = Request {
            method: "POST",
            target: Target::parse(b"/in").unwrap(),
            headers: Fields::from(&*headers),
        };
        let uri = Some(PublicUri::from_parts("https", "hooks.example.com", b"/in"));
        let mut verification = verifier
            .begin(request, uri, Timestamp::from_millis(NOW))
            .unwrap();
        assert_eq!(verification.scheme(), label);
        assert!(verification.certain_rejection().is_none());
        verification.update(b"{}").unwrap();
        let permitted = verification.finish().unwrap();
        let permit = permitted.permit();
        assert_eq!(permit.scheme(), label);
        assert!(permit.waived().is_none() && permit.waived_reason().is_none());
        let signed_at = permit.proof().unwrap().signed_at.map(Timestamp::as_millis);
        assert_eq!(signed_at, (label == "hubspot-v3").then_some(NOW));
    }
}

#[test]
fn the_signer_sends_a_nonce_where_the_provider_does() {
    let headers = signed("twenty", "1");
    assert!(headers.contains(&("X-Twenty-Webhook-Nonce", "nonce".to_owned())));
    assert!(headers.contains(&("X-Twenty-Webhook-Timestamp", "1".to_owned())));
    let headers = signed("hubspot-v2", "1");
    assert!(headers.contains(&("X-HubSpot-Signature-Version", "v2".to_owned())));
    assert_eq!(headers.len(), 2);
}

#[test]
fn what_the_header_refuses_is_refused_before_the_body() {
    let verifier = verifier(&providers::TWENTY, &[]);
    let request = Request {
        method: "POST",
        target: Target::parse(b"/in").unwrap(),
        headers: Fields::default(),
    };
    let begun = verifier.begin(request, None, Timestamp::from_millis(NOW));
    assert_eq!(
        begun.err().map(|it| it.reason),
        Some(Reason::MissingSignature)
    );
}
