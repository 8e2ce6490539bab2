//! An answer that is cut off never looks whole, one that does not end is ended, and one that comes
//! early does not cut the request off.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::{as_http10, read_to_end, start, start_on};
use crate::support::app::App;
use crate::support::client::{Client, Framing};
use crate::support::sign::{self, Kind};
use crate::support::{PATIENCE, eventually};

#[test]
fn an_answer_cut_off_never_looks_whole() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let app = App::behaving(move |stream, _| {
            let _ = stream.write_all(half.as_bytes());
            false
        });
        let proxy = start("", &app, "");
        let mut client = Client::connect(proxy.address);
        client.send(&Kind::Twenty.request(b"{}").bytes());
        let received = String::from_utf8(read_to_end(&mut client)).unwrap();
        assert!(!received.ends_with("0\r\n\r\n"), "{half:?}: {received:?}");
        if received.contains(" 200 ") {
            let (_, body) = received.split_once("\r\n\r\n").unwrap();
            assert!(body.len() < 10, "{half:?}: {received:?}");
        } else {
            assert!(
                received.starts_with("HTTP/1.1 502 "),
                "{half:?}: {received:?}"
            );
        }
        proxy.logged("forwarding_failed", |_| true);
    }
}

#[test]
fn half_an_answer_is_not_a_whole_one_for_a_sender_without_chunks() {
    for half in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let app = App::behaving(move |stream, _| {
            let _ = stream.write_all(half.as_bytes());
            false
        });
        let proxy = start("", &app, "");
        let mut client = Client::connect(proxy.address);
        client.send(&as_http10(&Kind::Twenty.request(b"{}").bytes()));
        let received = String::from_utf8(read_to_end(&mut client)).unwrap();
        assert!(
            received.starts_with("HTTP/1.1 502 "),
            "{half:?}: {received:?}"
        );
    }
}

#[test]
fn an_app_that_answers_and_reads_no_further_does_not_hold_up_the_senders_next_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = [0; 100];
            stream.read_exact(&mut first).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).unwrap();
            kept.push(stream);
        }
    });
    // Longer than the test may take.
    let extra = "upstream_timeout = \"10m\"";
    let proxy = start_on(&sign::routes(format_args!("http://{address}"), extra));
    let mut client = Client::connect(proxy.address);
    for _ in 0..3 {
        client.send(&Kind::Twenty.request(&vec![b'x'; 8 << 20]).bytes());
        assert_eq!(client.answer("POST").status, 200);
    }
}

#[test]
fn an_answer_that_never_ends_is_ended() {
    fn drip(stream: &mut std::net::TcpStream, head: &str) -> bool {
        let mut is_open = stream.write_all(head.as_bytes()).is_ok();
        while is_open {
            is_open = stream.write_all(b"x").is_ok();
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
    let dripping_head = App::behaving(|stream, _| drip(stream, "HTTP/1.1 200 OK\r\nX-Slow: "));
    let dripping_body =
        App::behaving(|stream, _| drip(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"));
    let flooding = App::behaving(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
        false
    });
    let informing = App::behaving(|stream, _| {
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {}
        false
    });
    for (name, app, status) in [
        ("a head that drips", dripping_head, Some(504)),
        ("a body that drips", dripping_body, None),
        ("a body without an end", flooding, None),
        ("no final answer", informing, Some(504)),
    ] {
        let proxy = start("", &app, "upstream_timeout = \"400ms\"");
        let mut client = Client::connect(proxy.address);
        client.send(&Kind::Twenty.request(b"{}").bytes());
        let received = read_to_end_or_close(&mut client, status);
        let own = status.map(|status| format!("HTTP/1.1 {status} "));
        let has_own = own.is_some_and(|own| {
            let found = received
                .windows(own.len())
                .any(|window| window == own.as_bytes());
            assert!(found, "{name}: {:?}", String::from_utf8_lossy(&received));
            found
        });
        assert!(has_own || !received.ends_with(b"0\r\n\r\n"), "{name}");
        proxy.logged("forwarding_failed", |line| line["error"] == "app_too_slow");
    }
}

/// Reads until the end, or until the answer of ours is there: that one leaves its connection open.
fn read_to_end_or_close(client: &mut Client, own: Option<u16>) -> Vec<u8> {
    let mut received = Vec::new();
    let mut chunk = [0; 65_536];
    let wanted = own.map(|status| format!("HTTP/1.1 {status} ").into_bytes());
    loop {
        let read = client.stream.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return received;
        }
        received.extend_from_slice(&chunk[..read]);
        let is_there = |wanted: &Vec<u8>| received.windows(wanted.len()).any(|w| w == wanted);
        if wanted.as_ref().is_some_and(is_there) {
            return received;
        }
    }
}

#[test]
fn an_app_that_answers_early_still_gets_the_whole_request() {
    use std::sync::mpsc;
    let (sender, read) = mpsc::channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 100];
        stream.read_exact(&mut first).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
        stream.write_all(answer).unwrap();
        let mut received = first.to_vec();
        let mut chunk = [0; 65_536];
        while !received.ends_with(b"the end") {
            match stream.read(&mut chunk) {
                Ok(read @ 1..) => received.extend_from_slice(&chunk[..read]),
                _ => break,
            }
        }
        sender.send(received).unwrap();
    });
    let proxy = start_on(&sign::routes(format_args!("http://{address}"), ""));
    let body = [&vec![b'x'; 8 << 20][..], b"the end"].concat();
    let answer = proxy.send(&Kind::Twenty.request(&body));
    assert_eq!((answer.status, &*answer.body), (200, &b"early"[..]));
    let received = read.recv_timeout(PATIENCE).unwrap();
    let end = received.windows(4).position(|window| window == b"\r\n\r\n");
    let received = &received[end.unwrap() + 4..];
    assert!(
        received == body,
        "{} of {} bytes",
        received.len(),
        body.len()
    );
}

#[test]
fn an_early_refusal_reaches_the_sender_though_the_app_reads_no_further() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = [0; 100];
            stream.read_exact(&mut first).unwrap();
            let answer = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
            stream.write_all(answer).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
    });
    let proxy = start_on(&sign::routes(format_args!("http://{address}"), ""));
    for _ in 0..5 {
        let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 8 << 20]));
        assert_eq!((answer.status, &*answer.body), (413, &b"big"[..]));
    }
}

#[test]
fn a_sender_that_does_not_read_its_answer_is_not_waited_for_for_ever() {
    let app = App::behaving(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n");
        stream.write_all(&vec![b'x'; 32 << 20]).is_ok()
    });
    let proxy = start("body_timeout = \"300ms\"", &app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").framed(Framing::Length).bytes());
    let series = "hookward_responses_total{origin=\"app\",route=\"twenty\",status=\"200\"}";
    eventually("the answer's record", || {
        (proxy.metric(series) == 1.0).then_some(())
    });
    eventually("the end of the connection", || {
        (proxy.metric("hookward_connections") == 0.0).then_some(())
    });
    proxy.logged("sender_gone", |line| line["app_status"] == 200);
}
