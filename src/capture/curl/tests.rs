use proptest::prelude::*;

use super::*;

fn capture(command: &str) -> Capture {
    match Capture::read(command.as_bytes(), None) {
        Ok(capture) => capture,
        Err(error) => panic!("{command}: {error}"),
    }
}

/// The request as text, without `Host`.
fn request(command: &str) -> String {
    let capture = capture(command);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let fields = capture.fields.iter().filter(|(name, _)| name != "Host");
    let fields = fields.map(|(name, value)| format!("{name}: {}\n", text(value)));
    let fields: String = fields.collect();
    let (target, body) = (text(&capture.target), text(&capture.body));
    format!("{} {target}\n{fields}\n{body}", capture.method)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn what_browsers_and_postman_copy_is_read() {
    let chrome = r#"curl 'https://a.example/b?c=d' \
  -H 'authority: a.example' \
  -H 'content-type: application/json' \
  --data-raw $'{"e":"it\'s\u0021"}' \
  --compressed \
  --insecure"#;
    let body = r#"{"e":"it's!"}"#;
    let fields = "authority: a.example\ncontent-type: application/json\n";
    assert_eq!(request(chrome), format!("POST /b?c=d\n{fields}\n{body}"));

    let firefox =
        "curl 'https://a.example/b' -X POST -H 'Accept: */*' -H 'TE: trailers' --data-raw '@{}'";
    let fields = format!("{FORM}\nAccept: */*\nTE: trailers\n");
    assert_eq!(request(firefox), format!("POST /b\n{fields}\n@{{}}"));

    let postman = "curl --location --request PUT 'https://a.example/b' \\\n--header 'X-A: 1' \\\n--data '{\n    \
                   \"c\": 1\n}'";
    let expected = format!("PUT /b\n{FORM}\nX-A: 1\n\n{{\n    \"c\": 1\n}}");
    assert_eq!(request(postman), expected);
}

/// What curl 7.88.1 sent to a listening socket, but for `Accept: */*` and its name and version.
#[test]
fn the_request_is_the_one_that_curl_sends() {
    for (command, expected) in [
        ("curl -s 'http://a?x=1'", "GET /?x=1\n\n".to_owned()),
        (
            "curl http://a/x --data-urlencode 'a b&c' --data-urlencode 'n=a b+~\u{e9}' --data-urlencode '=x=y' -d z=1",
            format!("POST /x\n{FORM}\n\na+b%26c&n=a+b%2B~%C3%A9&x%3Dy&z=1"),
        ),
        (
            "curl -G 'http://a/x?q=1#frag' -d a=1 --data-urlencode 'b= x'",
            "GET /x?q=1&a=1&b=+x\n\n".to_owned(),
        ),
        ("curl -G http://a/x -d a=1 -X POST", "POST /x?a=1\n\n".to_owned()),
        (
            "curl a/x --json '{\"a\":1}' --json '[2]'",
            "POST /x\nAccept: application/json\nContent-Type: application/json\n\n{\"a\":1}[2]".to_owned(),
        ),
        (
            "curl a/x --json '{\"a\":1}' -d '[2]' -H 'Accept: x'",
            "POST /x\nContent-Type: application/json\nAccept: x\n\n{\"a\":1}&[2]".to_owned(),
        ),
        (
            "curl a/x -d '{}' -H 'Content-Type:' -H 'X-E;' -H 'X-F:' -H junk -HX-G:v",
            "POST /x\nX-E: \nX-G: v\n\n{}".to_owned(),
        ),
        ("curl a/x -d ''", format!("POST /x\n{FORM}\n\n")),
        ("curl -d a=1 -d '' -d b=2 a/x", format!("POST /x\n{FORM}\n\na=1&&b=2")),
        (
            "curl a/x -b 'a=1' -e 'http://r/;auto' -A ua -u me:pw",
            "GET /x\nAuthorization: Basic bWU6cHc=\nUser-Agent: ua\nReferer: http://r/\nCookie: a=1\n\n".to_owned(),
        ),
        ("curl 'http://u%40:p@a/b'", "GET /b\nAuthorization: Basic dUA6cA==\n\n".to_owned()),
        ("curl a/x -u alice: -A ''", "GET /x\nAuthorization: Basic YWxpY2U6\n\n".to_owned()),
        (
            "curl -H 'A: 1' --url a/x -H 'a: 2' --request-target '*'",
            "GET *\nA: 1\na: 2\n\n".to_owned(),
        ),
        (
            "curl --oauth2-bearer tok a/x -I --url-query 'k=a b'",
            "HEAD /x?k=a+b\nAuthorization: Bearer tok\n\n".to_owned(),
        ),
    ] {
        assert_eq!(request(command), expected, "{command}");
    }
}

#[test]
fn options_that_decide_nothing_are_passed_over_with_their_values() {
    let command = "curl -sSLkvo out.txt --max-time 5 -m5 --connect-timeout 1 --cacert ca.pem -w '%{http_code}' \
                   --resolve a:443:127.0.0.1 --no-keepalive --no-location --http2 --proxy '' -XPATCH -- https://a/x";
    assert_eq!(request(command), "PATCH /x\n\n");
}

#[test]
fn the_host_and_what_was_called_are_those_of_the_url() {
    for (command, host, origin) in [
        ("curl a.example/b", "a.example", "http://a.example"),
        (
            "curl https://a.example:443/b",
            "a.example",
            "https://a.example:443",
        ),
        ("curl HTTP://a:8080", "a:8080", "http://a:8080"),
        ("curl https://a/b -H 'Host: c'", "c", "https://a"),
    ] {
        let capture = capture(command);
        assert_eq!(capture.header("host"), Some(host.as_bytes()), "{command}");
        assert_eq!(capture.origin.as_deref(), Some(origin), "{command}");
    }
}

#[test]
fn what_cannot_be_known_is_an_error_without_the_values() {
    for (arguments, expected) in [
        ("https://a/ -d @secret.json", "the body from a file"),
        ("https://a/ --json @secret", "the body from a file"),
        ("https://a/ --data-binary @-", "the body from a file"),
        (
            "https://a/ --data-urlencode secret@secret",
            "the body from a file",
        ),
        ("https://a/ -H @secret", "`-H @…` takes headers from a file"),
        (
            "https://a/ -H 'secret value: a'",
            "a `-H` that is no header",
        ),
        (
            "https://a/ -H $'a: secret\\nb: c'",
            "a `-H` that is no header",
        ),
        ("https://a/ -F secret=@a", "`-F` makes a multipart body"),
        ("https://a/ -T secret", "`-T` sends a file"),
        ("-K secret https://a/", "`-K` takes options from a file"),
        (
            "https://a/ --next https://b/",
            "`--next` begins a second request",
        ),
        (
            "https://a/ --sesame secret",
            "has `--sesame`, which is no option",
        ),
        (
            "https://a/ --header=secret",
            "has `--header`, which is no option",
        ),
        ("https://a/ '-s\u{e9}secret'", "no option of curl"),
        (
            "https://a/ --no-data secret",
            "has `--no-data`, which is no option",
        ),
        (
            "https://a/ '--very-long-and-maybe-a-secret-key'",
            "something that begins with `-`",
        ),
        ("https://a/ -", "a `-` alone"),
        ("https://a/ -sX", "ends after `-X`"),
        ("https://a/ --data", "ends after `--data`"),
        ("https://a/ secret", "several URLs"),
        ("-X POST", "no URL"),
        ("''", "no URL"),
        ("ftp://secret/", "no URL of http or https"),
        ("https://a/ -X 'secret secret'", "`-X` has no method"),
        ("https://a/ -d $SECRET", "a `$`"),
    ] {
        let command = format!("curl {arguments}");
        let error = Capture::read(command.as_bytes(), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{command}: {error}");
        assert!(!error.contains("secret"), "{command}: {error}");
    }
}

proptest! {
    #[test]
    fn no_texts_panic(parts in proptest::collection::vec(
        prop_oneof![
            proptest::sample::select(vec![
                &b" "[..], b"\\\n", b"'", b"\"", b"$'", b"\\x", b"\\u", b"\\ud83d", b"\\", b"$", b"`", b"|", b" -",
                b" --", b" -d ", b" -H 'a: b' ", b" -u ", b" https://a/", b" -G ", b"@", b"%4", b"=", b":", b";",
            ]).prop_map(<[u8]>::to_vec),
            proptest::collection::vec(any::<u8>(), 0..4),
        ],
        0..20,
    )) {
        let _ = read(&[&b"curl "[..], &parts.concat()].concat());
    }
}
