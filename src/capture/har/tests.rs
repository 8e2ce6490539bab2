use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry(request: serde_json::Value) -> serde_json::Value {
    json!({
        "startedDateTime": "2026-11-29T20:00:00.123+01:00",
        "time": 3.5,
        "_priority": "High",
        "request": request,
        "response": { "status": 401, "content": { "text": "\u{e9}", "size": 2 } },
    })
}

fn har(entries: &[serde_json::Value]) -> Vec<u8> {
    json!({ "log": { "version": "1.2", "creator": { "name": "a" }, "entries": entries } })
        .to_string()
        .into_bytes()
}

fn of_request(request: serde_json::Value) -> Result<Capture, CaptureError> {
    Capture::read(&har(&[entry(request)]), None)
}

#[test]
fn an_entry_is_the_request_that_it_tells_of() {
    let request = json!({
        "method": "POST",
        "url": "https://a.example:8443/b?c=%20d#e",
        "httpVersion": "h2",
        "headers": [
            { "name": ":authority", "value": "a.example:8443" },
            { "name": "x-b", "value": " 1\n2 ", "_extra": null },
        ],
        "queryString": [{ "name": "c", "value": " d" }],
        "postData": { "mimeType": "application/json", "text": "{\"f\":\"\u{e9}\"}\r\n" },
        "bodySize": 12,
    });
    let capture = of_request(request).unwrap();
    assert_eq!(capture.method, "POST");
    assert_eq!(capture.target, b"/b?c=%20d");
    assert_eq!(capture.origin.as_deref(), Some("https://a.example:8443"));
    let fields = [("Host", "a.example:8443"), ("x-b", "1"), ("x-b", "2")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(capture.fields, fields);
    assert_eq!(capture.body, "{\"f\":\"\u{e9}\"}\r\n".as_bytes());
    // When a browser sent it is not when it came.
    assert_eq!(capture.recorded_at, None);
}

#[test]
fn a_body_is_text_or_base64_or_a_form_or_not_there() {
    for (data, expected) in [
        (json!({ "text": "a\u{e9}" }), Some("a\u{e9}")),
        (
            json!({ "text": "YcOp", "encoding": "base64" }),
            Some("a\u{e9}"),
        ),
        (json!({ "text": "YcOp", "encoding": "" }), Some("YcOp")),
        (json!({ "text": "a!", "encoding": "base64" }), None),
        (
            json!({ "params": [{ "name": "a b", "value": "\u{e9}&" }, { "name": "c" }] }),
            Some("a+b=%C3%A9%26&c="),
        ),
        (
            json!({ "mimeType": "Multipart/form-data", "params": [{ "name": "a" }] }),
            Some(""),
        ),
        (json!({ "mimeType": "a/b" }), Some("")),
        (json!({ "_file": "a.json" }), None),
        (json!(null), Some("")),
    ] {
        let request = json!({ "method": "POST", "url": "http://a/b", "postData": data });
        let body = of_request(request).map(|capture| capture.body).ok();
        assert_eq!(body.as_deref(), expected.map(str::as_bytes), "{data}");
    }
}

#[test]
fn the_entry_that_is_wanted_is_read_and_else_those_that_there_are_are_listed() {
    let request = |index: usize| {
        let url = format!("https://user:password@a.example/{index}?key=secret");
        entry(json!({ "method": "GET", "url": url }))
    };
    let twelve: Vec<_> = (1..=12).map(request).collect();
    let read = |entries: &[serde_json::Value], entry| Capture::read(&har(entries), entry);

    assert_eq!(read(&twelve[..1], None).unwrap().target, b"/1?key=secret");
    assert_eq!(read(&twelve, Some(12)).unwrap().target, b"/12?key=secret");
    let listed: Vec<_> = (1..=10)
        .map(|index| format!("  {index}  GET /{index}"))
        .collect();
    let listed = listed.join("\n");
    for (entries, entry, expected) in [
        (
            &twelve[..],
            None,
            format!(
                "the HAR file has 12 requests; choose one by its number:\n{listed}\n  and 2 more"
            ),
        ),
        (
            &twelve[..2],
            Some(0),
            "the HAR file has no request 0; those that it has:\n  1  GET /1\n  2  GET /2"
                .to_owned(),
        ),
        (
            &twelve[..1],
            Some(2),
            "the HAR file has no request 2; those that it has:\n  1  GET /1".to_owned(),
        ),
        (&[], None, "the HAR file has no requests".to_owned()),
    ] {
        let error = read(entries, entry).unwrap_err();
        assert!(matches!(error, CaptureError::Entry(_)));
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_is_no_har_file_is_named_and_not_quoted() {
    for (text, expected) in [
        ("{\"secret\": 1}", "no HAR file: at line 1, column 13"),
        (
            "{\"log\": {\"entries\": \"secret\"}}",
            "no HAR file: at line 1",
        ),
        ("{\"log\": {\"entries\": [", "no JSON at line 1"),
        ("{secret", "no JSON at line 1"),
        (
            "{\"log\":{\"entries\":[{\"request\":{\"method\":\"\",\"url\":\"\"}}]}}",
            "is no method",
        ),
        (
            "{\"log\":{\"entries\":[{\"request\":{\"method\":\"A\",\"url\":\"secret\"}}]}}",
            "is no http",
        ),
    ] {
        let error = Capture::read(text.as_bytes(), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let deep = "{\"log\":".repeat(100_000);
    assert!(Capture::read(deep.as_bytes(), None).is_err());
}

proptest! {
    #[test]
    fn no_texts_panic(
        method in any::<String>(), url in "(https?://)?\\PC{0,10}", name in any::<String>(), value in any::<String>(),
        started in "[0-9TZ:.+-]{0,30}", at in 0_usize..400, byte in any::<u8>(), number in any::<Option<usize>>(),
    ) {
        let request = json!({
            "method": method, "url": url, "headers": [{ "name": name, "value": value }],
            "postData": { "text": value, "encoding": "base64", "params": [{ "name": name }] },
        });
        let mut text = har(&[json!({ "startedDateTime": started, "request": request })]);
        let _ = read(&text, number);
        if let Some(changed) = text.get_mut(at) {
            *changed = byte;
        }
        let _ = read(&text, None);
    }
}
