//! API keys: which are found where, and what each route makes of them.

use hookward::http1::fields::{Field, Fields};
use hookward::http1::target::Target;
use hookward::verify::{
    API_KEY, ApiKeyLocation, ApiKeySettings, Request, Secret, Timestamp, Verifier,
};
use http::HeaderName;

fn verifier(location: ApiKeyLocation, enforce: bool) -> Verifier {
    let keys = [("old", "an older key"), ("new", "Bearer a+b/c=d&e")];
    verifier_of(&keys, location, enforce)
}

fn verifier_of(keys: &[(&str, &str)], location: ApiKeyLocation, enforce: bool) -> Verifier {
    let keys: Vec<Secret> = keys
        .iter()
        .map(|&(id, value)| Secret {
            id: id.into(),
            value: value.into(),
            not_after: None,
        })
        .collect();
    let settings = ApiKeySettings {
        location,
        keys: &keys,
    };
    Verifier::for_api_keys(settings, enforce)
}

/// The id of the key that matched, or the reason; and whether the header alone decided.
fn judge(
    verifier: &Verifier,
    query: Option<&str>,
    headers: &[&str],
) -> (Result<String, String>, bool) {
    let headers: Vec<_> = headers
        .iter()
        .map(|value| Field::new("Authorization", value.as_bytes()))
        .collect();
    let target = query.map_or("/".to_owned(), |query| format!("/?{query}"));
    let request = Request {
        method: "POST",
        target: Target::parse(target.as_bytes()).unwrap(),
        headers: Fields::from(&*headers),
    };
    let mut verification = match verifier.begin(request, None, Timestamp::from_millis(0)) {
        Ok(verification) => verification,
        Err(rejection) => {
            assert_eq!(rejection.scheme, API_KEY);
            return (Err(rejection.reason.to_string()), true);
        }
    };
    assert_eq!(verification.scheme(), API_KEY);
    let certain = verification
        .certain_rejection()
        .map(|rejection| rejection.reason);
    verification.update(b"any body").unwrap();
    let outcome = match verification.finish().map_err(|rejected| rejected.rejection) {
        Ok(permitted) => match (permitted.permit().proof(), permitted.permit().waived()) {
            (Some(proof), None) => {
                assert_eq!((proof.scheme, proof.signed_at), (API_KEY, None));
                Ok(proof.secret.to_string())
            }
            (None, Some(waived)) => {
                assert_eq!(permitted.permit().waived_reason(), Some(waived.reason));
                Ok(format!("waived {}", waived.reason))
            }
            other => panic!("{other:?}"),
        },
        Err(rejection) => {
            assert_eq!(certain, Some(rejection.reason));
            Err(rejection.reason.to_string())
        }
    };
    (outcome, certain.is_some())
}

const QUERIES: [(Option<&str>, Result<&str, &str>); 14] = [
    (Some("the+key=Bearer+a%2Bb%2fc%3Dd%26e"), Ok("new")),
    (Some("a=1&the%20key=Bearer%20a%2Bb/c=d%26e&b"), Ok("new")),
    (Some("the key=an+older%20key"), Ok("old")),
    (Some("the+key=an+older+ke"), Err("api_key_mismatch")),
    (Some("the+key=an+older+keys"), Err("api_key_mismatch")),
    (Some("the+key="), Err("api_key_mismatch")),
    (Some("the+key"), Err("api_key_mismatch")),
    (Some("the+key=an%252Bolder"), Err("api_key_mismatch")),
    (Some("the%2520key=an+older+key"), Err("missing_api_key")),
    (Some("The+key=an+older+key"), Err("missing_api_key")),
    (
        Some("the+key=an+older+key&the%20key=x"),
        Err("duplicate_header"),
    ),
    (Some("the+key&the+key"), Err("duplicate_header")),
    (Some(""), Err("missing_api_key")),
    (None, Err("missing_api_key")),
];

#[test]
fn keys_in_a_query_are_decoded_once_and_found_whole() {
    let verifier = verifier(ApiKeyLocation::Query("the key".to_owned()), true);
    for (query, expected) in QUERIES {
        let (outcome, is_certain) = judge(&verifier, query, &["an older key"]);
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(
            (outcome, is_certain),
            (expected.clone(), expected.is_err()),
            "{query:?}"
        );
    }
}

#[test]
fn keys_in_a_header_are_its_whole_value() {
    let name = HeaderName::from_static("authorization");
    let verifier = verifier(ApiKeyLocation::Header(name), true);
    for (headers, expected) in [
        (&["an older key"][..], Ok("old")),
        (&["Bearer a+b/c=d&e"], Ok("new")),
        (&["a+b/c=d&e"], Err("api_key_mismatch")),
        (&["an+older+key"], Err("api_key_mismatch")),
        (&[""], Err("api_key_mismatch")),
        (&["an older key", "an older key"], Err("duplicate_header")),
        (&[], Err("missing_api_key")),
    ] {
        let (outcome, is_certain) = judge(&verifier, Some("authorization=an+older+key"), headers);
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(
            (outcome, is_certain),
            (expected.clone(), expected.is_err()),
            "{headers:?}"
        );
    }
}

#[test]
fn of_two_ids_for_one_key_the_first_is_reported() {
    let keys = [("other", "x"), ("first", "same"), ("second", "same")];
    let verifier = verifier_of(&keys, ApiKeyLocation::Query("k".to_owned()), true);
    assert_eq!(
        judge(&verifier, Some("k=same"), &[]).0,
        Ok("first".to_owned())
    );
    assert_eq!(judge(&verifier, Some("k=x"), &[]).0, Ok("other".to_owned()));
}

#[test]
fn a_route_that_does_not_enforce_waives_what_is_missing_or_wrong() {
    let verifier = verifier(ApiKeyLocation::Query("the key".to_owned()), false);
    for (query, expected) in QUERIES {
        let (outcome, is_certain) = judge(&verifier, query, &[]);
        let expected = match expected {
            Ok(id) => id.to_owned(),
            Err(reason) => format!("waived {reason}"),
        };
        assert_eq!((outcome, is_certain), (Ok(expected), false), "{query:?}");
    }
}

#[test]
fn what_a_verifier_shows_of_itself_is_no_secret() {
    let verifier = verifier(ApiKeyLocation::Query("the key".to_owned()), true);
    let shown = format!("{verifier:?}");
    assert!(
        shown.contains("old") && shown.contains("api-key"),
        "{shown}"
    );
    assert!(
        !shown.contains("older key") && !shown.contains("Bearer"),
        "{shown}"
    );
    assert_eq!(verifier.initial_label(), "api-key");
    assert!(!verifier.signs_uri());
    let ids: Vec<&str> = verifier.secret_ids().iter().map(|id| &**id).collect();
    assert_eq!(ids, ["old", "new"]);
}
