use proptest::prelude::*;

use super::*;

fn capture(text: &[u8]) -> Capture {
    Capture::read(text, None).unwrap()
}

/// Method, target, headers and body, to compare.
fn shown(capture: &Capture) -> (String, String, Vec<String>, String) {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let fields = capture.fields.iter();
    let fields = fields.map(|(name, value)| format!("{name}={}", text(value)));
    (
        capture.method.clone(),
        text(&capture.target),
        fields.collect(),
        text(&capture.body),
    )
}

#[test]
fn a_request_is_read_whatever_its_line_ends_and_its_version() {
    let expected = (
        "POST".to_owned(),
        "/a?b".to_owned(),
        vec!["Host=a.example".to_owned(), "x-b=1 \\xe9".to_owned()],
        "{\\\"c\\\":\\r\\n1}\\n".to_owned(),
    );
    for head in [
        &b"POST /a?b HTTP/1.1\r\nHost: a.example\r\nx-b: 1 \xe9\r\n\r\n"[..],
        b"POST /a?b HTTP/1.0\nHost:a.example\nx-b:\t1 \xe9 \n\n",
        b"POST /a?b HTTP/2\r\nHost: a.example\nx-b: 1 \xe9\n\r\n",
        b"\r\n\nPOST /a?b\nHost : a.example\nx-b: 1\r\n \xe9\r\n\r\n",
        b"\xef\xbb\xbfPOST  /a?b  HTTP/1.1 \r\nHost: a.example\r\nx-b: \r\n\t1\n  \xe9\r\n\r\n",
        b"    POST /a?b HTTP/1.1\n    Host: a.example\n    x-b: 1\n      \xe9\n\n",
    ] {
        let text = [head, b"{\"c\":\r\n1}\n"].concat();
        assert_eq!(shown(&capture(&text)), expected, "{}", head.escape_ascii());
    }
}

#[test]
fn a_target_is_kept_as_it_is_and_a_url_says_what_was_called() {
    for (line, target, origin) in [
        ("GET /a b/%2F?c={} HTTP/1.1", "/a b/%2F?c={}", None),
        ("OPTIONS * HTTP/1.1", "*", None),
        (
            "GET http://u:p@a.example:80/b?c HTTP/1.1",
            "http://u:p@a.example:80/b?c",
            Some("http://a.example:80"),
        ),
    ] {
        let capture = capture(line.as_bytes());
        assert_eq!(capture.target, target.as_bytes(), "{line}");
        assert_eq!(capture.origin.as_deref(), origin, "{line}");
    }
}

#[test]
fn pseudo_headers_are_a_request_line() {
    let text = b":method: POST\n:path: /a?b\n:scheme: https\n:authority: a.example\nx-b: 1\n\n{}";
    let indented = b"   :method: POST\n   :path: /a?b\n   :scheme: https\n   :authority: a.example\n   x-b: 1\n\n{}";
    let mixed = b"POST https://a.example/a?b HTTP/2.0\r\n:authority: a.example\r\nx-b: 1\r\n\r\n{}";
    for (text, target) in [
        (&text[..], "/a?b"),
        (&indented[..], "/a?b"),
        (&mixed[..], "https://a.example/a?b"),
    ] {
        let capture = capture(text);
        let fields = vec!["Host=a.example".to_owned(), "x-b=1".to_owned()];
        let expected = (
            "POST".to_owned(),
            target.to_owned(),
            fields,
            "{}".to_owned(),
        );
        assert_eq!(shown(&capture), expected);
        assert_eq!(capture.origin.as_deref(), Some("https://a.example"));
    }
}

#[test]
fn the_body_is_all_but_the_line_end_that_an_editor_added() {
    for (framing, rest, body, missing) in [
        ("", "{}\n", "{}\n", None),
        ("Content-Length: 2\n", "{}", "{}", None),
        ("Content-Length: 2\n", "{}\n", "{}", None),
        ("content-length: 2\n", "{}\r\n", "{}", None),
        ("Content-Length: 3\n", "{}\n", "{}\n", None),
        ("Content-Length: 2\n", "{}\n\n", "{}\n\n", None),
        ("Content-Length: 1\n", "{}\n", "{}\n", None),
        ("Content-Length: 5\n", "{}\n", "{}\n", Some(5)),
        ("Content-Length: 99999999999999999999\n", "{}", "{}", None),
        ("Content-Length: +1\n", "{}", "{}", None),
        (
            "Transfer-Encoding: chunked\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "{}",
            None,
        ),
        ("Transfer-Encoding: chunked\n", "2\n{}\n0\n\n", "{}", None),
        (
            "Transfer-Encoding: chunked\nContent-Length: 9\n",
            "{}\n",
            "{}\n",
            None,
        ),
    ] {
        let text = format!("POST /a HTTP/1.1\n{framing}\n{rest}");
        let capture = capture(text.as_bytes());
        assert_eq!(capture.body, body.as_bytes(), "{text:?}");
        assert_eq!(capture.missing_bytes, missing, "{text:?}");
    }
}

#[test]
fn what_was_added_when_it_was_recorded_is_no_header() {
    let text = b"GET /a HTTP/1.1\r\nX-Hookward-Recorded-At: 1790000000123\r\nX-Hookward-Reason: no_route\r\n\
                 x-hookward-reason: forged\r\nHost: a\r\n\r\n";
    let capture = capture(text);
    assert_eq!(capture.recorded_at, Some(1_790_000_000_123));
    assert_eq!(capture.reason.as_deref(), Some("no_route"));
    assert_eq!(capture.fields, [("Host".to_owned(), b"a".to_vec())]);
}

#[test]
fn what_is_no_request_is_named_and_not_quoted() {
    let many = "a:\n".repeat(MAX_FIELDS + 1);
    for (text, expected) in [
        (&b""[..], "the file is empty"),
        (b"\r\n \n", "the file is empty"),
        (b"HTTP/1.1 200 OK\r\nSecret: x\r\n\r\n", "this is an answer"),
        (b":status: 200\nsecret: x\n\n", "this is an answer"),
        (b"\x16\x03\x01secret", "binary"),
        (b"\xff\xfeP\0O\0S\0T\0", "UTF-16"),
        (b"[{\"secret\": 1}]", "JSON, but no HAR"),
        (b"<secret>", "HTML or XML"),
        (b"secret", "no request line"),
        (b"SECRET secret", "no request line"),
        (b"POST secret HTTP/1.1\n", "after `POST` there is neither"),
        (b"POST HTTP/1.1\n", "after `POST` there is neither"),
        (
            b"POST /a HTTP/1.1\rHost: a\r\rsecret",
            "carriage returns alone",
        ),
        (b"POST /a HTTP/1.1\nHost: a\nsecret", "line 3 is no header"),
        (
            b"POST /a HTTP/1.1\nHost: a\n{\"secret\": 1}",
            "line 3 is no header",
        ),
        (b"POST /a HTTP/1.1\n secret: a\n", "line 2 is no header"),
        (b":method: POST\nsecret: a\n\n", "no `:path`"),
        (b":path: /secret\n\n", "no `:method`"),
        (b":method: POST\n:path: secret\n\n", "`:path` is no path"),
        (b":secret: a\n", "begins with `:` is unknown"),
        (
            &[b"GET /a\n", many.as_bytes()].concat(),
            "10,000 header lines",
        ),
    ] {
        let error = Capture::read(text, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", text.escape_ascii());
        assert!(!error.to_ascii_lowercase().contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(parts in proptest::collection::vec(
        prop_oneof![
            proptest::sample::select(vec![
                &b"POST /a HTTP/1.1"[..], b"\r\n", b"\n", b"\r\n\r\n", b" ", b":", b":path: /", b":method: A",
                b"Content-Length: 3", b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n", b"http://", b"@",
            ]).prop_map(<[u8]>::to_vec),
            proptest::collection::vec(any::<u8>(), 0..6),
        ],
        0..20,
    )) {
        let _ = read(&parts.concat());
        let _ = read(&[&b"POST /a HTTP/1.1\n"[..], &parts.concat()].concat());
    }
}
