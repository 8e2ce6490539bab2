//! What an app's verifier refuses besides what the vectors show: URLs with two readings, bodies that are no JSON,
//! keys and secrets.

use std::time::Duration;

use hookward::providers::{HUBSPOT, TWENTY};
use hookward::verify::{
    Evidence, Reason, Timestamp, WebhookRequest, WebhookVerifier, WebhookVerifierBuilder,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);
const SECRET: &str = "8f3a1c52-9d1e-4b7a-a1f0-6b2c5d9e7f01";
const BODY: &[u8] = br#"[{"eventId":1,"subscriptionType":"contact.creation"}]"#;

/// The signature of `BODY` with `SECRET`, by Python's `hmac`: `v3 crm` in tests/vectors.
const HEADERS: [(&str, &str); 2] = [
    ("X-HubSpot-Request-Timestamp", "1759999999845"),
    (
        "X-HubSpot-Signature-v3",
        "n7f0S24zRaj+zbU2xtbgRAMx3i3tKoueDZmvyVKN0BQ=",
    ),
];

fn hubspot() -> WebhookVerifier {
    let builder = WebhookVerifier::signed_by(&HUBSPOT);
    builder.secret("a", SECRET).build().unwrap()
}

fn reason(verifier: &WebhookVerifier, request: &WebhookRequest<'_>, body: &[u8]) -> Option<Reason> {
    let verdict = verifier.verify(request, body, NOW);
    verdict.err().map(|rejection| rejection.reason)
}

#[test]
fn a_url_with_two_readings_is_refused_before_anything_is_hashed() {
    let verifier = hubspot();
    let of = |url: &str| reason(&verifier, &WebhookRequest::new("POST", url, HEADERS), BODY);
    assert_eq!(of("https://hooks.example.com/in"), None);
    for url in [
        "",
        "/in",
        "hooks.example.com/in",
        "ftp://hooks.example.com/in",
        "https://hooks.example.com",
        "https://hooks.example.com?x",
        "https:///in",
        "https://user@hooks.example.com/in",
        "https://hooks.example.com:x/in",
    ] {
        assert_eq!(of(url), Some(Reason::BadRequest), "{url}");
    }
    for url in [
        "https://hooks.example.com/./in",
        "https://hooks.example.com/x/%2e%2e/in",
        "https://hooks.example.com/in#x",
        "https://hooks.example.com/a%2Fb",
        "https://hooks.example.com/in?[{",
    ] {
        assert_eq!(of(url), Some(Reason::BadTarget), "{url}");
    }
    // Twenty signs no URL.
    let twenty = WebhookVerifier::signed_by(&TWENTY);
    let twenty = twenty.secret("a", SECRET).build().unwrap();
    let request = WebhookRequest::new("POST", "https://hooks.example.com/a%2Fb", HEADERS);
    assert_eq!(
        reason(&twenty, &request, BODY),
        Some(Reason::MissingSignature)
    );
}

#[test]
fn the_beginning_of_a_url_cannot_pass_for_the_end_of_a_method() {
    let url = "https://hooks.example.com/in";
    for method in ["", "POST https", "POSThttps://a/?"] {
        let request = WebhookRequest::new(method, url, HEADERS);
        assert_eq!(
            reason(&hubspot(), &request, BODY),
            Some(Reason::BadRequest),
            "{method}"
        );
    }
}

#[test]
fn a_header_that_was_sent_twice_is_refused_whatever_holds_it() {
    let mut map = HeaderMap::new();
    for (name, value) in HEADERS {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_static(value));
    }
    let url = "https://hooks.example.com/in";
    let request = WebhookRequest::new("POST", url, &map);
    assert_eq!(reason(&hubspot(), &request, BODY), None);
    map.append(
        "x-hubspot-signature-v3",
        HeaderValue::from_static(HEADERS[1].1),
    );
    let request = WebhookRequest::new("POST", url, &map);
    assert_eq!(
        reason(&hubspot(), &request, BODY),
        Some(Reason::DuplicateHeader)
    );
}

#[test]
fn nothing_moves_between_the_url_and_the_body_unless_that_is_asked_for() {
    // By Python's `hmac`: `POST`, a URL, a body and the time, of which it is the same signature wherever the first ends.
    let headers = [
        HEADERS[0],
        (
            "X-HubSpot-Signature-v3",
            "hkfbkOj/v3eSlQS2hwdG84y1HLyMwg88c44CH9Q7mnA=",
        ),
    ];
    let asked = WebhookVerifier::signed_by(&HUBSPOT).any_body_start();
    let asked = asked.secret("a", SECRET).build().unwrap();
    for (url, body) in [
        ("https://hooks.example.com/in?a=1", "&b=2"),
        ("https://hooks.example.com/in?a=1&b", "=2"),
        ("https://hooks.example.com/in?a=1&b=2", ""),
    ] {
        let request = WebhookRequest::new("POST", url, headers);
        assert_eq!(reason(&asked, &request, body.as_bytes()), None, "{url}");
        let expected = (!body.is_empty()).then_some(Reason::BadRequest);
        assert_eq!(reason(&hubspot(), &request, body.as_bytes()), expected);
    }
}

#[test]
fn a_body_that_is_not_json_is_refused_at_its_first_byte() {
    let verifier = hubspot();
    let request = WebhookRequest::new("POST", "https://hooks.example.com/in", HEADERS);
    let mut verification = verifier.begin(&request, NOW).unwrap();
    verification.update(b"").unwrap();
    let rejection = verification.update(b"1[").unwrap_err();
    assert_eq!(rejection.reason, Reason::BadRequest);
    assert!(matches!(rejection.evidence, Evidence::BodyStart));
    // What an app goes on to give after it changes nothing.
    let again = verification.update(BODY).unwrap_err();
    assert_eq!(again.reason, Reason::BadRequest);
    let rejection = verification.finish().unwrap_err();
    assert_eq!(rejection.reason, Reason::BadRequest);
    // What begins a later piece does not begin the body.
    let mut verification = verifier.begin(&request, NOW).unwrap();
    let (first, second) = BODY.split_at(BODY.len() - 9);
    assert_eq!(second, b"eation\"}]");
    verification.update(first).unwrap();
    verification.update(second).unwrap();
    verification.finish().unwrap();
}

#[test]
fn what_is_remembered_of_a_request_is_its_decoded_signature() {
    let request = WebhookRequest::new("POST", "https://hooks.example.com/in", HEADERS);
    let verified = hubspot().verify(&request, BODY, NOW).unwrap();
    let signature = verified.signature.unwrap();
    // By Python's `base64`.
    let expected = "9fb7f44b6e3345a8fecdb536c6d6e0440331de2ded2a8b9e0d99afc9528dd014";
    assert_eq!(hex::encode(signature.as_bytes()), expected);
}

#[test]
fn both_ends_of_the_window_are_as_long_as_is_said() {
    let verify = |now| {
        let builder = WebhookVerifier::signed_by(&HUBSPOT)
            .max_age(Duration::from_millis(20))
            .max_skew(Duration::from_millis(10));
        let verifier = builder.secret("a", SECRET).build().unwrap();
        let request = WebhookRequest::new("POST", "https://hooks.example.com/in", HEADERS);
        let verdict = verifier.verify(&request, BODY, Timestamp::from_millis(now));
        verdict.err().map(|rejection| rejection.reason)
    };
    let signed_at = 1_759_999_999_845;
    assert_eq!(verify(signed_at + 20), None);
    assert_eq!(verify(signed_at + 21), Some(Reason::TimestampExpired));
    assert_eq!(verify(signed_at - 10), None);
    assert_eq!(verify(signed_at - 11), Some(Reason::TimestampInFuture));
}

#[test]
fn a_key_is_found_in_its_header_or_query_until_it_retires() {
    let build = |builder: WebhookVerifierBuilder| {
        let builder = builder.retiring_secret("old", "an older key", NOW);
        builder.secret("new", "a newer+key").build().unwrap()
    };
    let by_header = build(WebhookVerifier::with_api_key_in_header("X-API-Key"));
    let by_query = build(WebhookVerifier::with_api_key_in_query("key"));
    let judge = |verifier: &WebhookVerifier, url: &str, key: Option<&str>, now| {
        let headers = key.iter().map(|key| ("x-api-key", *key));
        let request = WebhookRequest::new("POST", url, headers);
        match verifier.begin(&request, now) {
            Ok(verification) => {
                let verified = verification.finish().unwrap();
                assert_eq!((verified.scheme, verified.signed_at), ("api-key", None));
                verified.secret.to_string()
            }
            Err(rejection) => rejection.reason.to_string(),
        }
    };
    let (plain, later) = ("https://a.example/in", NOW.after(Duration::from_millis(1)));
    assert_eq!(judge(&by_header, plain, Some("an older key"), NOW), "old");
    assert_eq!(
        judge(&by_header, plain, Some("an older key"), later),
        "api_key_mismatch"
    );
    assert_eq!(judge(&by_header, plain, Some("a newer+key"), later), "new");
    assert_eq!(judge(&by_header, plain, None, NOW), "missing_api_key");
    let asked = |query: &str| judge(&by_query, &format!("{plain}?{query}"), None, NOW);
    assert_eq!(asked("key=a%20newer%2Bkey"), "new");
    assert_eq!(asked("key=an+older+key"), "old");
    assert_eq!(asked("key=a&key=b"), "duplicate_header");
    assert_eq!(asked("other=a"), "missing_api_key");
}

#[test]
fn a_verifier_that_would_take_nothing_or_everything_is_not_made() {
    let hubspot = || WebhookVerifier::signed_by(&HUBSPOT);
    let with_line_break = |text: &str| hubspot().secret("first", "x").secret("a", text);
    let in_header = |name| WebhookVerifier::with_api_key_in_header(name).secret("a", "x");
    let in_query = |name| WebhookVerifier::with_api_key_in_query(name).secret("a", "x");
    let cases = [
        (
            hubspot(),
            "NoSecret: there is no secret: add one with `secret`",
        ),
        (
            hubspot().secret("a", ""),
            "EmptySecret: the secret `a` is empty",
        ),
        // A file that ends in one gives a secret whose signatures nobody makes.
        (
            with_line_break(&format!("{SECRET}\n")),
            "LineBreak: the secret `a` ends in a line break",
        ),
        (with_line_break("x\r\n"), "LineBreak: the secret `a`"),
        (with_line_break("x\r"), "LineBreak: the secret `a`"),
        (with_line_break("\n"), "LineBreak: the secret `a`"),
        (
            WebhookVerifier::with_api_key_in_header("x-api-key").secret("a", "key\n"),
            "LineBreak: the secret `a`",
        ),
        (
            hubspot().secret("a", "x").secret("a", "y"),
            "SameId: two secrets are called `a`",
        ),
        (
            hubspot().secret("a", "x").versions([]),
            "NoVersion: no version is accepted: leave `versions` out",
        ),
        (
            hubspot().secret("a", "x").versions(["v3", "v4"]),
            "UnknownVersion: there is no version `v4`; there are: v3, v2, v1",
        ),
        (
            in_header("X Key"),
            "HeaderName: `X Key` is no name of a header",
        ),
        (in_header(""), "HeaderName: `` is no name of a header"),
        (in_query("a%20b"), "ParameterName: `a%20b` is no name"),
        (in_query(""), "ParameterName: `` is no name"),
    ];
    for (builder, expected) in cases {
        let error = builder.build().unwrap_err();
        let kind = format!("{error:?}");
        let kind = kind.split(['(', ' ']).next().unwrap();
        let said = format!("{kind}: {error}");
        assert!(said.starts_with(expected), "{said}, and not {expected}");
    }
    // Inside of a secret it may be part of it.
    assert!(hubspot().secret("a", "x\ny").build().is_ok());
}

#[test]
fn the_strongest_version_alone_is_accepted_where_none_is_named() {
    let headers = [
        ("X-HubSpot-Signature-Version", "v1"),
        (
            "X-HubSpot-Signature",
            "00eee65afde219df989d597817885770fbce49ded847c0b3a0e0681d98c38607",
        ),
    ];
    let request = WebhookRequest::new("POST", "https://hooks.example.com/in", headers);
    assert_eq!(
        reason(&hubspot(), &request, BODY),
        Some(Reason::UnacceptedVersion)
    );
}

#[test]
fn nothing_secret_is_shown() {
    let request = WebhookRequest::new("POST", "https://a.example/in?key=hidden", HEADERS);
    let builder = WebhookVerifier::signed_by(&HUBSPOT).secret("a", SECRET);
    let shown = format!("{request:?} {builder:?} {:?}", hubspot());
    for hidden in ["hidden", SECRET, HEADERS[1].1] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
