//! No sender takes more time, memory or connections than it is given.

use std::io::Write;
use std::sync::{Arc, Barrier};

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Framing};
use crate::support::eventually;
use crate::support::sign::Kind;

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
    let good = || Kind::Twenty.request(b"{}").bytes();
    let mut clients: Vec<Client> = (0..2).map(|_| Client::connect(proxy.address)).collect();
    for client in &mut clients {
        client.send(&good());
        assert_eq!(client.answer("POST").status, 200);
    }
    let mut newcomer = Client::connect(proxy.address);
    newcomer.send(&good());
    assert_eq!(newcomer.answer("POST").status, 200);
    assert!(clients[0].is_closed(), "the longest idle");
    clients[1].send(&good());
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
fn a_refused_request_does_not_take_the_next_one_on_its_connection_along() {
    let app = App::start();
    let proxy = start("", &app, "");
    let good = || Kind::Twenty.request(b"{}").bytes();
    let mut client = Client::connect(proxy.address);
    let sizes = [0, 2, 3_000, 60_000, 1 << 20];
    for framing in [Framing::Length, Framing::Chunked(1_000)] {
        for size in sizes {
            let unsigned = Kind::Twenty
                .request(&vec![b'x'; size])
                .without("X-Twenty-Webhook-Signature")
                .framed(framing);
            client.send(&unsigned.head_bytes());
            assert_eq!(client.answer("POST").status, 401);
            client.send(&[&unsigned.body_bytes()[..], &good()].concat());
            assert_eq!(client.answer("POST").status, 200, "{framing:?}, {size}");
            app.next();
        }
    }
    eventually("the room", || {
        (proxy.metric("hookward_buffered_bytes") == 0.0).then_some(())
    });
}

#[test]
fn whether_a_refused_sender_that_waits_to_go_on_sends_its_body_is_not_guessed() {
    let app = App::start();
    let proxy = start("", &app, "");
    let unsigned = Kind::Twenty
        .request(b"{}")
        .without("X-Twenty-Webhook-Signature")
        .header("Expect", "100-continue");
    let mut client = Client::connect(proxy.address);
    client.send(&unsigned.head_bytes());
    assert_eq!(client.answer("POST").status, 401);
    client.send_what_is_taken(&Kind::Twenty.request(b"{}").bytes());
    assert!(client.is_closed());
    app.assert_nothing_more();
}
