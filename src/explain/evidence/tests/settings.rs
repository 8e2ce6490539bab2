use super::{WRONG, mismatched, tells};
use crate::explain::evidence::testing::{OTHER, ROUTE, SECRET, Setup};
use crate::explain::finding::Finding::{self, *};
use crate::reason::Reason;

#[test]
fn secrets_that_cannot_sign_are_told() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let texts: [(&str, &[Finding]); 5] = [
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
    setup.secrets[0].3 = Some(1);
    let fix = tells(&setup, Reason::SignatureMismatch, &[SecretExpired]);
    assert!(fix.contains("`current`"), "{fix}");
    setup
        .secrets
        .push((ROUTE, "next", "another".to_owned(), None));
    tells(&setup, Reason::SignatureMismatch, &[]);
}

#[test]
fn versions_methods_and_targets_are_told() {
    let version = "X-HubSpot-Signature-Version";
    let signed = Setup::hubspot().with("X-HubSpot-Signature", WRONG);
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
    tells(
        &signed.with("HTTP_X_HUBSPOT_SIGNATURE_V3", "x"),
        unaccepted,
        &[HeaderRenamed],
    );

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
    let urls: [(&str, &str, &[Finding]); 6] = [
        ("https://inner.example/hook", "x", &[UrlHost]),
        ("https://hooks.example.com/hook", "x", &[]),
        ("https://HOOKS.example.com:443/hook", "x", &[]),
        ("https://hooks.example.com:8443/hook", "x", &[UrlHost]),
        ("", "inner.example", &[UrlHost]),
        ("", "hooks.example.com", &[]),
    ];
    for (url, host, expected) in urls {
        let mut setup = Setup::hubspot().with("Host", host);
        url.clone_into(&mut setup.url);
        setup.public_hosts = vec!["hooks.example.com".to_owned()];
        tells(&setup, Reason::BadTarget, expected);
    }
}
