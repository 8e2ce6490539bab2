use proptest::prelude::*;

use super::*;
use crate::capture::Capture;
use crate::http1::fields::Field;

fn file(fields: &[Field<'_>], target: &str, hidden: Option<Hidden<'_>>) -> String {
    let file = to_file(&Written {
        method: "POST",
        target: target.as_bytes(),
        fields: Fields::from(fields),
        body: b"{}\n",
        at: 1_790_000_000_123,
        reason: Reason::ApiKeyMismatch,
        hidden,
    });
    String::from_utf8(file).unwrap()
}

#[test]
fn a_request_is_kept_as_it_came_with_its_time_and_reason() {
    let fields = [Field::new("hOST", b"a"), Field::new("Content-Length", b"3")];
    let expected = "POST /a?b HTTP/1.1\r\nX-Hookward-Recorded-At: 1790000000123\r\nX-Hookward-Reason: \
                    api_key_mismatch\r\nhOST: a\r\nContent-Length: 3\r\n\r\n{}\n";
    assert_eq!(file(&fields, "/a?b", None), expected);
}

#[test]
fn a_body_that_came_in_chunks_is_kept_with_its_length() {
    let fields = [
        Field::new("Transfer-Encoding", b"Chunked"),
        Field::new("A", b"b"),
    ];
    let file = file(&fields, "/", None);
    assert!(
        file.ends_with("api_key_mismatch\r\nA: b\r\nContent-Length: 3\r\n\r\n{}\n"),
        "{file}"
    );
    assert_eq!(Capture::read(file.as_bytes(), None).unwrap().body, b"{}\n");
}

#[test]
fn a_key_in_a_header_is_not_kept_however_the_header_is_spelled() {
    let fields = [
        Field::new("X-Api-Key", b"secret"),
        Field::new("x_api_key", b"secret"),
        Field::new("X-Api-Key", b""),
        Field::new("X-Api-Keys", b"other"),
    ];
    let file = file(
        &fields,
        "/?x-api-key=other",
        Some(Hidden::Header("x-api-key")),
    );
    let expected = "X-Api-Key: ***\r\nx_api_key: ***\r\nX-Api-Key: \r\nX-Api-Keys: other\r\n\r\n";
    assert!(file.contains(expected), "{file}");
    assert!(
        file.starts_with("POST /?x-api-key=other HTTP/1.1\r\n"),
        "{file}"
    );
}

#[test]
fn a_key_in_a_query_is_not_kept_however_its_name_is_escaped() {
    for (target, expected) in [
        ("/a", "/a"),
        ("/a?", "/a?"),
        ("/a?api+key=secret", "/a?api+key=***"),
        ("/a?b=%zz&&api%20key=secret&c", "/a?b=%zz&&api%20key=***&c"),
        (
            "/a?%61p%69+key=sec=ret&API+KEY=secret#x",
            "/a?%61p%69+key=***&API+KEY=***",
        ),
        (
            "http://a/?api+key=secret&api+key=",
            "http://a/?api+key=***&api+key=",
        ),
        (
            "/api+key=x?api+key&api%2Bkey=x&api+keys=x",
            "/api+key=x?api+key&api%2Bkey=x&api+keys=x",
        ),
    ] {
        let file = file(&[], target, Some(Hidden::Query("api key")));
        assert_eq!(file.split(' ').nth(1), Some(expected), "{target}");
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_it_was(
        method in "[A-Z]{1,10}",
        target in "(https?://[a-z]{1,5}(:[0-9]{1,3})?)?/[!-~]{0,20}",
        fields in proptest::collection::vec(
            ("[A-Za-z0-9_!-]{1,10}", prop_oneof![Just(Vec::new()), proptest::collection::vec(b'!'..=0xff_u8, 1..10)]),
            0..6,
        ),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "[\r\n{}: ]{0,20}".prop_map(String::into_bytes),
        ],
        has_length in any::<bool>(),
        missing in 0_usize..3,
        at in any::<u64>(),
    ) {
        let mut fields = fields;
        if has_length {
            let length = body.len().saturating_add(missing).to_string();
            fields.push(("Content-Length".to_owned(), length.into_bytes()));
        }
        let lines: Vec<_> = fields.iter().map(|(name, value)| Field::new(name, value)).collect();
        let file = to_file(&Written {
            method: &method,
            target: target.as_bytes(),
            fields: Fields::from(&lines[..]),
            body: &body,
            at,
            reason: Reason::SignatureMismatch,
            hidden: None,
        });
        let capture = Capture::read(&file, None).unwrap();
        prop_assert_eq!(&capture.method, &method);
        prop_assert_eq!(&capture.target, target.as_bytes());
        prop_assert_eq!(&capture.fields, &fields);
        prop_assert_eq!(&capture.body, &body);
        prop_assert_eq!(capture.recorded_at, Some(at));
        prop_assert_eq!(capture.reason.as_deref(), Some("signature_mismatch"));
        let length = u64::try_from(body.len()).unwrap();
        let missing = u64::try_from(missing).unwrap();
        let expected = (has_length && missing > 0).then(|| length.saturating_add(missing));
        prop_assert_eq!(capture.missing_bytes, expected);
    }
}
