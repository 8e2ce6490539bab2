use super::{WRONG, mismatched, tells};
use crate::explain::evidence::testing::{OTHER, ROUTE, SECRET, Setup};
use crate::explain::finding::Finding::{self, *};
use crate::explain::unknown;
use crate::reason::Reason;

#[test]
fn secrets_that_cannot_sign_are_told() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let texts: [(&str, &[Finding]); 11] = [
        ("54321", &[SecretIsToken]),
        ("1234567890", &[SecretIsToken]),
        ("12345678901", &[]),
        ("na1-0d9a2ab3-7c52-4d3f-9a52-0a8c9f1b7e44", &[SecretIsToken]),
        ("eu1-0D9A2AB3-7c52-4d3f-9a52-0a8c9f1b7e44", &[SecretIsToken]),
        ("na1-0d9a2ab3-7c52-4d3f-9a52-0a8c9f1b7e4", &[]),
        (
            "pat-na1-11111111-2222-3333-4444-555555555555",
            &[SecretIsToken],
        ),
        (jwt, &[SecretIsToken]),
        ("0d9a2ab3-7c52-4d3f-9a52-0a8c9f1b7e44", &[]),
        ("eyJust-a-secret", &[]),
        (SECRET, &[]),
    ];
    for (text, expected) in texts {
        let setup = mismatched("{}").secret(text);
        let fix = tells(&setup, Reason::SignatureMismatch, expected);
        assert!(!fix.contains(text) || text.is_empty(), "{fix}");
    }
    let mut setup = mismatched("{}");
    setup.secrets.push((OTHER, "theirs", jwt.to_owned(), None));
    tells(&setup, Reason::SignatureMismatch, &[]);
    // It was tried, and does not match: that it is over is no cause.
    setup.secrets[0].3 = Some(1);
    tells(&setup, Reason::SignatureMismatch, &[]);
    let told = setup.case(unknown::told);
    assert!(
        told.fix.contains("`not_after` of `current` is over"),
        "{told:?}"
    );
    setup
        .secrets
        .push((ROUTE, "next", "another".to_owned(), None));
    let told = setup.case(unknown::told);
    assert!(!told.fix.contains("not_after"), "{told:?}");
}

#[test]
fn versions_methods_and_targets_are_told() {
    let version = "X-HubSpot-Signature-Version";
    let time = "X-HubSpot-Request-Timestamp";
    let signed = Setup::hubspot()
        .without(time)
        .with("X-HubSpot-Signature", WRONG);
    let unaccepted = Reason::UnacceptedVersion;
    for (sent, hint) in [
        ("v1", "add \"v1\""),
        ("v9", "which is no version"),
        ("", "which is no version"),
    ] {
        let fix = tells(&signed.clone().with(version, sent), unaccepted, &[Version]);
        assert!(
            fix.contains(hint) && fix.contains("accepts \"v3\""),
            "{fix}"
        );
    }
    tells(&signed, unaccepted, &[Version]);
    let renamed = signed.clone().with("X_HubSpot_Signature_Version", "v2");
    tells(&renamed, unaccepted, &[HeaderRenamed]);
    let doubled = signed.clone().with(version, "v2, v2");
    tells(&doubled, unaccepted, &[HeaderDoubled]);
    // What became of the header that decides alone, whatever else came.
    let both = signed.with(version, "v1");
    for name in ["HTTP_X_HUBSPOT_SIGNATURE_V3", "X_HubSpot_Signature_v3"] {
        tells(&both.clone().with(name, "x"), unaccepted, &[HeaderRenamed]);
    }
    let fix = tells(
        &both.with(time, "1795289460424"),
        unaccepted,
        &[HeaderMissing],
    );
    assert!(fix.contains("X-HubSpot-Signature-v3 did not come"), "{fix}");

    let mut get = Setup::hubspot();
    get.capture.method = "GET".to_owned();
    let fix = tells(&get, Reason::MethodNotAllowed, &[Method]);
    assert!(fix.contains("redirect"), "{fix}");
    let get = get.with("X-HTTP-Method-Override", "POST");
    let fix = tells(&get, Reason::MethodNotAllowed, &[Method]);
    assert!(fix.contains("X-HTTP-Method-Override"), "{fix}");

    let targets: [(&str, &[Finding]); 8] = [
        ("/hook?a=b c", &[QueryDecoded]),
        ("/hook?a=\u{e9}", &[QueryDecoded]),
        ("/hook?a=\"b\"", &[QueryDecoded]),
        ("/hook?a=[1]", &[QueryDecoded]),
        ("/hook?a=b#c", &[QueryDecoded]),
        ("/../hook", &[]),
        ("/hook?a=b%20c", &[]),
        ("/ho ok", &[]),
    ];
    for (target, expected) in targets {
        let mut setup = Setup::hubspot();
        setup.capture.target = target.into();
        tells(&setup, Reason::BadTarget, expected);
    }
    let urls: [(&str, &[Finding]); 4] = [
        ("https://inner.example/hook", &[UrlHost]),
        ("https://hooks.example.com/hook", &[]),
        ("https://HOOKS.example.com:443/hook", &[]),
        ("https://hooks.example.com:8443/hook", &[UrlHost]),
    ];
    for (url, expected) in urls {
        let mut setup = Setup::hubspot().with("Host", "x");
        url.clone_into(&mut setup.url);
        setup.public_hosts = vec!["hooks.example.com".to_owned()];
        tells(&setup, Reason::BadTarget, expected);
    }
}
