//! The app's answer reaches its sender whole, however the app frames it, and never looks whole when
//! it is not.

use std::io::Write;

use super::{as_http10, read_to_end, start, start_on};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind};

#[test]
fn informational_answers_pass_and_do_not_stand_in_for_the_final_one() {
    let app = App::answering(
        b"HTTP/1.1 100 Continue\r\n\r\n\
          HTTP/1.1 102 Processing\r\n\r\n\
          HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    for _ in 0..2 {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        let answer = client.try_answer("POST").unwrap();
        assert_eq!(answer.status, 102, "100 was for us: the body was sent");
        let answer = client.try_answer("POST").unwrap();
        assert_eq!(
            (answer.status, answer.header("link")),
            (103, Some("</a>; rel=preload"))
        );
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(client.try_answer("POST").unwrap().body, b"ok");
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn a_sender_of_http10_gets_nothing_that_its_protocol_does_not_have() {
    let app = App::answering(
        b"HTTP/1.1 103 Early Hints\r\n\r\n\
          HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&as_http10(&Kind::Twenty.request(b"{}").bytes()));
    let received = String::from_utf8(read_to_end(&mut client)).unwrap();
    assert!(received.starts_with("HTTP/1.1 200 OK\r\n"), "{received}");
    assert!(received.ends_with("\r\n\r\nok"), "{received}");
    assert!(
        !received.to_lowercase().contains("transfer-encoding"),
        "{received}"
    );
    assert!(received.contains("Content-Length: 2\r\n"), "{received}");
}

#[test]
fn switching_protocols_unasked_would_tunnel_unverified_bytes_and_is_a_502() {
    let app = App::answering(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    );
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(client.answer("POST").status, 502);
    proxy.logged("forwarding_failed", |line| {
        line["error"] == "app_answer_unfit"
    });
}

#[test]
fn answers_without_a_body_do_not_make_the_sender_wait_for_one() {
    // A 204 that announces a body leaves it open what the app sends next.
    for (status, length, connections) in [
        ("204 No Content", None, 2),
        ("304 Not Modified", Some("5"), 1),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nX-App: yes\r\n\r\n");
        let app = App::behaving(move |stream, _| stream.write_all(answer.as_bytes()).is_ok());
        let proxy = start("", &app, "");
        let mut client = Client::connect(proxy.address);
        for _ in 0..2 {
            client.send(&Kind::Twenty.request(b"{}").bytes());
            let answer = client.answer("POST");
            assert_eq!(answer.header("content-length"), length, "{status}");
            assert_eq!(answer.header("x-app"), Some("yes"));
        }
        assert_eq!(app.connections(), connections, "{status}");
    }
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let app = App::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let secrets = secrets(&[("k", sign::SECRET)]);
    let verify = format!("scheme = \"api-key\"\nheader = \"X-Api-Key\"\n{secrets}");
    let methods = "methods = [\"HEAD\"]";
    let proxy = start_on(&route("head", "/head", app.url(), methods, &verify));
    let mut client = Client::connect(proxy.address);
    for _ in 0..2 {
        let head = format!(
            "HEAD /head HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\n\r\n",
            sign::SECRET
        );
        client.send(head.as_bytes());
        let answer = client.answer("HEAD");
        assert_eq!(
            (answer.status, answer.header("content-length")),
            (200, Some("5"))
        );
    }
}

#[test]
fn an_answer_that_ends_with_its_connection_is_framed_for_the_sender() {
    let app = App::behaving(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-App: yes\r\n\r\nuntil the end");
        false
    });
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    for _ in 0..2 {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        let answer = client.answer("POST");
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.body, b"until the end");
    }
}

#[test]
fn what_is_for_one_connection_does_not_pass_and_everything_else_does() {
    let app = App::answering(
        b"HTTP/1.1 299 Quite Fine\r\nConnection: X-Hop, keep-alive\r\nX-Hop: gone\r\n\
          Keep-Alive: timeout=9\r\nTrailer: X-T\r\nUpgrade: h2c\r\nSet-Cookie: a=1\r\n\
          Set-Cookie: b=2\r\nx-LOWER-Upper: kept\r\nTransfer-Encoding: chunked\r\n\r\n\
          2;ext=1\r\n{}\r\n0\r\nX-T: trailer\r\n\r\n",
    );
    let proxy = start("", &app, "");
    let answer = proxy.send(&Kind::V3.request(b"{}"));
    assert!(
        answer.head.starts_with("HTTP/1.1 299 Quite Fine\r\n"),
        "{}",
        answer.head
    );
    for gone in ["x-hop", "keep-alive", "trailer", "upgrade", "connection"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert!(
        answer
            .head
            .contains("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("x-LOWER-Upper: kept\r\n"),
        "{}",
        answer.head
    );
    assert_eq!(answer.body, b"{}");
}

#[test]
fn a_huge_answer_passes_whole() {
    const PIECES: usize = 1_000;
    let app = App::behaving(|stream, _| {
        let length = PIECES * 32 * 1_024;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let mut is_written = stream.write_all(head.as_bytes()).is_ok();
        for index in 0..PIECES {
            let piece = [u8::try_from(index % 251).unwrap(); 32 * 1_024];
            is_written &= stream.write_all(&piece).is_ok();
        }
        is_written
    });
    let proxy = start("", &app, "");
    let answer = proxy.send(&Kind::Twenty.request(b"{}"));
    assert_eq!(answer.body.len(), PIECES * 32 * 1_024);
    let pieces = answer.body.chunks(32 * 1_024);
    for (index, piece) in pieces.enumerate() {
        let expected = u8::try_from(index % 251).unwrap();
        assert!(piece.iter().all(|byte| *byte == expected), "piece {index}");
    }
}

#[test]
fn retry_after_becomes_milliseconds_on_a_429_where_the_route_says_so() {
    let answer_with = |status: &str, value: &str| {
        let answer =
            format!("HTTP/1.1 {status}\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
        App::behaving(move |stream, _| stream.write_all(answer.as_bytes()).is_ok())
    };
    let secrets = secrets(&[("s", sign::SECRET)]);
    let verify = format!("scheme = \"hubspot\"\nversions = [\"v1\"]\n{secrets}");
    let hubspot = |app: &App, extra: &str| route("hubspot", "/hubspot", app.url(), extra, &verify);
    let millis = "retry_after = \"seconds-to-ms\"";
    for (status, sent, extra, received) in [
        ("429 Too Many Requests", "7", millis, "7000"),
        (
            "429 Too Many Requests",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            millis,
            "0",
        ),
        ("429 Too Many Requests", "soon", millis, "soon"),
        ("429 Too Many Requests", "7", "", "7"),
        ("429 Too Many Requests", "7", "retry_after = \"as-is\"", "7"),
        ("503 Service Unavailable", "7", millis, "7"),
    ] {
        let app = answer_with(status, sent);
        let proxy = start_on(&hubspot(&app, extra));
        let answer = proxy.send(&Kind::V1.request(b"{}"));
        assert_eq!(
            answer.header("retry-after"),
            Some(received),
            "{status} {sent} {extra}"
        );
    }
}
