//! With `access_log = true` each request of a route has one line, whatever became of it.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::sync::{Barrier, Mutex};

use bytes::Bytes;
use serde_json::Value;

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, SECRET};

const ON: &str = "access_log = true";

over_each_protocol!(
    what_was_forwarded_has_a_line,
    what_was_refused_has_a_line,
    what_was_let_through_has_a_line,
    what_the_app_did_not_take_has_a_line,
    what_was_stored_has_a_line_and_its_deliveries_have_none,
    a_sender_that_cuts_its_body_off_has_a_line,
    requests_of_one_connection_have_a_line_each,
);

/// The lines of requests with this id, once there is one.
fn lines(proxy: &Proxy, id: &str) -> Vec<Value> {
    proxy.logged("request", |line| line["request_id"] == id);
    all_lines(proxy)
        .into_iter()
        .filter(|line| line["request_id"] == id)
        .collect()
}

/// The access log so far.
fn all_lines(proxy: &Proxy) -> Vec<Value> {
    let lines = proxy.log();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["event"] == "request")
        .collect()
}

/// Sends a request, whose one line must have these fields, and none of those that are null. Fields that are not named
/// must be there, but for times and how it came.
fn assert_line(proxy: &Proxy, request: Request, expected: Value) -> Value {
    let id = expected["request_id"].as_str().unwrap();
    let answer = proxy.send(&request.header("X-Request-Id", id));
    assert_eq!(expected["http_status"], answer.status);
    let found = lines(proxy, id);
    let [line] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_fields(line, expected);
    line.clone()
}

fn assert_fields(line: &Value, expected: Value) {
    let mut rest = line.as_object().unwrap().clone();
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&line[field], value, "{field} of {line}");
        rest.remove(field);
    }
    assert_eq!(line["level"], "info");
    let of_all = ["timestamp", "level", "event", "message", "client"];
    for field in of_all.iter().chain(&["protocol", "is_tls", "took_ms"]) {
        assert!(rest.remove(*field).is_some(), "{field} of {line}");
    }
    for time in ["signed_at", "age_ms", "upstream_ms"] {
        assert!(rest.remove(time).is_none_or(|time| time.is_i64()), "{line}");
    }
    assert_eq!(rest, serde_json::Map::new(), "{line}");
}

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
    let away = format!("http://{}", nobody());
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

/// Waits until so many requests are being served.
fn in_flight(proxy: &Proxy, count: f64) {
    eventually("requests to be served", || {
        (proxy.metric("hookward_requests_in_flight") == count).then_some(())
    });
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
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
    let found = lines(&proxy, "stored");
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

fn a_sender_that_cuts_its_body_off_has_a_line() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let request = Kind::Twenty
        .request(b"{\"half\": true}")
        .header("X-Request-Id", "half");
    match proxy.connect() {
        crate::support::protocol::Connection::Plain(mut client) => {
            client.send(&request.head_bytes());
            client.send(b"{\"ha");
        }
        crate::support::protocol::Connection::Tls(mut client) => {
            client.send(&request.head_bytes());
            client.send(b"{\"ha");
        }
        crate::support::protocol::Connection::Http2(client) => client.block_on(async {
            let scheme = if Protocol::current().is_tls() {
                "https"
            } else {
                "http"
            };
            let head = crate::support::http2::head(&request, scheme);
            let mut requests = client.requests().ready().await.unwrap();
            let (answer, mut body) = requests.send_request(head, false).unwrap();
            body.send_data(Bytes::from_static(b"{\"ha"), false).unwrap();
            // What is reset before it has left is not sent at all.
            in_flight(&proxy, 1.0);
            body.send_reset(h2::Reason::CANCEL);
            assert!(answer.await.is_err());
        }),
    }
    let found = lines(&proxy, "half");
    let [line] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(line["reason"], "bad_request", "{line}");
    assert_eq!(line["broken_off_by"], "sender", "{line}");
    assert!(line["body_bytes"].as_u64().unwrap() <= 4, "{line}");
    app.assert_nothing_more();
}

fn requests_of_one_connection_have_a_line_each() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut connection = proxy.connect();
    for id in ["1", "2", "3"] {
        let request = Kind::Twenty.request(b"{}").header("X-Request-Id", id);
        assert_eq!(connection.exchange(&request).status, 200);
    }
    for id in ["1", "2", "3"] {
        assert_eq!(lines(&proxy, id).len(), 1);
    }
    assert_eq!(all_lines(&proxy).len(), 3);
}

#[test]
fn requests_that_come_at_once_on_one_connection_have_a_line_each() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut bytes = Vec::new();
    for id in ["1", "2", "3"] {
        let request = Kind::Twenty.request(b"{}").header("X-Request-Id", id);
        let forged = request.with("X-Twenty-Webhook-Signature", "b".repeat(64));
        bytes.extend(forged.bytes());
    }
    let mut client = Client::connect(proxy.address);
    client.send(&bytes);
    for _ in 0..3 {
        assert_eq!(client.answer("POST").status, 401);
    }
    proxy.logged("request", |line| line["request_id"] == "3");
    let ids: Vec<Value> = all_lines(&proxy)
        .iter()
        .map(|line| line["request_id"].clone())
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn old_clients_are_told_apart() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let request = Kind::Twenty.request(b"{}");
    let text = String::from_utf8(request.bytes()).unwrap();
    let mut client = Client::connect(proxy.address);
    client.send(text.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes());
    assert_eq!(client.answer("POST").status, 200);
    let line = proxy.logged("request", |_| true);
    assert_eq!(line["protocol"], "http/1.0");
}

#[test]
fn an_answer_that_breaks_off_is_the_apps_doing() {
    let app = App::behaving(|stream, _| {
        let _ =
            std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
        false
    });
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let line = proxy.logged("request", |_| true);
    for (field, expected) in [
        ("http_status", Value::from(200)),
        ("origin", "app".into()),
        ("error", "app_closed".into()),
        ("answer_bytes", 2.into()),
        ("broken_off_by", "app".into()),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
}

#[test]
fn a_sender_that_does_not_take_the_answer_has_a_line() {
    // More than the system keeps for a sender that does not read.
    const MUCH: usize = 64 << 20;
    let (go_on, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let app = App::behaving(move |stream, _| {
        let _ = told.lock().unwrap().recv();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
        let body = vec![b'x'; MUCH];
        std::io::Write::write_all(stream, &[head.as_bytes(), &body].concat()).is_ok()
    });
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    drop(client);
    drop(go_on);
    let line = proxy.logged("request", |_| true);
    assert_eq!(
        (&line["http_status"], &line["broken_off_by"]),
        (&200.into(), &"sender".into()),
        "{line}"
    );
    assert_eq!(all_lines(&proxy).len(), 1);
}

#[test]
fn a_request_that_a_stop_cuts_has_a_line() {
    let (go_on, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let app = App::behaving(move |_, _| told.lock().unwrap().recv().is_ok());
    let proxy = Proxy::start("shutdown_grace = \"100ms\"\n", &sign::routes(app.url(), ON));
    let mut waiting = Client::connect(proxy.address);
    waiting.send(
        &Kind::Twenty
            .request(b"{}")
            .header("X-Request-Id", "1")
            .bytes(),
    );
    app.next();
    let mut half = Client::connect(proxy.address);
    half.send(
        &Kind::Twenty
            .request(b"{}")
            .header("X-Request-Id", "2")
            .head_bytes(),
    );
    in_flight(&proxy, 2.0);
    proxy.signal("-TERM");
    proxy.wait();
    drop(go_on);
    let log = proxy.whole_log();
    for (id, verdict) in [("1", Value::from("verified")), ("2", Value::Null)] {
        let lines: Vec<Value> = log
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["event"] == "request" && line["request_id"] == id)
            .collect();
        let [line] = lines.as_slice() else {
            panic!("{log:#?}");
        };
        assert_eq!(
            (
                &line["verdict"],
                &line["http_status"],
                &line["broken_off_by"]
            ),
            (&verdict, &Value::Null, &"hookward".into()),
            "{line}"
        );
    }
}

#[test]
fn it_tells_no_secrets_and_what_others_write_is_cut_and_escaped() {
    let app = App::start();
    let verify = format!(
        "scheme = \"api-key\"\nquery = \"api_key\"\n{}",
        secrets(&[("s", SECRET)])
    );
    let routes = sign::routes(app.url(), ON) + &route("all", "/all/*", app.url(), ON, &verify);
    let server = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    let proxy = Proxy::start(server, &routes);
    let key = Request::new(
        "POST",
        &format!("/all/a?name=a-person&api_key={SECRET}"),
        "a private body",
    );
    assert_eq!(proxy.send(&key).status, 200);
    let signed = Kind::Twenty.request(b"a private body");
    let signature = signed.headers[1].1.clone();
    assert_eq!(proxy.send(&signed).status, 200);
    let markup = Request {
        target: format!("/all/<b>\u{1b}[2J{}?api_key={SECRET}", "x".repeat(400)),
        ..key
    };
    let markup = markup.header("X-Forwarded-For", "\"><script>");
    assert_eq!(proxy.send(&markup).status, 400);
    let line = proxy.logged("request", |line| line["reason"] == "bad_target");
    let path = line["path"].as_str().unwrap();
    assert!(path.starts_with("/all/<b>\\x1b[2Jxxx"), "{path}");
    assert!(path.len() < 300 && path.is_ascii(), "{path}");
    assert_eq!(line["client"], "\\\"><script>");
    assert_eq!(line["http_status"], 400);
    let log = proxy.log().concat();
    let signature = String::from_utf8(signature).unwrap();
    for secret in [SECRET, "a-person", "private", &signature, "\u{1b}"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn it_is_off_by_default_and_a_reload_takes_it_over() {
    let app = App::start();
    let with = |extra| sign::routes(app.url(), extra);
    let proxy = Proxy::start("", &with(""));
    let send = |id: &str| {
        let request = Kind::Twenty.request(b"{}").header("X-Request-Id", id);
        assert_eq!(proxy.send(&request).status, 200);
        // Said at the end of each.
        proxy.logged("forwarded", |line| line["request_id"] == id);
    };
    send("before");
    for (extra, id) in [(ON, "on"), ("access_log = false", "off"), (ON, "again")] {
        proxy.write_config("", &with(extra));
        assert!(proxy.reload());
        send(id);
    }
    lines(&proxy, "again");
    // It is written at the level info.
    let file = proxy.config_file();
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        config.replace("level = \"trace\"", "level = \"warn\""),
    )
    .unwrap();
    assert!(proxy.reload());
    let request = Kind::Twenty.request(b"{}").header("X-Request-Id", "warn");
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(
        proxy.send(&Request::new("POST", "/nowhere", "")).status,
        404
    );
    proxy.logged("refused", |_| true);
    let ids: Vec<Value> = all_lines(&proxy)
        .iter()
        .map(|line| line["request_id"].clone())
        .collect();
    assert_eq!(ids, ["on", "again"]);
}

#[test]
fn a_thousand_at_once_have_a_line_each_or_are_counted() {
    const CONNECTIONS: usize = 50;
    const EACH: usize = 20;
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let start = Barrier::new(CONNECTIONS);
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::connect(proxy.address);
                start.wait();
                for _ in 0..EACH {
                    client.send(&Kind::Twenty.request(b"{}").bytes());
                    assert_eq!(client.answer("POST").status, 200);
                }
            });
        }
    });
    let expected = u64::try_from(CONNECTIONS * EACH).unwrap();
    let mut logged = 0;
    eventually("all to be logged or counted", || {
        let omitted: u64 = proxy
            .log()
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["event"] == "log_lines_omitted")
            .map(|line| line["count"].as_u64().unwrap())
            .sum();
        logged = u64::try_from(all_lines(&proxy).len()).unwrap();
        (logged + omitted >= expected).then_some(())
    });
    assert!(logged <= expected, "{logged}");
}
