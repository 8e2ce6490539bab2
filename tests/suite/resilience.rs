//! Failures on either side get the contract's answer and leave the process serving.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Barrier};

use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::proxy::{Proxy, command, file};
use crate::support::sign::{self, Kind, SECRET};
use crate::support::{PATIENCE, eventually};

fn start(server: &str, app: &App, extra: &str) -> Proxy {
    Proxy::start(
        server,
        &sign::routes(format_args!("http://{}", app.address), extra),
    )
}

fn responses(proxy: &Proxy, status: u16) -> f64 {
    proxy.metric(&format!(
        "hookward_responses_total{{origin=\"hookward\",route=\"twenty\",status=\"{status}\"}}"
    ))
}

#[test]
fn an_app_that_refuses_is_a_502_and_the_connection_stays() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start("", &sign::routes(format_args!("http://{closed}"), ""));
    let mut client = Client::connect(proxy.address);
    for _ in 0..2 {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 502);
    }
    eventually("both to be counted", || {
        (responses(&proxy, 502) == 2.0).then_some(())
    });
    let line = proxy.logged("forwarding_failed", |_| true);
    assert_eq!(
        (&line["status"], &line["route"]),
        (&502.into(), &"twenty".into())
    );
}

#[test]
fn an_app_that_cannot_be_found_is_a_502() {
    let routes = sign::routes("http://does-not-exist.invalid:80", "");
    let proxy = Proxy::start("", &routes);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    let routes = sign::routes("unix:/does/not/exist.sock", "");
    let proxy = Proxy::start("", &routes);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
}

#[test]
fn an_app_that_fails_gets_one_attempt_and_an_answer_of_ours() {
    let garbage = App::answering(b"\x00\x01garbage\r\n\r\n");
    let closing = App::behaving(|_, _| false);
    let half_header = App::behaving(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-");
        false
    });
    for app in [garbage, closing, half_header] {
        let proxy = start("", &app, "");
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
        app.next();
        app.assert_nothing_more();
        eventually("it to be counted", || {
            (responses(&proxy, 502) == 1.0).then_some(())
        });
    }
}

#[test]
fn an_app_that_is_silent_is_a_504() {
    let app = App::behaving(|_, _| true);
    let proxy = start("", &app, "upstream_timeout = \"200ms\"");
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 504);
    eventually("it to be counted", || {
        (responses(&proxy, 504) == 1.0).then_some(())
    });
}

#[test]
fn an_answer_cut_off_is_cut_off_for_the_sender_too() {
    let app = App::behaving(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        false
    });
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let mut received = Vec::new();
    // A reset would do as well as an end: what must not come is a whole answer.
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut received);
    assert!(received.ends_with(b"half"), "{received:?}");
}

#[test]
fn a_connection_that_the_app_closes_between_requests_is_not_used_again() {
    let (closed, is_closed) = std::sync::mpsc::channel();
    let app = App::behaving(move |stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.shutdown(std::net::Shutdown::Both);
        closed.send(()).is_err()
    });
    let proxy = start("", &app, "");
    for round in 1..=20 {
        let answer = proxy.send(&Kind::Twenty.request(b"{}"));
        assert_eq!(answer.status, 200, "round {round}");
        app.next();
        is_closed.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn connections_to_the_app_are_kept() {
    let app = App::start();
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    for _ in 0..20 {
        client.send(&Kind::V3.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
        app.next();
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn an_app_on_a_unix_socket_is_served() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        let mut chunk = [0; 4096];
        while !received.ends_with(b"{}") {
            let read = stream.read(&mut chunk).unwrap();
            received.extend_from_slice(&chunk[..read]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    let proxy = Proxy::start(
        "",
        &sign::routes(format_args!("unix:{}", path.display()), ""),
    );
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    serving.join().unwrap();
}

#[test]
fn a_body_that_does_not_come_is_a_503_and_one_cut_off_reaches_nobody() {
    let app = App::start();
    let proxy = start("body_timeout = \"300ms\"", &app, "");
    let request = Kind::Twenty.request(b"0123456789");
    let mut client = Client::connect(proxy.address);
    client.send(&request.head_bytes());
    client.send(b"01234");
    let answer = client.answer("POST");
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true)
    );
    assert!(client.is_closed());
    proxy.logged("refused", |line| line["reason"] == "body_timeout");
    for bytes in [
        [request.head_bytes(), b"01234".to_vec()].concat(),
        [
            request.clone().framed(Framing::Chunked(3)).head_bytes(),
            b"3\r\n012\r\n".to_vec(),
        ]
        .concat(),
        [
            request.clone().framed(Framing::Chunked(3)).head_bytes(),
            b"zz\r\n012\r\n".to_vec(),
        ]
        .concat(),
    ] {
        let mut client = Client::connect(proxy.address);
        client.send(&bytes);
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.answer("POST").status, 400);
    }
    for series in [
        "hookward_requests_in_flight",
        "hookward_buffered_bytes",
        "hookward_connections",
    ] {
        eventually(series, || (proxy.metric(series) == 0.0).then_some(()));
    }
    app.assert_nothing_more();
}

#[test]
fn a_body_in_endless_tiny_chunks_is_stopped_in_time_and_holds_nobody_up() {
    let app = App::start();
    let proxy = start("body_timeout = \"1s\"\nthreads = 1", &app, "");
    let request = Kind::Twenty.request(b"").framed(Framing::Chunked(1));
    let mut attacker = Client::connect(proxy.address);
    attacker.send(&request.head_bytes());
    let mut writer = attacker.stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        let chunks = b"1\r\nx\r\n".repeat(10_000);
        while writer.write_all(&chunks).is_ok() {}
    });
    assert_eq!(
        proxy.send(&Kind::Twenty.request(b"{}")).status,
        200,
        "others are served"
    );
    assert_eq!(attacker.answer("POST").status, 503);
    drop(attacker);
    flood.join().unwrap();
}

#[test]
fn a_header_that_does_not_come_ends_the_connection() {
    let app = App::start();
    let proxy = start(
        "header_timeout = \"300ms\"\nkeepalive_timeout = \"300ms\"",
        &app,
        "",
    );
    let mut silent = Client::connect(proxy.address);
    assert!(silent.is_closed(), "no first byte");
    let mut dripping = Client::connect(proxy.address);
    dripping.send(b"POST /twenty HTTP/1.1\r\n");
    assert!(dripping.is_closed(), "no last byte");
    let mut idle = Client::connect(proxy.address);
    idle.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(idle.answer("POST").status, 200);
    assert!(idle.is_closed(), "no next request");
}

#[test]
fn a_header_that_is_too_large_is_a_431() {
    let app = App::start();
    let proxy = start("max_header_bytes = \"8KiB\"", &app, "");
    let request = Kind::Twenty
        .request(b"{}")
        .header("X-Large", "x".repeat(8 << 10));
    let (answer, [_, _, _, reason]) = proxy.judge(&request);
    assert_eq!((answer.status, &*reason), (431, "bad_request"));
    let request = Kind::Twenty
        .request(b"{}")
        .header("X-Large", "x".repeat(7 << 10));
    assert_eq!(proxy.send(&request).status, 200);
    let mut many = Kind::Twenty.request(b"{}");
    for index in 0..300 {
        many = many.header(&format!("X-{index}"), "x");
    }
    let (answer, [_, _, _, reason]) = proxy.judge(&many);
    assert_eq!((answer.status, &*reason), (400, "bad_request"));
}

#[test]
fn too_much_at_once_is_refused_in_the_senders_own_terms() {
    let barrier = Arc::new(Barrier::new(2));
    let held = Arc::clone(&barrier);
    let app = App::behaving(move |stream, seen| {
        if seen.target == "/twenty" {
            held.wait();
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .is_ok()
    });
    let proxy = start("max_buffered_bytes = \"1MiB\"", &app, "");
    let large = vec![b'x'; 700 << 10];
    let mut holder = Client::connect(proxy.address);
    holder.send(&Kind::Twenty.request(&large).bytes());
    app.next();
    assert_eq!(
        proxy.metric("hookward_buffered_bytes"),
        f64::from(700 << 10)
    );

    let declared = Kind::V3.request(&vec![b'y'; 100 << 10]);
    let (answer, [_, scheme, _, reason]) = proxy.judge(&declared);
    assert_eq!(
        (answer.status, &*reason, &*scheme),
        (429, "overloaded", "hubspot-v3")
    );
    let millis: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(millis >= 1_000, "HubSpot reads milliseconds");
    let counted = Kind::KeyHeader
        .request(&vec![b'y'; 100 << 10])
        .framed(Framing::Chunked(4_096));
    let (answer, [_, _, _, reason]) = proxy.judge(&counted);
    assert_eq!((answer.status, &*reason), (503, "overloaded"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds <= 60);
    let small = Kind::V3.request(&vec![b'y'; 64 << 10]);
    assert_eq!(
        proxy.send(&small).status,
        200,
        "a quarter is kept for small bodies"
    );

    barrier.wait();
    assert_eq!(holder.answer("POST").status, 200);
    eventually("the room", || {
        (proxy.metric("hookward_buffered_bytes") == 0.0).then_some(())
    });
    assert_eq!(proxy.send(&declared).status, 200);
}

#[test]
fn at_the_limit_the_longest_idle_connection_makes_room() {
    let app = App::start();
    let proxy = start("max_connections = 2", &app, "");
    let good = Kind::Twenty.request(b"{}").bytes();
    let mut clients: Vec<Client> = (0..2).map(|_| Client::connect(proxy.address)).collect();
    for client in &mut clients {
        client.send(&good);
        assert_eq!(client.answer("POST").status, 200);
    }
    let mut newcomer = Client::connect(proxy.address);
    newcomer.send(&good);
    assert_eq!(newcomer.answer("POST").status, 200);
    assert!(clients[0].is_closed(), "the longest idle");
    clients[1].send(&good);
    assert_eq!(clients[1].answer("POST").status, 200);
    assert_eq!(proxy.metric("hookward_connections"), 2.0);
}

#[test]
fn a_sender_that_goes_away_does_not_take_its_request_from_the_app() {
    let barrier = Arc::new(Barrier::new(2));
    let held = Arc::clone(&barrier);
    let app = App::behaving(move |stream, _| {
        held.wait();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .is_ok()
    });
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(app.next().body, b"{}");
    drop(client);
    barrier.wait();
    let series = "hookward_responses_total{origin=\"app\",route=\"twenty\",status=\"200\"}";
    eventually("the answer's record", || {
        (proxy.metric(series) == 1.0).then_some(())
    });
}

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
fn late_answers_are_counted_and_still_pass() {
    let app = App::start();
    let proxy = start("", &app, "");
    let request = Kind::V3
        .request(b"{}")
        .header("X-HubSpot-Timeout-Millis", "0");
    assert_eq!(proxy.send(&request).status, 200);
    let series = "hookward_late_answers_total{route=\"hubspot\"}";
    eventually("it to be counted", || {
        (proxy.metric(series) == 1.0).then_some(())
    });
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
