//! Connections that end, and what is sent again then: only what certainly was not processed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::support::client::Client;
use crate::support::http2_app::{DATA, HEADERS, RST_STREAM, Raw, Stream};
use crate::support::sign::Kind;
use crate::support::{PATIENCE, eventually};

const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];

/// What was logged of requests that failed.
fn failures(proxy: &Proxy) -> Vec<String> {
    let mut log = proxy.log();
    log.retain(|line| line.contains("forwarding_failed"));
    log
}

#[test]
fn an_app_that_leaves_again_and_again_loses_nothing_and_gets_nothing_twice() {
    const THREADS: usize = 8;
    const EACH: usize = 50;
    let seen: Arc<Mutex<HashMap<Vec<u8>, usize>>> = Arc::default();
    let counted = Arc::clone(&seen);
    let app = Http2App::behaving(move |mut stream: Stream| {
        let counted = Arc::clone(&counted);
        async move {
            let body = stream.read().await;
            let total = {
                let mut counted = counted.lock().unwrap();
                *counted.entry(body).or_default() += 1;
                counted.len()
            };
            if total.is_multiple_of(10) {
                stream.leave.notify_one();
            }
            stream.answer(200, "ok").await;
        }
    });
    let proxy = start(&app, "");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let proxy = &proxy;
            scope.spawn(move || {
                let mut client = Client::connect(proxy.address);
                for index in 0..EACH {
                    let body = format!("{{\"n\":\"{thread}-{index}\"}}");
                    client.send(&Kind::Twenty.request(body.as_bytes()).bytes());
                    let answer = client.answer("POST");
                    assert_eq!(answer.status, 200, "{:?}", failures(proxy));
                }
            });
        }
    });
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), THREADS * EACH);
    assert!(seen.values().all(|count| *count == 1));
    assert!(app.connections() > 5, "{}", app.connections());
}

#[test]
fn a_request_above_the_last_that_the_app_took_is_sent_again() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let app = std::thread::spawn(move || {
        let mut first = Raw::accept(&listener);
        first.request();
        first.go_away(0);
        let mut second = Raw::accept(&listener);
        let stream = second.request();
        second.answer(stream);
        // The first connection must not be used again, and neither is there a third.
        let stream = second.request();
        second.answer(stream);
        (first, second)
    });
    for _ in 0..2 {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    }
    let _connections = app.join().unwrap();
}

#[test]
fn a_request_that_the_app_may_have_processed_is_not_sent_again() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let app = std::thread::spawn(move || {
        let mut first = Raw::accept(&listener);
        let stream = first.request();
        first.go_away(stream);
        drop(first);
        let mut second = Raw::accept(&listener);
        second.request();
        drop(second);
        let mut third = Raw::accept(&listener);
        let last = third.request();
        third.answer(last);
        third
    });
    for status in [502, 502, 200] {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, status);
    }
    let _connection = app.join().unwrap();
    proxy.logged("forwarding_failed", |line| line["error"] == "app_closed");
}

#[test]
fn a_refused_stream_is_sent_again_on_another_connection() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let app = std::thread::spawn(move || {
        let mut first = Raw::accept(&listener);
        let stream = first.request();
        first.write(RST_STREAM, 0, stream, &REFUSED_STREAM);
        let mut second = Raw::accept(&listener);
        let stream = second.request();
        second.answer(stream);
        (first, second)
    });
    let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 100_000]));
    assert_eq!(answer.status, 200);
    let _connections = app.join().unwrap();
    proxy.logged("forwarded", |line| line["attempts"] == 2);
}

#[test]
fn a_request_that_is_always_refused_fails() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "");
    let app = std::thread::spawn(move || {
        let connections: Vec<_> = (0..3)
            .map(|_| {
                let mut connection = Raw::accept(&listener);
                let stream = connection.request();
                connection.write(RST_STREAM, 0, stream, &REFUSED_STREAM);
                connection
            })
            .collect();
        listener.set_nonblocking(true).unwrap();
        (listener, connections)
    });
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    let line = proxy.logged("forwarding_failed", |line| line["error"] == "app_refused");
    assert_eq!(line["attempts"], 3);
    let (listener, _connections) = app.join().unwrap();
    assert!(listener.accept().is_err(), "it was sent a fourth time");
}

#[test]
fn a_connection_that_ended_unnoticed_costs_no_request() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "upstream_idle_timeout = \"10m\"");
    let (sender, ended) = std::sync::mpsc::channel();
    let (end, told) = std::sync::mpsc::channel::<()>();
    let app = std::thread::spawn(move || {
        for _ in 0..20 {
            let mut connection = Raw::accept(&listener);
            let stream = connection.request();
            // All of it is read, so that closing is an end and no reset.
            connection.next(DATA).unwrap();
            connection.answer(stream);
            told.recv_timeout(PATIENCE).unwrap();
            drop(connection);
            sender.send(()).unwrap();
        }
    });
    // The connection's end and the next request arrive together.
    let mut client = Client::connect(proxy.address);
    for _ in 0..20 {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
        proxy.pause();
        end.send(()).unwrap();
        ended.recv_timeout(PATIENCE).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| proxy.signal("-CONT"));
        });
    }
    app.join().unwrap();
}

#[test]
fn an_app_that_restarts_is_found_again() {
    let (listener, url) = listen();
    let address = listener.local_addr().unwrap();
    let answer = |mut stream: Stream| async move { stream.answer(200, "ok").await };
    let app = Http2App::with(&h2::server::Builder::new(), listener, answer);
    let proxy = start_on(&url, "upstream_connect_timeout = \"1m\"");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(client.answer("POST").status, 200);
    drop(app);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let listener = eventually("the address", || TcpListener::bind(address).ok());
    let _app = Http2App::with(&h2::server::Builder::new(), listener, answer);
    assert_eq!(client.answer("POST").status, 200);
}

#[test]
fn an_idle_connection_is_closed() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        stream.answer(200, "ok").await;
    });
    let proxy = start(&app, "upstream_idle_timeout = \"100ms\"");
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    eventually("the connection's end", || (app.ended() == 1).then_some(()));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    assert_eq!(app.connections(), 2);
}

#[test]
fn a_silent_connection_is_not_used_again() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "upstream_timeout = \"500ms\"");
    let app = std::thread::spawn(move || {
        let mut silent = Raw::accept(&listener);
        silent.request();
        // What had arrived before is no sign that it is still there.
        while silent.next(HEADERS).is_some() {}
        let mut second = Raw::accept(&listener);
        let stream = second.request();
        second.answer(stream);
        second
    });
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 504);
    eventually("an answer", || {
        (proxy.send(&Kind::Twenty.request(b"{}")).status == 200).then_some(())
    });
    app.join().unwrap();
}

#[test]
fn a_stop_waits_until_an_answered_request_is_sent_to_its_end() {
    let (go_on, told) = tokio::sync::watch::channel(false);
    let (sender, read) = std::sync::mpsc::channel();
    let app = Http2App::behaving(move |mut stream: Stream| {
        let (mut told, sender) = (told.clone(), sender.clone());
        async move {
            stream.answer(200, "early").await;
            told.wait_for(|told| *told).await.unwrap();
            sender.send(stream.read().await.len()).unwrap();
        }
    });
    let proxy = start(&app, "upstream_timeout = \"10m\"");
    let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 4 << 20]));
    assert_eq!(answer.status, 200);
    proxy.signal("-TERM");
    eventually("the listener to be closed", || {
        Client::try_connect(proxy.address).is_none().then_some(())
    });
    go_on.send(true).unwrap();
    assert_eq!(read.recv_timeout(PATIENCE).unwrap(), 4 << 20);
    assert_eq!(proxy.wait().code(), Some(0));
}
