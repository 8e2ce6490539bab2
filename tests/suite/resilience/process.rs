//! Starting, stopping and being watched.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Barrier};

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::proxy::{command, file};
use crate::support::sign::{self, Kind, SECRET};

#[test]
fn sigterm_lets_requests_in_flight_end_and_exits_0() {
    let barrier = Arc::new(Barrier::new(2));
    let held = Arc::clone(&barrier);
    let app = App::behaving(move |stream, _| {
        held.wait();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
            .is_ok()
    });
    let mut proxy = start("", &app, "");
    proxy.signal("-HUP");
    proxy.logged("signal_ignored", |line| line["signal"] == "SIGHUP");
    let mut idle = Client::connect(proxy.address);
    idle.send(&Request::new("GET", "/nowhere", "").bytes());
    assert_eq!(idle.answer("GET").status, 404);
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    assert!(idle.is_closed(), "idle connections end at once");
    assert!(proxy.is_running());
    barrier.wait();
    assert_eq!(client.answer("POST").body, b"done");
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn sigint_stops_at_once() {
    let app = App::behaving(|_, _| true);
    let mut proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    proxy.signal("-INT");
    assert!(client.is_closed());
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_request_that_outlives_the_grace_time_is_cut() {
    let app = App::behaving(|_, _| true);
    let mut proxy = start("shutdown_grace = \"200ms\"", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    proxy.signal("-TERM");
    assert!(client.is_closed());
    assert_eq!(proxy.wait().code(), Some(1));
}

#[test]
fn the_admin_address_says_how_things_are() {
    let app = App::start();
    let proxy = start("", &app, "");
    let ask = |method: &str, target: &str| {
        crate::support::client::exchange(proxy.admin, &Request::new(method, target, ""))
    };
    assert_eq!(ask("GET", "/healthz").status, 200);
    assert_eq!(ask("GET", "/readyz").status, 200);
    assert_eq!(ask("GET", "/elsewhere").status, 404);
    assert_eq!(ask("POST", "/metrics").status, 405);
    assert_eq!(
        proxy.send(&Kind::Twenty.request(&[b'x'; 2_000])).status,
        200
    );
    let metrics = proxy.metrics();
    for line in [
        "hookward_verdicts_total{reason=\"ok\",route=\"twenty\",scheme=\"twenty\",verdict=\"verified\"} 1",
        "hookward_secret_matches_total{route=\"twenty\",secret=\"current\"} 1",
        "hookward_secret_matches_total{route=\"twenty\",secret=\"old\"} 0",
        "hookward_verification_seconds_count{route=\"twenty\"} 1",
        "hookward_request_body_bytes_sum{route=\"twenty\"} 2000",
        "hookward_timestamp_age_seconds_count{route=\"twenty\"} 1",
        "hookward_late_answers_total{route=\"twenty\"} 0",
        "hookward_requests_in_flight 0",
        "hookward_build_info{",
        "hookward_last_verified_timestamp_seconds{route=\"twenty\"} 1",
        "hookward_upstream_seconds_count{route=\"twenty\"}",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_port_in_use_is_a_clear_start_up_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!(
        "[server]\nlisten = [\"{address}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
        sign::routes("http://127.0.0.1:1", "")
    );
    let (_guard, path) = file("hookward.toml", text);
    let (code, _, error) = command(&["run", "--config", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(
        error.contains(&address.to_string()) && error.contains("server.listen"),
        "{error}"
    );
    assert!(!error.contains(SECRET));
}
