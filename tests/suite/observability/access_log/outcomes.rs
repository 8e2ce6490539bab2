//! What became of a request, as its line tells it.

use std::net::SocketAddr;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{ON, all_lines, assert_fields, assert_line, lines_of};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

over_each_protocol!(
    what_was_forwarded_has_a_line,
    what_was_refused_has_a_line,
    what_was_let_through_has_a_line,
    what_the_app_did_not_take_has_a_line,
    what_was_stored_has_a_line_and_its_deliveries_have_none,
);

fn what_was_forwarded_has_a_line() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let before = sign::clock();
    let line = assert_line(
        &proxy,
        Kind::Twenty.request(b"{\"a\": 1}"),
        serde_json::json!({
            "request_id": "forwarded", "route": "twenty",
            "method": "POST", "path": "/twenty", "http_status": 200, "origin": "app",
            "verdict": "verified", "scheme": "twenty", "secret": "current",
            "body_bytes": 8, "answer_bytes": 2, "attempts": 1,
        }),
    );
    let protocol = if Protocol::current().is_http2() {
        "h2"
    } else {
        "http/1.1"
    };
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["protocol"], protocol);
    assert_eq!(line["is_tls"], Protocol::current().is_tls());
    let signed_at = line["signed_at"].as_i64().unwrap();
    assert!(signed_at >= before && line["age_ms"].is_i64(), "{line}");
    assert!(line["upstream_ms"].as_u64() <= line["took_ms"].as_u64());
    let line = assert_line(
        &proxy,
        Kind::KeyQuery.request(b""),
        serde_json::json!({
            "request_id": "key", "route": "key-query", "method": "POST", "path": "/key-query",
            "http_status": 200, "origin": "app", "verdict": "verified", "scheme": "api-key",
            "secret": "current", "body_bytes": 0, "answer_bytes": 2, "attempts": 1, "signed_at": null,
            "age_ms": null,
        }),
    );
    assert!(line["upstream_ms"].is_u64());
}

fn what_was_refused_has_a_line() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let refused = |id: &str, status: u16, reason: &str| {
        serde_json::json!({
            "request_id": id, "route": "twenty", "method": "POST", "path": "/twenty",
            "http_status": status, "origin": "hookward", "verdict": "rejected", "reason": reason,
            "scheme": "twenty", "upstream_ms": null,
        })
    };
    let good = Kind::Twenty.request(b"{}");
    let forged = good
        .clone()
        .with("X-Twenty-Webhook-Signature", "a".repeat(64));
    let mut expected = refused("forged", 401, "signature_mismatch");
    expected["body_bytes"] = 2.into();
    assert_line(&proxy, forged, expected);
    let unsigned = good.clone().without("X-Twenty-Webhook-Signature");
    assert_line(
        &proxy,
        unsigned,
        refused("unsigned", 401, "missing_signature"),
    );
    assert_eq!(proxy.send(&good).status, 200);
    let mut expected = refused("replayed", 409, "replayed");
    expected["body_bytes"] = 2.into();
    assert_line(&proxy, good, expected);
    let mut method = Kind::Twenty.request(b"{}");
    method.method = "DELETE".to_owned();
    let mut expected = refused("method", 405, "method_not_allowed");
    expected["method"] = "DELETE".into();
    assert_line(&proxy, method, expected);
    // What has no route has no line.
    assert_eq!(
        proxy.send(&Request::new("POST", "/nowhere", "")).status,
        404
    );
    proxy.logged("refused", |line| line["reason"] == "no_route");
    assert_eq!(all_lines(&proxy).len(), 5);
}

fn what_was_let_through_has_a_line() {
    let app = App::start();
    let extra = format!("{ON}\nenforce = false");
    let proxy = Proxy::start("", &sign::routes(app.url(), &extra));
    let request = Kind::V1
        .request(b"{}")
        .with("X-HubSpot-Signature", "0".repeat(64));
    assert_line(
        &proxy,
        request,
        serde_json::json!({
            "request_id": "unenforced", "route": "hubspot", "method": "POST", "path": "/hubspot",
            "http_status": 200, "origin": "app", "verdict": "unenforced", "reason": "signature_mismatch",
            "scheme": "hubspot-v1", "body_bytes": 2, "answer_bytes": 2, "attempts": 1,
        }),
    );
}

fn what_the_app_did_not_take_has_a_line() {
    let failed = |id: &str| {
        serde_json::json!({
            "request_id": id, "route": "twenty", "method": "POST", "path": "/twenty", "verdict": "verified",
            "scheme": "twenty", "secret": "current", "body_bytes": 2, "attempts": 1,
        })
    };
    let with = |mut expected: Value, more: Value| {
        let more = more.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(more);
        expected
    };
    let app = App::answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops");
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let more = serde_json::json!({"http_status": 500, "origin": "app", "answer_bytes": 4});
    assert_line(
        &proxy,
        Kind::Twenty.request(b"{}"),
        with(failed("500"), more),
    );
    let closing = App::behaving(|_, _| false);
    let proxy = Proxy::start("", &sign::routes(closing.url(), ON));
    let more = serde_json::json!({"http_status": 502, "origin": "hookward", "error": "app_closed"});
    assert_line(
        &proxy,
        Kind::Twenty.request(b"{}"),
        with(failed("closed"), more),
    );
    let extra = format!("{ON}\nupstream_connect_timeout = \"50ms\"");
    let (_held, address) = nobody();
    let away = format!("http://{address}");
    let proxy = Proxy::start("", &sign::routes(away, &extra));
    let more = serde_json::json!({
        "http_status": 502, "origin": "hookward", "error": "app_unreachable", "attempts": 0,
    });
    assert_line(
        &proxy,
        Kind::Twenty.request(b"{}"),
        with(failed("away"), more),
    );
}

/// A socket that is bound and does not listen: nobody else gets its port.
fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn what_was_stored_has_a_line_and_its_deliveries_have_none() {
    // It takes nothing before it is delivered.
    let app = App::behaving(|stream, seen| {
        let answer: &[u8] = if seen.one("x-hookward-delivery").is_some() {
            b"HTTP/1.1 204 No Content\r\n\r\n"
        } else {
            b"HTTP/1.1 503 Later\r\nContent-Length: 5\r\n\r\nlater"
        };
        std::io::Write::write_all(stream, answer).is_ok()
    });
    let directory = tempfile::tempdir().unwrap();
    let spool = format!(
        "[spool]\nstore = \"disk\"\ndirectory = {:?}\n",
        directory.path().join("spool")
    );
    let extra = format!("{ON}\nspool = \"on-failure\"");
    let proxy = Proxy::start("", &(sign::routes(app.url(), &extra) + &spool));
    let request = Kind::Twenty.request(b"{}").header("X-Request-Id", "stored");
    assert_eq!(proxy.send(&request).status, 202);
    let found = lines_of(&proxy, "stored");
    let [line] = found.as_slice() else {
        panic!("{found:#?}");
    };
    let spooled = proxy.logged("spooled", |_| true);
    assert_fields(
        line,
        serde_json::json!({
            "request_id": "stored", "route": "twenty", "method": "POST", "path": "/twenty",
            "http_status": 202, "origin": "hookward", "app_status": 503, "verdict": "verified",
            "scheme": "twenty", "secret": "current", "body_bytes": 2, "attempts": 1,
            "delivery": spooled["delivery"],
        }),
    );
    proxy.logged("delivered", |_| true);
    assert_eq!(all_lines(&proxy).len(), 1);
}
