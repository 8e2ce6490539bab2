//! Each log line has a message, its fields in a fixed order, and a bounded length.

use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file, project};
use crate::support::sign::{self, Kind};

#[test]
fn every_line_begins_with_its_time_level_event_and_a_sentence() {
    let failing = App::answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::start("", &sign::routes(failing.url(), ""));
    proxy.send(&Kind::Twenty.request(b"{}"));
    proxy.send(&Request::new("POST", "/nowhere", ""));
    assert!(proxy.reload());
    proxy.write_config("threads = \"x\"", "");
    assert!(!proxy.reload());
    proxy.signal("-TERM");
    proxy.logged("stopped", |_| true);
    proxy.wait();
    let lines = proxy.log();
    let mut events = Vec::new();
    for text in &lines {
        let line: Value = serde_json::from_str(text).unwrap();
        let field = |name: &str| line[name].as_str().unwrap_or_default();
        let beginning = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"{}\",\"event\":\"{}\",\"message\":\"",
            field("timestamp"),
            field("level"),
            field("event"),
        );
        assert!(text.starts_with(&beginning), "{text}");
        assert!(!field("message").is_empty(), "{text}");
        assert_eq!(line["status"], Value::Null, "{text}");
        events.push(field("event").to_owned());
    }
    for event in [
        "started",
        "listening",
        "app_failed",
        "refused",
        "config_reloaded",
        "config_error",
        "config_refused",
        "stopping",
    ] {
        assert!(
            events.iter().any(|found| found == event),
            "{event}: {lines:#?}"
        );
    }
}

/// The events that the program's source names, each with the level at which it is logged.
fn events_of_the_source(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            events_of_the_source(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for (place, begin) in source.match_indices("event = \"") {
            let event = source[place + begin.len()..].split('"').next().unwrap();
            let (_, call) = source[..place].rsplit_once("tracing::").unwrap();
            let level = call.split('!').next().unwrap();
            found.push((event.to_owned(), level.to_owned()));
        }
    }
}

#[test]
fn every_event_is_documented_with_its_level() {
    let page = std::fs::read_to_string(project("docs/operations.md")).unwrap();
    let (_, page) = page.split_once("\n## Log\n").unwrap();
    let (page, _) = page.split_once("\n## ").unwrap();
    let mut events = Vec::new();
    events_of_the_source(&project("src"), &mut events);
    assert!(events.len() > 40, "{events:?}");
    for (event, level) in events {
        let is_told = page.lines().any(|line| {
            let mut cells = line.split(" | ");
            let names = cells.next().unwrap();
            names.contains(&format!("`{event}`"))
                && cells
                    .next()
                    .is_some_and(|levels| levels.contains(&format!("`{level}`")))
        });
        assert!(is_told, "{event} at {level}");
    }
}

#[test]
fn the_start_says_what_has_started() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let line = proxy.logged("started", |_| true);
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    let revision = line["revision"].as_str().unwrap();
    let build_info = format!(
        "hookward_build_info{{revision=\"{revision}\",version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(proxy.metric(&build_info), 1.0);
}

#[test]
fn an_app_that_fails_is_told_of() {
    for (answer, status) in [
        (
            &b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"[..],
            Some(500),
        ),
        (
            b"HTTP/1.1 429 Later\r\nContent-Length: 0\r\n\r\n",
            Some(429),
        ),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", None),
    ] {
        let app = App::answering(answer);
        let proxy = Proxy::start("", &sign::routes(app.url(), ""));
        let request = Request {
            target: "/key-query?api_key=a-private-key".to_owned(),
            ..Kind::Twenty.request(b"{}")
        };
        assert_eq!(proxy.send(&request).status, 401);
        let request = Kind::Twenty.request(b"{}").header("X-Request-Id", "mine");
        proxy.send(&request);
        proxy.logged("forwarded", |_| true);
        let log = proxy.log().concat();
        assert_eq!(log.contains("\"app_failed\""), status.is_some(), "{log}");
        assert!(!log.contains("a-private-key"), "{log}");
        let Some(status) = status else { continue };
        let line = proxy.logged("app_failed", |_| true);
        for (field, expected) in [
            ("level", Value::from("warn")),
            ("http_status", status.into()),
            ("route", "twenty".into()),
            ("request_id", "mine".into()),
            ("client", "127.0.0.1".into()),
            ("method", "POST".into()),
            ("path", "/twenty".into()),
        ] {
            assert_eq!(line[field], expected, "{field} of {line}");
        }
        assert!(line["upstream_ms"].is_u64(), "{line}");
    }
}

#[test]
fn a_failure_to_forward_says_what_was_asked_for_and_where_in_our_own_words() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let extra = "upstream_connect_timeout = \"50ms\"";
    let proxy = Proxy::start("", &sign::routes(format_args!("http://{closed}"), extra));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    let line = proxy.logged("forwarding_failed", |_| true);
    for (field, expected) in [
        ("level", Value::from("error")),
        ("error", "app_unreachable".into()),
        ("http_status", 502.into()),
        ("route", "twenty".into()),
        ("client", "127.0.0.1".into()),
        ("method", "POST".into()),
        ("path", "/twenty".into()),
        ("upstream", closed.to_string().into()),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("connection refused"), "{detail}");
    for prose in ["context", "cause", "os error", "Connect"] {
        assert!(!detail.contains(prose), "{detail}");
    }
}

#[test]
fn a_flood_of_failures_is_cut_and_counted() {
    const REQUESTS: u64 = 400;
    let app = App::answering(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let mut client = Client::connect(proxy.address);
    for _ in 0..REQUESTS {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 503);
    }
    eventually("all to be logged or counted", || {
        let (mut logged, mut omitted) = (0, 0);
        for line in proxy.log() {
            let line: Value = serde_json::from_str(&line).unwrap();
            match line["event"].as_str() {
                Some("app_failed") => logged += 1,
                Some("app_failed_omitted") => {
                    assert_eq!(line["route"], "twenty");
                    omitted += line["count"].as_u64().unwrap();
                }
                _ => {}
            }
        }
        (logged + omitted == REQUESTS && omitted > 0).then_some(())
    });
}

#[test]
fn text_for_people_says_the_same_in_the_same_order() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let routes = sign::routes("http://127.0.0.1:1", "enforce = false");
    let config = format!(
        "[server]\nlisten = [\"{}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nformat = \"text\"\n{routes}",
        taken.local_addr().unwrap()
    );
    let (_guard, path) = file("hookward.toml", config);
    let (_, _, error) = command(&["run", "--config", path.to_str().unwrap()]);
    let line = error.lines().find(|line| line.contains("route.enforce"));
    let line = line.unwrap_or_else(|| panic!("{error}"));
    let (timestamp, rest) = line.split_once(' ').unwrap();
    assert!(timestamp.ends_with('Z'), "{line}");
    assert!(rest.starts_with(" WARN config_warning: "), "{line}");
}
