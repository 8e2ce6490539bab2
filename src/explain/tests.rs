//! What is told of whole cases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::evidence::testing::{BODY, SECRET, Setup, TIME};
use super::finding::Finding::{self, *};
use super::*;
use crate::capture::Capture;
use crate::http1::names::is_like;

const HOUR: u64 = 3_600_000;
const V3: &str = "X-HubSpot-Signature-v3";

fn tells(setup: &Setup, reason: Reason, expected: &[Finding]) -> Vec<String> {
    let answer = setup.case(|case| examine(case, reason, &mut || {}));
    let words: Vec<Finding> = answer.findings.iter().map(|told| told.finding).collect();
    assert_eq!(words, expected, "{:?}", answer.findings);
    answer.findings.into_iter().map(|told| told.fix).collect()
}

/// Signed with the URL before and received with the one after.
fn at_other_url(signed: &str) -> Setup {
    let mut setup = Setup::hubspot();
    let received = std::mem::replace(&mut setup.url, signed.to_owned());
    let mut setup = setup.signed(SECRET.as_bytes(), TIME);
    setup.url = received;
    setup
}

/// With one of its headers under another name.
fn renamed(mut setup: Setup, name: &str, other: &str) -> Setup {
    let field = setup.capture.fields.iter_mut();
    let mut field = field.filter(|(known, _)| is_like(known.as_bytes(), name));
    field.next().unwrap().0 = other.to_owned();
    setup
}

#[test]
fn the_reason_is_told_of_beside_what_is_proved() {
    let mut late = at_other_url("http://hooks.example.com/hook?a=1");
    late.now += HOUR;
    let fixes = tells(&late, Reason::TimestampExpired, &[UrlScheme, Clock]);
    assert!(fixes[1].contains("1 hour"), "{fixes:?}");
    // What is not there is told of, whatever is proved.
    late.capture.missing_bytes = Some(1_000);
    let expected = [UrlScheme, BodyTruncated];
    tells(&late, Reason::SignatureMismatch, &expected);
    // What matches as it is leaves the reason alone.
    let mut late = Setup::hubspot().signed(SECRET.as_bytes(), TIME);
    late.now += HOUR;
    tells(&late, Reason::TimestampExpired, &[Clock]);
}

#[test]
fn a_weaker_signature_beside_a_lost_one_is_not_the_cause() {
    let v1 = hex::encode(Sha256::digest([SECRET, BODY].concat()));
    let with_v1 = |setup: Setup| {
        let setup = setup.with("X-HubSpot-Signature", &v1);
        setup.with("X-HubSpot-Signature-Version", "v1")
    };
    let reason = Reason::UnacceptedVersion;
    let both = with_v1(Setup::hubspot().signed(SECRET.as_bytes(), TIME));
    let other = "X_HubSpot_Signature_v3";
    tells(&renamed(both.clone(), V3, other), reason, &[HeaderRenamed]);
    tells(&both.clone().without(V3), reason, &[HeaderMissing]);
    let time = "X-HubSpot-Request-Timestamp";
    tells(&both.without(V3).without(time), reason, &[Version]);
    // With a second mistake, which the renamed signature proves.
    let both = with_v1(at_other_url("http://hooks.example.com/hook?a=1"));
    let expected = [HeaderRenamed, UrlScheme];
    tells(&renamed(both.clone(), V3, other), reason, &expected);
    let other = "X-Original-HubSpot-Request-Timestamp";
    let missing = renamed(both, time, other);
    tells(&missing, Reason::MissingTimestamp, &expected);
}

#[test]
fn a_header_joined_by_commas_is_doubled() {
    let name = "X-Twenty-Webhook-Signature";
    let signed = Setup::twenty().signed(SECRET.as_bytes(), TIME);
    let value = signed.capture.header(name).unwrap().to_vec();
    let value = String::from_utf8(value).unwrap();
    let doubled = signed
        .without(name)
        .with(name, &format!("{value}, {value}"));
    let reason = Reason::MalformedSignature;
    let fixes = tells(&doubled, reason, &[HeaderDoubled]);
    assert!(!fixes[0].contains(&value), "{fixes:?}");
    // One in capitals is in another writing, and matches.
    let capitals = doubled.without(name).with(name, &value.to_uppercase());
    tells(&capitals, reason, &[SignatureEncoding]);
    // That it looks like one is no evidence.
    let forged = value.replace(['a', 'b', 'c'], "d").to_uppercase();
    tells(&capitals.without(name).with(name, &forged), reason, &[]);
    let times = format!("{TIME}, {TIME}");
    let name = "X-Twenty-Webhook-Timestamp";
    let doubled = Setup::twenty().signed(SECRET.as_bytes(), TIME);
    let doubled = doubled.without(name).with(name, &times);
    tells(&doubled, Reason::MalformedTimestamp, &[HeaderDoubled]);
}

#[test]
fn of_two_changes_to_a_body_each_is_told_as_it_was() {
    // A line end was lost, and what was left came in base64, which is longer.
    let signed = Setup::twenty()
        .body(&format!("{BODY}\n"))
        .signed(SECRET.as_bytes(), TIME);
    let received = signed.body(&STANDARD.encode(BODY));
    let reason = Reason::SignatureMismatch;
    let fixes = tells(&received, reason, &[BodyBase64, BodyNewline]);
    assert!(fixes[0].contains("came in base64"), "{fixes:?}");
    assert!(fixes[1].contains("was lost"), "{fixes:?}");
}

#[test]
fn a_request_that_was_recorded_without_its_body_is_not_cut_off() {
    let mut setup = Setup::hubspot().signed(SECRET.as_bytes(), TIME).body("");
    setup.capture.missing_bytes = Some(50);
    setup.capture.reason = Some("timestamp_expired".to_owned());
    setup.now += HOUR;
    let fixes = tells(&setup, Reason::TimestampExpired, &[Clock]);
    assert!(fixes[0].contains("The body was not read"), "{fixes:?}");
    let fixes = tells(&setup, Reason::SignatureMismatch, &[BodyTruncated]);
    assert!(fixes[0].contains("was not read"), "{fixes:?}");
    let unsigned = setup.clone().without(V3);
    tells(&unsigned, Reason::MissingSignature, &[HeaderMissing]);
    // Of a mismatch the body is there, as far as it came.
    setup.capture.reason = Some("signature_mismatch".to_owned());
    let expected = [BodyEmpty, BodyTruncated];
    tells(&setup, Reason::SignatureMismatch, &expected);
}

#[test]
fn what_another_version_signed_is_the_url_that_is_configured() {
    let capture = Capture {
        method: "POST".to_owned(),
        target: b"/in/crm?a=1".to_vec(),
        ..Capture::default()
    };
    for (path, public_url, url) in [
        (
            "/in/*",
            Some("https://h.example/hooks"),
            "https://h.example/hooks/crm?a=1",
        ),
        (
            "/in/crm",
            Some("https://h.example/hooks"),
            "https://h.example/hooks?a=1",
        ),
        (
            "/in/*",
            Some("https://h.example"),
            "https://h.example/in/crm?a=1",
        ),
        ("/in/*", None, "https:///in/crm?a=1"),
    ] {
        let route = RouteFacts {
            name: "own".into(),
            path: path.to_owned(),
            public_url: public_url.map(str::to_owned),
            public_hosts: Vec::new(),
        };
        assert_eq!(case::supposed_url(&capture, &route), url, "{path}");
    }
}

#[test]
fn of_a_route_with_a_key_the_head_is_told_of() {
    use crate::verify::ApiKeyLocation;
    let header = ApiKeyLocation::Header(http::HeaderName::from_static("x-api-key"));
    let query = ApiKeyLocation::Query("key".to_owned());
    let capture = |fields: &[&str]| Capture {
        method: "GET".to_owned(),
        fields: fields
            .iter()
            .map(|name| ((*name).to_owned(), b"s3cret".to_vec()))
            .collect(),
        ..Capture::default()
    };
    let missing = Reason::MissingApiKey;
    let cases: [(&[&str], Reason, &ApiKeyLocation, Option<Finding>); 9] = [
        (&[], Reason::MethodNotAllowed, &header, Some(Method)),
        (&["Host"], missing, &header, Some(HeaderMissing)),
        (&["X_Api_Key"], missing, &header, Some(HeaderRenamed)),
        (
            &["X-Original-X-Api-Key"],
            missing,
            &header,
            Some(HeaderRenamed),
        ),
        (&["Api-Key"], missing, &header, Some(HeaderRenamed)),
        (&["My-Api-Key"], missing, &header, Some(HeaderMissing)),
        (
            &["X-Api-Key", "x-api-key"],
            Reason::DuplicateHeader,
            &header,
            Some(HeaderDoubled),
        ),
        (&[], missing, &query, Some(QueryMissing)),
        (&["X-Api-Key"], Reason::ApiKeyMismatch, &header, None),
    ];
    for (fields, reason, location, expected) in cases {
        let told = told_of_key(&capture(fields), "own", location, reason);
        assert_eq!(
            told.as_ref().map(|told| told.finding),
            expected,
            "{fields:?}"
        );
        assert!(
            told.is_none_or(|told| !told.fix.contains("s3cret")),
            "{fields:?}"
        );
    }
}
