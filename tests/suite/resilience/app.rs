//! An app that fails costs an answer of ours and nothing else.

use std::io::Write;
use std::net::TcpListener;

use super::start;
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};
use crate::support::{PATIENCE, eventually};

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
    let extra = "upstream_connect_timeout = \"100ms\"";
    let proxy = Proxy::start("", &sign::routes(format_args!("http://{closed}"), extra));
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
        (&line["http_status"], &line["route"], &line["error"]),
        (&502.into(), &"twenty".into(), &"app_unreachable".into())
    );
}

#[test]
fn an_app_that_is_back_in_time_loses_nothing() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let extra = "upstream_connect_timeout = \"20s\"";
    let proxy = Proxy::start("", &sign::routes(format_args!("http://{address}"), extra));
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    eventually("the request to be in flight", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    let app = App::start_at(address);
    assert_eq!(client.answer("POST").status, 200);
    app.next();
    app.assert_nothing_more();
}

#[test]
fn a_request_that_a_kept_connection_took_is_not_sent_again() {
    let answered = std::sync::atomic::AtomicBool::new(false);
    let app = App::behaving(move |stream, _| {
        let is_first = !answered.swap(true, std::sync::atomic::Ordering::SeqCst);
        is_first
            && stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_ok()
    });
    let proxy = start("", &app, "");
    for status in [200, 502] {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, status);
        app.next();
    }
    app.assert_nothing_more();
}

#[test]
fn a_connection_reset_in_the_middle_is_a_502_and_not_a_second_attempt() {
    for before_reading in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if !before_reading {
                let mut some = [0; 10];
                std::io::Read::read_exact(&mut stream, &mut some).unwrap();
            }
            // Closing with unread input resets the connection.
            let mut looked = [0; 1];
            stream.peek(&mut looked).unwrap();
            drop(stream);
            listener
        });
        let proxy = Proxy::start("", &sign::routes(format_args!("http://{address}"), ""));
        let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 1 << 20]));
        assert_eq!(answer.status, 502);
        let listener = accepting.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "it was sent again");
    }
}

#[test]
fn an_app_that_cannot_be_found_is_a_502() {
    let routes = sign::routes("http://does-not-exist.invalid:80", "");
    let proxy = Proxy::start("", &routes);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    let extra = "upstream_connect_timeout = \"100ms\"";
    let routes = sign::routes("unix:/does/not/exist.sock", extra);
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
