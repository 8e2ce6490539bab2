use super::{mismatched, tells};
use crate::explain::finding::Finding::{self, *};
use crate::reason::Reason;

#[test]
fn bodies_that_are_not_all_there_are_told() {
    let cases: [(&str, Option<u64>, &[Finding]); 13] = [
        ("", None, &[BodyEmpty]),
        ("", Some(500), &[BodyEmpty, BodyTruncated]),
        ("{\"a\":[1,2", None, &[BodyTruncated]),
        ("{\"a\":\"b", None, &[BodyTruncated]),
        ("  [", None, &[BodyTruncated]),
        ("{\"a\":1}", Some(8), &[BodyTruncated]),
        ("{\"a\":1}", Some(7), &[]),
        ("{\"a\":1}", None, &[]),
        ("{\"a\":1}}", None, &[]),
        ("{\"a\":nope", None, &[]),
        ("\"a", None, &[]),
        ("a=b&c", None, &[]),
        (&"x".repeat(65_536), None, &[]),
    ];
    for (body, missing, expected) in cases {
        let mut setup = mismatched(body);
        setup.capture.missing_bytes = missing;
        tells(&setup, Reason::SignatureMismatch, expected);
    }
    let mut setup = mismatched("");
    setup.capture.method = "GET".to_owned();
    tells(&setup, Reason::SignatureMismatch, &[]);
    let mut setup = mismatched("{}").time("1795289460424");
    setup.capture.missing_bytes = Some(5);
    let fix = tells(&setup, Reason::TimestampExpired, &[BodyTruncated]);
    assert!(fix.contains("2 bytes, 3 fewer than the 5"), "{fix}");
}

#[test]
fn keys_that_axios_dropped_are_told_on_what_is_missing_alone() {
    let event = |fields: &str, record: &str| {
        format!(r#"{{"eventName":"x.updated","record":{record},"updatedFields":{fields}}}"#)
    };
    let cases: [(String, &[Finding]); 8] = [
        (
            event(r#"["constructor"]"#, r#"{"id":"1"}"#),
            &[AxiosDroppedKeys],
        ),
        (
            event(r#"["name","__proto__"]"#, r#"{"name":1}"#),
            &[AxiosDroppedKeys],
        ),
        (event(r#"["constructor"]"#, r#"{"constructor":"x"}"#), &[]),
        (event(r#"["name"]"#, r#"{"id":"1"}"#), &[]),
        (event(r#"["name"]"#, r#"{"id":"constructor"}"#), &[]),
        (event(r#""constructor""#, r#"{"id":"1"}"#), &[]),
        (r#"{"record":{"id":"constructor"}}"#.to_owned(), &[]),
        (r#"["constructor"]"#.to_owned(), &[]),
    ];
    for (body, expected) in cases {
        let setup = mismatched(&body).with("User-Agent", "axios/1.13.6");
        tells(&setup, Reason::SignatureMismatch, expected);
    }
}
