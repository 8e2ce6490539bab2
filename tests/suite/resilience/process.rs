//! Starting, stopping and being watched.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Barrier};

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file};
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
    let proxy = start("", &app, "");
    let mut idle = Client::connect(proxy.address);
    idle.send(&Request::new("GET", "/nowhere", "").bytes());
    assert_eq!(idle.answer("GET").status, 404);
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    assert!(idle.is_closed(), "idle connections end");
    assert!(proxy.is_running());
    barrier.wait();
    assert_eq!(client.answer("POST").body, b"done");
    assert_eq!(proxy.wait().code(), Some(0));
}

/// Sends request after request, on connections that are kept as long as the answers allow, until
/// nobody listens any more. Returns how many were answered.
fn load(address: SocketAddr) -> usize {
    let mut answered = 0;
    while let Some(mut client) = Client::try_connect(address) {
        loop {
            client.send(&Kind::Twenty.request(b"{}").bytes());
            let answer = client.try_answer("POST").expect("a request was cut");
            assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]));
            answered += 1;
            if answer.header("connection") == Some("close") {
                break;
            }
        }
    }
    answered
}

#[test]
fn sigterm_under_load_cuts_no_request() {
    let app = App::start();
    let proxy = start("", &app, "");
    let address = proxy.address;
    let clients: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || load(address)))
        .collect();
    let series = "hookward_responses_total{origin=\"app\",route=\"twenty\",status=\"200\"}";
    eventually("the load", || (proxy.metric(series) > 100.0).then_some(()));
    proxy.signal("-TERM");
    let answered: usize = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    assert!(answered > 100);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_request_on_an_idle_connection_is_served_while_stopping() {
    let app = App::start();
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    let mut silent = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(client.answer("POST").status, 200);
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    for client in [&mut client, &mut silent] {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        let answer = client.answer("POST");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
    }
    drop((client, silent));
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn requests_that_were_sent_before_a_stop_are_served_though_others_wait_before_them() {
    let app = App::start();
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    let requests: Vec<u8> = (0..50)
        .flat_map(|_| Kind::Twenty.request(b"{}").bytes())
        .collect();
    client.send(&requests);
    app.next();
    proxy.signal("-TERM");
    for round in 1..=50 {
        assert_eq!(client.answer("POST").status, 200, "round {round}");
    }
    assert!(client.is_closed());
    drop(client);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_or_that_cannot_be_written_holds_nothing_up() {
    for is_broken in [false, true] {
        let app = App::start();
        let proxy = start("", &app, "");
        if is_broken {
            proxy.break_log();
        } else {
            proxy.stop_reading_log();
        }
        // Each leaves a line of a hundred bytes and more, and a pipe holds 64 KiB.
        let mut client = Client::connect(proxy.address);
        for _ in 0..1_000 {
            client.send(&Kind::Twenty.request(b"{}").bytes());
            assert_eq!(client.answer("POST").status, 200);
            app.next();
        }
        let unsigned = Request::new("POST", "/twenty", "{}");
        client.send(&unsigned.bytes());
        assert_eq!(client.answer("POST").status, 401);
        assert!(proxy.metric("hookward_connections") >= 1.0);
        drop(client);
        proxy.signal("-TERM");
        assert_eq!(proxy.wait().code(), Some(0), "is broken: {is_broken}");
    }
}

#[test]
fn running_out_of_file_descriptors_costs_idle_connections_and_no_request() {
    let app = App::start();
    let config = sign::routes(app.url(), "");
    let proxy = Proxy::start_with_open_files(64, &config);
    proxy.logged("max_connections_lowered", |line| line["open_files"] == 64);
    let mut kept = Vec::new();
    for _ in 0..100 {
        let mut client = Client::connect(proxy.address);
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
        kept.push(client);
    }
    assert!(proxy.metric("hookward_connections") <= 48.0);
}

#[test]
fn sigint_stops_at_once() {
    let app = App::behaving(|_, _| true);
    let proxy = start("", &app, "");
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
    let proxy = start("shutdown_grace = \"200ms\"", &app, "");
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
    // The last of them are counted once the answer is sent.
    for line in [
        "hookward_upstream_seconds_count{route=\"twenty\"} 1",
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
    ] {
        eventually(&format!("{line} in the metrics"), || {
            proxy.metrics().contains(line).then_some(())
        });
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
