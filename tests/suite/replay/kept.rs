//! What the app took stays taken, however its answer ends.

use super::{Step, app_that, assert_replayed, claims, routes, start};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::http2;
use crate::support::protocol::{Connection, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(
    a_status_that_says_yes_keeps_it,
    an_answer_that_breaks_off_keeps_it,
);

fn a_status_that_says_yes_keeps_it() {
    let answers = [
        (
            200,
            Step::Says("HTTP/1.1 200 A\r\nContent-Length: 3\r\n\r\nyes"),
        ),
        (
            201,
            Step::Says("HTTP/1.1 201 B\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        ),
        (
            202,
            Step::Says("HTTP/1.1 202 C\r\nContent-Length: 0\r\n\r\n"),
        ),
        (204, Step::Says("HTTP/1.1 204 D\r\n\r\n")),
        (299, Step::Breaks("HTTP/1.1 299 E\r\n\r\nto the end")),
        (
            302,
            Step::Says("HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
        ),
        (304, Step::Says("HTTP/1.1 304 G\r\n\r\n")),
        (
            399,
            Step::Says("HTTP/1.1 399 H\r\nContent-Length: 0\r\n\r\n"),
        ),
    ];
    let app = app_that(answers.map(|(_, step)| step));
    let proxy = start(&app, "", "");
    for (status, _) in answers {
        let request = Kind::V3.request(b"{}");
        assert_eq!(proxy.send(&request).status, status);
        app.next();
        assert_replayed(&proxy.send(&request), &format!("after {status}"));
    }
    assert_eq!(claims(&proxy, "released"), 0.0);
    app.assert_nothing_more();
}

/// Sends a request whose answer must break off after its head.
fn send_for_half(proxy: &Proxy, request: &Request) {
    match proxy.connect() {
        Connection::Plain(mut client) => read_half(&mut client.stream, request),
        Connection::Tls(mut client) => read_half(&mut client.stream, request),
        Connection::Http2(client) => {
            let sent = http2::exchange(client.requests(), request.clone(), super::scheme());
            assert!(client.block_on(sent).is_err(), "the stream is not reset");
        }
    }
}

fn read_half(stream: &mut (impl std::io::Read + std::io::Write), request: &Request) {
    stream.write_all(&request.bytes()).unwrap();
    stream.flush().unwrap();
    let mut received = Vec::new();
    // A reset would do as well as an end.
    let _ = stream.read_to_end(&mut received);
    assert!(received.starts_with(b"HTTP/1.1 200 "), "{received:?}");
    assert!(received.trim_ascii_end().ends_with(b"half"));
}

fn an_answer_that_breaks_off_keeps_it() {
    // More than is held back until the rest is there.
    let half = |head: &str| format!("{head}{}half", "x".repeat(100_000)).leak() as &'static str;
    let breaks = [
        half("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"),
        half("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n"),
    ];
    let app = app_that(breaks.map(Step::Breaks));
    let proxy = start(&app, "", "");
    for _ in breaks {
        let request = Kind::Twenty.request(b"{}");
        send_for_half(&proxy, &request);
        app.next();
        assert_replayed(&proxy.send(&request), "the app said 200");
    }
    app.assert_nothing_more();
}

#[test]
fn an_answer_that_breaks_off_before_a_byte_of_it_was_sent_keeps_it() {
    let app = app_that([Step::Breaks(
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    )]);
    let proxy = start(&app, "", "");
    let request = Kind::Twenty.request(b"{}");
    let mut client = crate::support::client::Client::connect(proxy.address);
    client.send(&request.bytes());
    let mut received = Vec::new();
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut received);
    app.next();
    assert_replayed(&proxy.send(&request), "the app said 200");
    app.assert_nothing_more();
}

#[test]
fn it_survives_reloads() {
    let app = App::start();
    let config = |verify: &str, rest: &str| routes(app.url(), "", verify) + rest;
    let proxy = Proxy::start("", &config("", ""));
    let request = Kind::Twenty.request(b"{}");
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    for (verify, rest) in [
        ("", ""),
        ("max_age = \"4m\"", ""),
        ("", "[replay]\ncapacity = 10\n"),
        ("", "[replay]\nstore = \"memory\"\ncapacity = 2000000\n"),
    ] {
        proxy.write_config("", &config(verify, rest));
        assert!(proxy.reload(), "{verify} {rest}");
        assert_replayed(&proxy.send(&request), &format!("{verify} {rest}"));
    }
    app.assert_nothing_more();
    // It is not looked at for a while, and not forgotten.
    proxy.write_config("", &config("replay = false", ""));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    proxy.write_config("", &config("", ""));
    assert!(proxy.reload());
    assert_replayed(&proxy.send(&request), "after a while without protection");
    app.assert_nothing_more();
}

#[test]
fn a_reload_while_it_is_on_its_way_changes_nothing() {
    for (step, status) in [
        (super::OK, 200),
        (
            Step::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
            500,
        ),
    ] {
        let (app, answer) = super::app_that_waits();
        let config = routes(app.url(), "", "");
        let proxy = Proxy::start("", &config);
        let request = Kind::Twenty.request(b"{}");
        std::thread::scope(|scope| {
            let first = scope.spawn(|| proxy.send(&request).status);
            app.next();
            proxy.write_config("", &format!("{config}[replay]\ncapacity = 5\n"));
            assert!(proxy.reload());
            assert_replayed(&proxy.send(&request), "on its way");
            answer.send(step).unwrap();
            assert_eq!(first.join().unwrap(), status);
        });
        if status == 500 {
            assert_eq!(proxy.send(&request).status, 200);
            app.next();
        }
        assert_replayed(&proxy.send(&request), "taken in the end");
        app.assert_nothing_more();
    }
}
