//! Answers that break off or break rules, and apps that do not read.

use std::io::Read;

use super::*;
use crate::support::client::Client;
use crate::support::http2_app::{
    DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Raw, STATUS_200, Stream,
};
use crate::support::sign::Kind;

const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];

/// Everything that a sender gets for a request.
fn received(proxy: &Proxy) -> Vec<u8> {
    let mut client = Client::connect(proxy.address);
    let bytes = Kind::Twenty.request(b"{}").header("Connection", "close");
    client.send(&bytes.bytes());
    let mut received = Vec::new();
    // A reset would do as well as an end.
    let _ = client.stream.read_to_end(&mut received);
    received
}

/// A field of HPACK without its tables: both strings as they are (RFC 7541 section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let (name_length, value_length) = (length(name), length(value));
    [
        &[0, name_length],
        name.as_bytes(),
        &[value_length],
        value.as_bytes(),
    ]
    .concat()
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let _app = std::thread::spawn(move || {
        let mut connection = Raw::accept(&listener);
        loop {
            let stream = connection.request();
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200);
            connection.write(DATA, 0, stream, b"half");
            connection.write(RST_STREAM, 0, stream, &INTERNAL_ERROR);
        }
    });
    let received = received(&proxy);
    assert!(!received.ends_with(b"0\r\n\r\n"), "{received:?}");
    let line = proxy.logged("forwarding_failed", |line| line["error"] == "app_reset");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("INTERNAL_ERROR"), "{detail}");
}

#[test]
fn a_stream_that_is_reset_before_its_answer_is_not_sent_again() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let app = std::thread::spawn(move || {
        let mut connection = Raw::accept(&listener);
        let stream = connection.request();
        connection.write(RST_STREAM, 0, stream, &INTERNAL_ERROR);
        let stream = connection.request();
        connection.answer(stream);
        connection
    });
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    app.join().unwrap();
}

#[test]
fn an_answer_of_another_length_than_it_said_does_not_look_whole() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let _app = std::thread::spawn(move || {
        let mut connection = Raw::accept(&listener);
        for body in [&b"short"[..], b"longer than ten", b"short"] {
            let stream = connection.request();
            let head = [STATUS_200, &field("content-length", "10")].concat();
            connection.write(HEADERS, END_HEADERS, stream, &head);
            connection.write(DATA, END_STREAM, stream, body);
        }
        let _ = connection.next(HEADERS);
    });
    for _ in 0..3 {
        let received = String::from_utf8(received(&proxy)).unwrap();
        let is_whole = received
            .split_once("\r\n\r\n")
            .is_some_and(|(head, body)| head.starts_with("HTTP/1.1 200") && body.len() >= 10);
        assert!(!is_whole, "{received}");
    }
    proxy.logged("forwarding_failed", |line| line["error"] == "app_garbage");
}

#[test]
fn what_breaks_the_rules_is_no_answer_and_not_sent_again() {
    for head in [
        field("x-no", "status"),
        [STATUS_200, &field("connection", "close")].concat(),
        [STATUS_200, &field("transfer-encoding", "chunked")].concat(),
        [STATUS_200, &field("X-Upper", "case")].concat(),
    ] {
        let (listener, url) = listen();
        let proxy = start_on(&url, "");
        let app = std::thread::spawn(move || {
            let mut connection = Raw::accept(&listener);
            let stream = connection.request();
            connection.write(HEADERS, END_HEADERS | END_STREAM, stream, &head);
            assert!(connection.next(HEADERS).is_none(), "it was sent again");
            listener.set_nonblocking(true).unwrap();
            assert!(listener.accept().is_err(), "it was sent again");
        });
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
        proxy.logged("forwarding_failed", |line| line["error"] == "app_garbage");
        drop(proxy);
        app.join().unwrap();
    }
}

#[test]
fn an_app_that_does_not_read_is_not_waited_for_for_ever() {
    let app = Http2App::behaving(|stream: Stream| async move {
        let _kept = stream;
        std::future::pending().await
    });
    let proxy = start(&app, "upstream_timeout = \"400ms\"");
    let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 4 << 20]));
    assert_eq!(answer.status, 504);
    proxy.logged("forwarding_failed", |line| line["error"] == "app_too_slow");
}

#[test]
fn an_answer_without_an_end_is_cut_in_time() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        let head = http::Response::new(());
        let mut sending = stream.respond.send_response(head, false).unwrap();
        loop {
            sending.reserve_capacity(10_000);
            let Some(Ok(room)) =
                std::future::poll_fn(|context| sending.poll_capacity(context)).await
            else {
                return;
            };
            sending.send_data(vec![b'x'; room].into(), false).unwrap();
        }
    });
    let proxy = start(&app, "upstream_timeout = \"400ms\"");
    let received = received(&proxy);
    assert!(!received.ends_with(b"0\r\n\r\n"));
    proxy.logged("forwarding_failed", |line| line["error"] == "app_too_slow");
}

#[test]
fn a_sender_that_does_not_read_holds_up_no_other() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        let length = if stream.read().await == b"{}" {
            2
        } else {
            32 << 20
        };
        stream.answer(200, vec![b'x'; length]).await;
    });
    let proxy = start(&app, "upstream_timeout = \"10m\"");
    let mut idle: Vec<Client> = (0..20).map(|_| Client::connect(proxy.address)).collect();
    for client in &mut idle {
        client.send(&Kind::Twenty.request(b"{\"large\":1}").bytes());
        // It has begun.
        client.stream.read_exact(&mut [0; 1]).unwrap();
    }
    for _ in 0..5 {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).body, b"xx");
    }
    assert_eq!(app.connections(), 1);
}
