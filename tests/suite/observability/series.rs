//! Every series that a route can give is there at 0 from the start, and no other.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

fn start(server: &str) -> (App, Proxy) {
    let app = App::start();
    let proxy = Proxy::start(server, &sign::routes(app.url(), ""));
    (app, proxy)
}

/// The lines of a scrape about one route.
fn of_route<'a>(metrics: &'a str, route: &str) -> Vec<&'a str> {
    let label = format!("route=\"{route}\"");
    metrics
        .lines()
        .filter(|line| line.contains(&label))
        .collect()
}

fn verdict(reason: &str, route: &str, scheme: &str, verdict: &str) -> String {
    format!(
        "hookward_verdicts_total{{reason=\"{reason}\",route=\"{route}\",scheme=\"{scheme}\",\
         verdict=\"{verdict}\"}} 0"
    )
}

#[test]
fn all_that_a_route_can_come_to_is_there_from_the_start() {
    let (_app, proxy) = start("");
    let metrics = proxy.metrics();
    let rejected = |reason, route, scheme| verdict(reason, route, scheme, "rejected");
    let own = |route: &str, status: u16| {
        format!(
            "hookward_responses_total{{origin=\"hookward\",route=\"{route}\",status=\"{status}\"}} 0"
        )
    };
    let mut expected = vec![
        rejected("bad_request", "none", "none"),
        rejected("bad_target", "none", "none"),
        rejected("no_route", "none", "none"),
        own("none", 400),
        own("none", 404),
        own("none", 431),
        verdict("ok", "twenty", "twenty", "verified"),
        verdict("ok", "hubspot", "hubspot-v1", "verified"),
        verdict("ok", "hubspot", "hubspot-v3", "verified"),
        verdict("ok", "key-query", "api-key", "verified"),
        rejected("duplicate_header", "hubspot", "hubspot"),
        rejected("missing_signature", "hubspot", "hubspot"),
        rejected("unaccepted_version", "hubspot", "hubspot"),
        rejected("timestamp_expired", "hubspot", "hubspot-v3"),
        rejected("missing_api_key", "key-header", "api-key"),
        rejected("api_key_mismatch", "key-header", "api-key"),
        own("hubspot", 429),
        "hookward_secret_matches_total{route=\"twenty\",secret=\"old\"} 0".to_owned(),
        "hookward_connections_refused_total 0".to_owned(),
        "hookward_log_lines_omitted_total 0".to_owned(),
    ];
    for reason in [
        "bad_request",
        "bad_target",
        "method_not_allowed",
        "body_too_large",
        "duplicate_header",
        "missing_signature",
        "malformed_signature",
        "missing_timestamp",
        "malformed_timestamp",
        "timestamp_expired",
        "timestamp_in_future",
        "overloaded",
        "body_timeout",
        "signature_mismatch",
    ] {
        expected.push(rejected(reason, "twenty", "twenty"));
    }
    for status in [400, 401, 405, 413, 502, 503, 504] {
        expected.push(own("twenty", status));
    }
    for family in ["late_answers", "answers_cut", "uploads_cut"] {
        expected.push(format!("hookward_{family}_total{{route=\"twenty\"}} 0"));
    }
    for line in &expected {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not there"
        );
    }
    for (route, impossible) in [
        ("twenty", "api_key"),
        ("twenty", "unaccepted_version"),
        ("twenty", "\"429\""),
        ("twenty", "unenforced"),
        ("twenty", "no_route"),
        ("twenty", "_bucket"),
        ("twenty", "last_verified"),
        ("key-query", "signature"),
        ("key-query", "timestamp"),
    ] {
        let lines = of_route(&metrics, route);
        let found = lines.iter().find(|line| line.contains(impossible));
        assert_eq!(found, None, "{route}");
    }
    let idle = [("twenty", 31), ("key-header", 30), ("hubspot", 50)];
    for (route, most) in idle {
        let lines = of_route(&metrics, route);
        assert!(lines.len() <= most, "{route}: {} {lines:#?}", lines.len());
    }
}

#[test]
fn what_is_counted_is_counted_in_what_was_there() {
    let (app, proxy) = start("");
    let before = proxy.metrics().lines().count();
    let unsigned = Request::new("POST", "/twenty", "{}");
    assert_eq!(proxy.send(&unsigned).status, 401);
    let after = proxy.metrics();
    assert_eq!(after.lines().count(), before, "a refusal adds no series");
    let refused = "hookward_verdicts_total{reason=\"missing_signature\",route=\"twenty\",\
                   scheme=\"twenty\",verdict=\"rejected\"} 1";
    assert!(after.contains(refused), "{after}");
    let last = "hookward_last_verified_timestamp_seconds{route=\"twenty\"}";
    assert!(!after.contains(last), "nothing has verified yet");
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    app.next();
    assert!(proxy.metric(last) > 1.7e9);
    assert!(proxy.metric(last) < 1.0e10, "it is in seconds");
}

#[test]
fn a_route_that_lets_through_shows_what_it_lets_through() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), "enforce = false"));
    let metrics = proxy.metrics();
    let unenforced = verdict("signature_mismatch", "twenty", "twenty", "unenforced");
    let rejected = verdict("signature_mismatch", "twenty", "twenty", "rejected");
    let too_large = verdict("body_too_large", "twenty", "twenty", "rejected");
    assert!(metrics.contains(&unenforced) && metrics.contains(&too_large));
    assert!(!metrics.contains(&rejected));
    assert!(!metrics.contains("status=\"401\""));
}

#[test]
fn the_process_is_told_of() {
    let (_app, proxy) = start("");
    let descriptors = proxy.metric("process_open_fds");
    assert!(descriptors > 3.0, "{descriptors}");
    for name in [
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_start_time_seconds",
        "process_threads",
    ] {
        assert!(proxy.metric(name) > 0.0, "{name}");
    }
    assert!(proxy.metrics().contains("\nprocess_cpu_seconds_total "));
}

#[test]
fn connections_that_have_no_room_are_counted() {
    let (_app, proxy) = start("max_connections = 1\n");
    let mut busy = Client::connect(proxy.address);
    busy.send(&Kind::Twenty.request(b"{}").head_bytes());
    eventually("the request to begin", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    let mut refused = Client::connect(proxy.address);
    assert!(refused.is_closed());
    assert_eq!(proxy.metric("hookward_connections_refused_total"), 1.0);
    busy.send(b"{}");
    assert_eq!(busy.answer("POST").status, 200);
}

#[test]
fn a_request_that_an_app_answers_and_does_not_read_is_counted_and_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 100];
        stream.read_exact(&mut first).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let proxy = Proxy::start("", &sign::routes(format_args!("http://{address}"), ""));
    let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 8 << 20]));
    assert_eq!(answer.status, 200);
    let line = proxy.logged("upload_cut", |_| true);
    assert_eq!(
        (&line["route"], &line["path"], &line["http_status"]),
        (&"twenty".into(), &"/twenty".into(), &200.into())
    );
    assert_eq!(line["upstream"], address.to_string());
    let series = "hookward_uploads_cut_total{route=\"twenty\"}";
    assert_eq!(proxy.metric(series), 1.0);
}
