//! One line for each request, when a route asks for it, and nothing in it that others must not see.

use std::sync::Barrier;

use serde_json::Value;

use super::{ON, all_lines, lines_of};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, SECRET};

over_each_protocol!(requests_of_one_connection_have_a_line_each);

fn requests_of_one_connection_have_a_line_each() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut connection = proxy.connect();
    for id in ["1", "2", "3"] {
        let request = Kind::Twenty.request(b"{}").header("X-Request-Id", id);
        assert_eq!(connection.exchange(&request).status, 200);
    }
    for id in ["1", "2", "3"] {
        assert_eq!(lines_of(&proxy, id).len(), 1);
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
    lines_of(&proxy, "again");
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
