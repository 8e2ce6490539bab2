//! `hookward explain` names the cause, in words and as data, and never shows a secret. What it says of many
//! mistakes made for real is in the interoperation suite.

use serde_json::Value;

use crate::support::client::Request;
use crate::support::protocol::Certificates;
use crate::support::proxy::{BINARY, command, file, project};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

const BODY: &[u8] = br#"[{"eventId":1,"propertyValue":"Zo\u00eb"}]"#;

const SERVER: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

fn config(public_url: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let routes = sign::routes("http://127.0.0.1:9", "").replace(PUBLIC_URL, public_url);
    file("hookward.toml", format!("{SERVER}{ADMIN}{routes}"))
}

/// Explains a request by this text of a configuration.
fn by_config(request: &[u8], config: &str, options: &[&str]) -> (i32, String, String) {
    let (_config, config) = file("hookward.toml", config);
    let (_capture, capture) = file("capture", request);
    let files = [
        "--config",
        config.to_str().unwrap(),
        "--request",
        capture.to_str().unwrap(),
    ];
    command(&[&["explain"], &files[..], options].concat())
}

fn json_by_config(request: &[u8], config: &str) -> (i32, Value) {
    let (code, out, error) = by_config(request, config, &["--format", "json"]);
    let answer = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    (code, answer)
}

/// Explains a request by this configuration: the exit code, what was printed, what was complained of.
fn explain(request: &[u8], public_url: &str, options: &[&str]) -> (i32, String, String) {
    let (_config, config) = config(public_url);
    let (_capture, capture) = file("capture", request);
    let files = [
        "--config",
        config.to_str().unwrap(),
        "--request",
        capture.to_str().unwrap(),
    ];
    let (code, out, error) = command(&[&["explain"], &files[..], options].concat());
    assert!(!format!("{out}{error}").contains(SECRET), "{out}{error}");
    (code, out, error)
}

fn as_data(request: &Request, public_url: &str, options: &[&str]) -> (i32, Value) {
    let options = [options, &["--format", "json"]].concat();
    let (code, out, error) = explain(&request.bytes(), public_url, &options);
    (
        code,
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}")),
    )
}

#[test]
fn a_capture_that_verifies_is_said_to() {
    let (code, answer) = as_data(&Kind::V3.request(BODY), PUBLIC_URL, &[]);
    assert_eq!(code, 0);
    for (field, expected) in [
        ("verdict", Value::from("verified")),
        ("reason", "ok".into()),
        ("route", "hubspot".into()),
        ("scheme", "hubspot-v3".into()),
        ("findings", Value::Array(Vec::new())),
    ] {
        assert_eq!(answer[field], expected, "{field}");
    }
    let parts: Vec<&str> = answer["signed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["part"].as_str().unwrap())
        .collect();
    assert_eq!(parts, ["method", "url", "body", "timestamp"]);
    assert_eq!(answer["signed"][1]["text"], format!("{PUBLIC_URL}/hubspot"));
    assert_eq!(answer["signed"][2]["bytes"], BODY.len());
}

#[test]
fn a_wrong_public_url_is_named_with_the_line_to_change() {
    // What a proxy in front says of the host that was called.
    let request = Kind::V3
        .request(BODY)
        .header("X-Forwarded-Host", "hooks.example.com");
    let (code, answer) = as_data(&request, "https://inner.example", &[]);
    assert_eq!(code, 1);
    assert_eq!(answer["reason"], "signature_mismatch");
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{answer}");
    assert_eq!(findings[0]["finding"], "url_host");
    let fix = findings[0]["fix"].as_str().unwrap();
    assert!(
        fix.contains(&format!("public_url = \"{PUBLIC_URL}\"")),
        "{fix}"
    );
    let (code, text, _) = explain(&request.bytes(), "https://inner.example", &[]);
    assert_eq!(code, 1);
    for shown in [
        "rejected: signature_mismatch",
        "Cause: url_host",
        fix,
        "https://inner.example/hubspot",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
}

#[test]
fn a_forgery_has_no_cause_and_what_was_tried_is_said() {
    let forged = Kind::Twenty
        .request(BODY)
        .with("X-Twenty-Webhook-Signature", "0".repeat(64));
    let (code, answer) = as_data(&forged, PUBLIC_URL, &[]);
    assert_eq!(code, 1);
    assert_eq!(answer["findings"][0]["finding"], "unknown");
    let ruled_out = answer["ruled_out"].as_array().unwrap();
    assert!(ruled_out.contains(&"body_reserialized".into()), "{answer}");
}

#[test]
fn a_capture_is_judged_as_if_received_at_a_time() {
    let old = Kind::Twenty.request(BODY);
    let later = sign::now(3_600_000);
    let (code, answer) = as_data(&old, PUBLIC_URL, &["--at", &later]);
    assert_eq!((code, &answer["reason"]), (1, &"timestamp_expired".into()));
    assert_eq!(answer["findings"][0]["finding"], "clock", "{answer}");
    let recorded = old.header("X-Hookward-Recorded-At", &later);
    let (code, answer) = as_data(&recorded, PUBLIC_URL, &[]);
    assert_eq!((code, &answer["reason"]), (1, &"timestamp_expired".into()));
    let (code, _) = as_data(&recorded, PUBLIC_URL, &["--at", &sign::now(0)]);
    assert_eq!(code, 0);
}

#[test]
fn without_a_configuration_scheme_secret_and_url_are_enough() {
    let (_capture, capture) = file("capture", Kind::V3.request(BODY).bytes());
    let (_secret, secret) = file("secret", format!("{SECRET}\n"));
    let with_url = |url: &str| {
        let arguments = [
            "explain",
            "--scheme",
            "hubspot-v3",
            "--secret-file",
            secret.to_str().unwrap(),
            "--url",
            url,
            "--request",
            capture.to_str().unwrap(),
            "--format",
            "json",
        ];
        let (code, out, error) = command(&arguments);
        let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
        (code, answer["findings"][0]["finding"].clone())
    };
    assert_eq!(with_url(&format!("{PUBLIC_URL}/hubspot")), (0, Value::Null));
    assert_eq!(
        with_url("http://hooks.example.com/hubspot"),
        (1, "url_scheme".into())
    );
    assert_eq!(
        with_url(&format!("{PUBLIC_URL}/hubspot/")),
        (1, "url_trailing_slash".into())
    );
}

fn value_of(request: &Request, name: &str) -> String {
    let mut headers = request.headers.iter();
    let (_, value) = headers.find(|(other, _)| other == name).unwrap();
    String::from_utf8(value.clone()).unwrap()
}

/// The exit code and what was printed of a capture that is judged by a scheme, a secret and a URL.
fn alone(url: &str, request: &Request, environment: &[(&str, &str)]) -> (i32, String, String) {
    let (_capture, capture) = file("capture", request.bytes());
    let (_secret, secret) = file("secret", SECRET);
    let mut explain = std::process::Command::new(BINARY);
    explain
        .args(["explain", "--scheme", "hubspot-v3", "--url", url])
        .arg("--secret-file")
        .arg(secret)
        .arg("--request")
        .arg(capture)
        .envs(environment.iter().copied());
    let output = explain.output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_scheme_wins_over_the_configuration_of_the_environment() {
    let url = format!("{PUBLIC_URL}/hubspot");
    let environment = [("HOOKWARD_CONFIG", "/does/not/exist.toml")];
    let (code, out, error) = alone(&url, &Kind::V3.request(BODY), &environment);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn a_url_is_called_with_its_query_and_without_a_fragment() {
    let timestamp = sign::now(0);
    let signed = |url: &str| {
        let headers = sign::v3(SECRET, "POST", url, BODY, &timestamp);
        Request::new("POST", "/?x=1", BODY).headers(&headers)
    };
    let request = signed(&format!("{PUBLIC_URL}/?x=1"));
    let (code, out, error) = alone(&format!("{PUBLIC_URL}?x=1"), &request, &[]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains(&format!("{PUBLIC_URL}/?x=1")), "{out}");
    let (code, out, error) = alone(&format!("{PUBLIC_URL}/?x=1#y"), &request, &[]);
    assert_eq!((code, &*out), (2, ""), "{error}");
    assert!(error.contains("fragment"), "{error}");
}

#[test]
fn a_har_file_is_judged_as_if_received_now() {
    let signed = Kind::V3.request(BODY);
    let headers: Vec<Value> = ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"]
        .into_iter()
        .map(|name| serde_json::json!({ "name": name, "value": value_of(&signed, name) }))
        .collect();
    let har = serde_json::json!({ "log": { "entries": [{
        "startedDateTime": "2020-01-01T00:00:00Z",
        "request": {
            "method": "POST", "url": format!("{PUBLIC_URL}/hubspot"), "headers": headers,
            "postData": { "text": String::from_utf8_lossy(BODY) },
        },
    }]}});
    let (code, out, error) = explain(har.to_string().as_bytes(), PUBLIC_URL, &[]);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn a_capture_of_a_listener_with_tls_was_called_by_https() {
    let tls = Certificates::get().server_tls();
    let server = "[server]\npublic_hosts = [\"hooks.example.com\"]\n";
    let routes = sign::routes("http://127.0.0.1:9", "");
    let routes = routes.replace(&format!("public_url = \"{PUBLIC_URL}\""), "");
    let config = format!("{server}{tls}{ADMIN}{routes}");
    let request = Kind::V3.request(BODY).with("Host", "hooks.example.com");
    let (code, answer) = json_by_config(&request.bytes(), &config);
    assert_eq!(
        (code, &answer["verdict"]),
        (0, &"verified".into()),
        "{answer}"
    );
}

#[test]
fn what_is_let_through_unenforced_is_said_to_be() {
    let routes = sign::routes("http://127.0.0.1:9", "enforce = false");
    let config = format!("{SERVER}{ADMIN}{routes}");
    let request = Kind::V3.request(BODY);
    let changed = Kind::V3.request(b"[]").with(
        "X-HubSpot-Signature-v3",
        value_of(&request, "X-HubSpot-Signature-v3"),
    );
    let (code, answer) = json_by_config(&changed.bytes(), &config);
    assert_eq!(code, 1);
    assert_eq!(answer["verdict"], "unenforced", "{answer}");
    assert_eq!(answer["reason"], "signature_mismatch");
    assert_eq!(answer["scheme"], "hubspot-v3");
    let (_, text, _) = by_config(&changed.bytes(), &config, &[]);
    assert!(text.starts_with("unenforced: signature_mismatch"), "{text}");
    let (code, answer) = json_by_config(&request.bytes(), &config);
    assert_eq!((code, &answer["verdict"]), (0, &"verified".into()));
}

#[test]
fn a_time_without_a_date_is_shown_in_milliseconds() {
    let request = Kind::V3.request(BODY);
    for (at, shown) in [
        (
            "1795289460424",
            "Sat, 21 Nov 2026 19:31:00 GMT (1795289460424)",
        ),
        ("253402300799999", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("253402300800000", "253402300800000 ms after 1970"),
        ("18446744073709551615", "18446744073709551615 ms after 1970"),
    ] {
        let (code, out, error) = explain(&request.bytes(), PUBLIC_URL, &["--at", at]);
        assert_eq!(code, 1, "{at}: {error}");
        assert!(out.contains(shown), "{at}: {out}");
    }
    let recorded = request.header("X-Hookward-Recorded-At", "99999999999999999");
    let (code, out, error) = explain(&recorded.bytes(), PUBLIC_URL, &[]);
    assert_eq!(code, 1, "{error}");
    assert!(out.contains("99999999999999999 ms"), "{out}");
}

#[test]
fn what_cannot_be_read_is_told_in_words() {
    let (code, answer) = as_data(
        &Request::new("POST", "/hubspot", BODY)
            .header("Host", "a.example")
            .header("Host", "b.example"),
        PUBLIC_URL,
        &[],
    );
    assert_eq!((code, &answer["reason"]), (1, &"bad_request".into()));
    assert!(
        answer["detail"].as_str().unwrap().contains("Host"),
        "{answer}"
    );
    // A query that was decoded has blanks.
    let decoded = Request::new("POST", "/hubspot?name=John Doe", BODY);
    let (code, answer) = as_data(&decoded, PUBLIC_URL, &[]);
    assert_eq!(code, 1);
    for (field, expected) in [
        ("reason", "bad_target"),
        ("route", "hubspot"),
        ("scheme", "hubspot"),
    ] {
        assert_eq!(answer[field], expected, "{answer}");
    }
    assert_eq!(
        answer["findings"][0]["finding"], "query_decoded",
        "{answer}"
    );
    let (_, text, _) = explain(&decoded.bytes(), PUBLIC_URL, &[]);
    assert!(text.contains("is not three words"), "{text}");
    let nowhere = Request::new("POST", "/elsewhere?name=John Doe", BODY);
    let (code, answer) = as_data(&nowhere, PUBLIC_URL, &[]);
    assert_eq!((code, &answer["route"]), (1, &Value::Null), "{answer}");
}

#[test]
fn the_host_that_is_refused_is_the_one_that_is_named() {
    let config = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\npublic_hosts = [\"hooks.example.com\"]\n\
         trusted_proxies = [\"127.0.0.1\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[route]]\nname = \"hubspot\"\npath = \"/hubspot\"\n\
         upstream = \"http://127.0.0.1:9\"\n[route.verify]\nscheme = \"hubspot\"\n\
         versions = [\"v3\"]\nsecrets = [{{ id = \"1\", value = \"{SECRET}\" }}]\n"
    );
    let (_config, config) = file("hookward.toml", config);
    let capture = "POST /hubspot HTTP/1.1\r\nHost: inner.example\r\nX-Forwarded-Proto: https\r\n\
                   X-Forwarded-Host: outer.example\r\nContent-Length: 0\r\n\r\n";
    let (_capture, capture) = file("capture", capture);
    let (code, out, error) = command(&[
        "explain",
        "--config",
        config.to_str().unwrap(),
        "--request",
        capture.to_str().unwrap(),
        "--format",
        "json",
    ]);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    assert_eq!((code, &answer["reason"]), (1, &"bad_target".into()));
    let told = &answer["findings"][0];
    assert_eq!(told["finding"], "url_host", "{answer}");
    let fix = told["fix"].as_str().unwrap();
    assert!(fix.contains("`outer.example`"), "{fix}");
}

#[test]
fn a_key_under_another_name_is_told_of() {
    let mut request = Kind::KeyHeader.request(BODY).bytes();
    let name = b"X-Api-Key";
    let at = request
        .windows(name.len())
        .position(|part| part.eq_ignore_ascii_case(name));
    request[at.unwrap() + 1] = b'_';
    let (code, out, error) = explain(&request, PUBLIC_URL, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    assert_eq!((code, &answer["reason"]), (1, &"missing_api_key".into()));
    assert_eq!(
        answer["findings"][0]["finding"], "header_renamed",
        "{answer}"
    );
}

#[test]
fn what_is_no_capture_exits_2_and_says_what_is_expected() {
    for capture in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"{\"log\":{}}",
        b"\xff\xfe\x00",
        b"curl",
    ] {
        let (code, out, error) = explain(capture, PUBLIC_URL, &[]);
        assert_eq!((code, &*out), (2, ""), "{error}");
        assert!(error.starts_with("hookward: "), "{error}");
    }
    let (code, _, error) = command(&["explain", "--request", "/does/not/exist"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("/does/not/exist") || error.contains("hookward.toml"),
        "{error}"
    );
}

#[test]
fn every_word_is_in_the_documentation() {
    let page = std::fs::read_to_string(project("docs/troubleshooting.md")).unwrap();
    for finding in hookward::explain_words() {
        assert!(page.contains(&format!("`{finding}`")), "{finding}");
    }
}
