//! A refusal's log line has all that explains it, cut and escaped, and nothing secret.

use serde_json::Value;

use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

fn start(app: &App, server: &str, extra: &str) -> Proxy {
    Proxy::start(server, &sign::routes(app.url(), extra))
}

/// The log line of the refusal with this reason.
fn refused(proxy: &Proxy, reason: &str) -> Value {
    proxy.logged("refused", |line| line["reason"] == reason)
}

#[test]
fn a_mismatch_shows_what_was_signed_and_what_kind_of_body_came() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let url = format!("{PUBLIC_URL}/hubspot?a=private");
    let request = Request::new("POST", "/hubspot?a=private", "a private body")
        .headers(&sign::v3("another", "POST", &url, b"", &sign::now(0)))
        .header("Content-Type", "application/json; charset=\"\u{e9}\"")
        .header("Content-Encoding", "gzip");
    assert_eq!(proxy.send(&request).status, 401);
    let line = refused(&proxy, "signature_mismatch");
    for (field, expected) in [
        ("http_status", Value::from(401)),
        ("route", "hubspot".into()),
        ("scheme", "hubspot-v3".into()),
        ("client", "127.0.0.1".into()),
        ("method", "POST".into()),
        ("path", "/hubspot".into()),
        ("signed_origin", PUBLIC_URL.into()),
        ("signed_path", "/hubspot".into()),
        ("query_bytes", 9.into()),
        ("body_bytes", 14.into()),
        ("secrets_tried", "old,current".into()),
        (
            "content_type",
            "application/json; charset=\\\"\\xc3\\xa9\\\"".into(),
        ),
        ("content_encoding", "gzip".into()),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
    assert!(!proxy.log().concat().contains("private"));
}

#[test]
fn the_signed_path_is_the_one_that_the_provider_called() {
    let app = App::start();
    let verify = format!(
        "scheme = \"hubspot\"\nversions = [\"v1\", \"v2\"]\n{}",
        secrets(&[("s", SECRET)])
    );
    let keys = "public_url = \"https://h.example/hooks/\"";
    let proxy = Proxy::start("", &route("h", "/in/*", app.url(), keys, &verify));
    let request = Request::new("POST", "/in/crm?a=1", "{}");
    let v2 = sign::v2("another", "POST", "https://h.example/hooks/crm", b"{}");
    assert_eq!(proxy.send(&request.clone().headers(&v2)).status, 401);
    let line = refused(&proxy, "signature_mismatch");
    assert_eq!(
        (&line["signed_origin"], &line["signed_path"], &line["path"]),
        (
            &"https://h.example".into(),
            &"/hooks/crm".into(),
            &"/in/crm".into()
        )
    );
    let v1 = sign::v1("another", b"{}");
    assert_eq!(proxy.send(&request.headers(&v1)).status, 401);
    let line = proxy.logged("refused", |line| line["scheme"] == "hubspot-v1");
    assert_eq!(line["signed_path"], Value::Null, "v1 signs no URL");
}

#[test]
fn a_version_that_is_not_accepted_and_a_host_that_is_not_ours_are_shown() {
    let app = App::start();
    let verify = format!(
        "scheme = \"hubspot\"\nversions = [\"v3\"]\n{}",
        secrets(&[("s", SECRET)])
    );
    let server = "trusted_proxies = [\"127.0.0.0/8\"]\npublic_hosts = [\"hooks.example.com\"]\n";
    let proxy = Proxy::start(server, &route("h", "/h", app.url(), "", &verify));
    let request = Request::new("POST", "/h", "{}").headers(&sign::v1(SECRET, b"{}"));
    let elsewhere = request
        .clone()
        .header("X-Forwarded-Host", "elsewhere.example");
    assert_eq!(proxy.send(&elsewhere).status, 400);
    let line = refused(&proxy, "bad_target");
    assert_eq!(line["public_host"], "elsewhere.example");
    let here = request.header("X-Forwarded-Host", "hooks.example.com");
    assert_eq!(proxy.send(&here).status, 401);
    let line = refused(&proxy, "unaccepted_version");
    assert_eq!(
        (&line["version"], &line["about"]),
        (&"v1".into(), &"X-HubSpot-Signature-Version".into())
    );
}

#[test]
fn numbers_stand_beside_limits() {
    let app = App::start();
    let server = "max_body_bytes = \"1KiB\"\nmax_header_bytes = \"2KiB\"\n";
    let proxy = start(&app, server, "");
    let large = Kind::Twenty.request(&[b'x'; 1_025]);
    assert_eq!(proxy.send(&large).status, 413);
    let line = refused(&proxy, "body_too_large");
    assert_eq!(
        (&line["limit"], &line["declared"], &line["counted"]),
        (&1_024.into(), &1_025.into(), &Value::Null)
    );
    assert_eq!(proxy.send(&large.framed(Framing::Chunked(600))).status, 413);
    let line = proxy.logged("refused", |line| !line["counted"].is_null());
    assert_eq!(
        (&line["limit"], &line["counted"], &line["declared"]),
        (&1_024.into(), &1_025.into(), &Value::Null)
    );
    let header = Kind::Twenty.request(b"").header("X", "x".repeat(3_000));
    assert_eq!(proxy.send(&header).status, 431);
    let line = refused(&proxy, "bad_request");
    assert_eq!(line["limit"], 2_048);
    assert!(line["header_bytes"].as_u64().unwrap() > 2_048, "{line}");
}

#[test]
fn tls_on_the_plain_port_is_told() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let mut client = Client::connect(proxy.address);
    // The beginning of a ClientHello.
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(client.answer("POST").status, 400);
    let line = refused(&proxy, "bad_request");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("looks like TLS"), "{line}");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn what_others_write_is_cut_and_escaped() {
    let app = App::start();
    let server = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    let proxy = start(&app, server, "");
    let request = Request {
        method: "M".repeat(5_000),
        target: format!("/{}", "x".repeat(5_000)),
        ..Kind::Twenty.request(b"")
    };
    let request = request.header("X-Forwarded-For", "f".repeat(5_000));
    assert_eq!(proxy.send(&request).status, 404);
    let line = refused(&proxy, "no_route");
    let length = |field: &str| line[field].as_str().unwrap().len();
    assert_eq!(
        (length("method"), length("client"), length("path")),
        (32, 64, 256)
    );
}

#[test]
fn what_is_let_through_has_a_line_with_all_that_a_refusal_has() {
    let app = App::start();
    let proxy = start(&app, "", "enforce = false");
    let request = Kind::V3
        .request(b"{}")
        .with("X-HubSpot-Request-Timestamp", sign::now(-200_000))
        .header("Content-Type", "text/plain")
        .header("X-Request-Id", "mine");
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    let line = proxy.logged("unenforced", |_| true);
    for (field, expected) in [
        ("level", Value::from("warn")),
        ("route", "hubspot".into()),
        ("reason", "signature_mismatch".into()),
        ("scheme", "hubspot-v3".into()),
        ("request_id", "mine".into()),
        ("client", "127.0.0.1".into()),
        ("method", "POST".into()),
        ("path", "/hubspot".into()),
        ("signed_origin", PUBLIC_URL.into()),
        ("signed_path", "/hubspot".into()),
        ("body_bytes", 2.into()),
        ("content_type", "text/plain".into()),
        ("secrets_tried", "old,current".into()),
        ("http_status", Value::Null),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
    let signed_at = (sign::clock() - 400_000).to_string();
    let expired = Kind::Twenty
        .request(b"{}")
        .with("X-Twenty-Webhook-Timestamp", signed_at);
    assert_eq!(proxy.send(&expired).status, 200);
    let line = proxy.logged("unenforced", |line| line["reason"] == "timestamp_expired");
    assert!(line["age_ms"].as_u64().unwrap() >= 400_000, "{line}");
    let verified = Kind::KeyHeader.request(b"{}");
    assert_eq!(proxy.send(&verified).status, 200);
    let lines = proxy.log();
    let unenforced = lines
        .iter()
        .filter(|line| line.contains("\"unenforced\""))
        .count();
    assert_eq!(unenforced, 2, "what verifies is not in it");
}
