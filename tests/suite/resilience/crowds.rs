//! Many senders at once, most of them hostile: requests that are complete are served, and nobody holds
//! more memory, or a connection for longer, than the configuration says.

use std::io::Write;
use std::time::{Duration, Instant};

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

const MIB: u64 = 1 << 20;
/// The time limit for connections that only get empty lines.
const LIMIT: Duration = Duration::from_millis(300);

/// A request whose header passes, with a signature that no secret gives.
fn forged(body: &[u8]) -> Request {
    let tag = "0".repeat(64);
    Kind::Twenty
        .request(body)
        .with("X-Twenty-Webhook-Signature", tag)
}

/// The memory of a process that is in use, in bytes.
fn resident(proxy: &Proxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib << 10
}

/// Sends line ends around the time limit of connections and after it, on each in turn, so that each gets whole
/// lines.
fn send_empty_lines(clients: &mut [Client]) {
    let began = Instant::now();
    while began.elapsed() < 4 * LIMIT {
        for client in &mut *clients {
            let _ = client.stream.write_all(b"\r\n");
        }
    }
}

#[test]
fn empty_lines_do_not_keep_a_connection() {
    let app = App::start();
    let first = start("header_timeout = \"300ms\"", &app, "");
    let further = start("keepalive_timeout = \"300ms\"", &app, "");
    let fresh = (0..8).map(|_| Client::connect(first.address));
    let kept = (0..8).map(|_| {
        let mut client = Client::connect(further.address);
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
        client
    });
    let mut clients: Vec<Client> = kept.chain(fresh).collect();
    send_empty_lines(&mut clients);
    for client in &mut clients {
        assert!(client.is_closed());
    }
    for proxy in [first, further] {
        eventually("the connections to be gone", || {
            (proxy.metric("hookward_connections") == 0.0).then_some(())
        });
    }
}

#[test]
fn bodies_that_do_not_come_give_way_to_requests_that_are_complete() {
    let app = App::start();
    let proxy = start("max_buffered_bytes = \"1MiB\"", &app, "");
    let mut stalled: Vec<Client> = Vec::new();
    for _ in 0..40 {
        let request = forged(&[b'x'; 65_535]);
        let mut client = Client::connect(proxy.address);
        client.send(&request.head_bytes());
        client.send_what_is_taken(&[b'x'; 60_000]);
        stalled.push(client);
    }
    eventually("the room to be used up", || {
        (proxy.metric("hookward_buffered_bytes") > 950_000.0).then_some(())
    });
    for kind in [Kind::Twenty, Kind::V3, Kind::KeyHeader] {
        for size in [2, 3_000, 60_000] {
            let body = vec![b'y'; size];
            let answer = proxy.send(&kind.request(&body));
            assert_eq!(answer.status, 200, "{kind:?} {size}");
            assert_eq!(app.next().body, body);
        }
    }
    proxy.logged("refused", |line| line["reason"] == "overloaded");
    assert!(proxy.metric("hookward_buffered_bytes") <= MIB as f64);
}

#[test]
fn half_requests_take_no_more_memory_than_the_limit_says() {
    const CONNECTIONS: usize = 500;
    // What the limit says, and as much again: the system's allocator keeps some.
    let bound = 2 * (2 * MIB + 500 * (16 << 10));
    let app = App::start();
    let header = [b"POST /twenty HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 60_000]].concat();
    let lines: String = (0..240)
        .map(|line| format!("X-{line:03}: {}\r\n", "x".repeat(240)))
        .collect();
    let refused = format!("POST /nowhere HTTP/1.1\r\nHost: h\r\n{lines}");
    let rest = format!("{refused}Content-Length: 9000\r\n\r\nx");
    let next_byte = format!("{refused}\r\nP");
    let first_byte = [forged(&[b'x'; 65_535]).head_bytes(), b"x".to_vec()].concat();
    for (what, bytes) in [
        ("headers without an end", header),
        ("the first byte of a body", first_byte),
        ("a refused request without its rest", rest.into_bytes()),
        (
            "the first byte after a refused request",
            next_byte.into_bytes(),
        ),
    ] {
        let proxy = start("max_buffered_bytes = \"2MiB\"", &app, "");
        let before = resident(&proxy);
        let mut clients: Vec<Client> = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = Client::connect(proxy.address);
            client.send_what_is_taken(&bytes);
            clients.push(client);
        }
        // All of it has been read once one that came later is answered on every worker thread.
        for _ in 0..20 {
            assert_eq!(
                proxy.send(&Kind::Twenty.request(b"{}")).status,
                200,
                "{what}"
            );
        }
        let grown = resident(&proxy).saturating_sub(before);
        assert!(grown < bound, "{what}: {grown} bytes");
        assert!(proxy.metric("hookward_buffered_bytes") <= (2 * MIB) as f64);
    }
}

#[test]
fn a_request_that_has_arrived_is_served_on_a_connection_that_has_to_go() {
    let app = App::start();
    let proxy = start("max_connections = 4", &app, "");
    let good = || Kind::Twenty.request(b"{}").bytes();
    for _ in 0..40 {
        eventually("room for new connections", || {
            (proxy.metric("hookward_connections") == 0.0).then_some(())
        });
        let mut kept: Vec<Client> = (0..4).map(|_| Client::connect(proxy.address)).collect();
        for client in &mut kept {
            client.send(&good());
            assert_eq!(client.answer("POST").status, 200);
        }
        for client in &mut kept {
            client.send(&good());
        }
        // All of that has arrived before the newcomers that take the connections' places.
        let mut newcomers: Vec<Client> = (0..4).map(|_| Client::connect(proxy.address)).collect();
        for client in &mut kept {
            assert_eq!(client.answer("POST").status, 200);
        }
        // Each of them was taken or turned away before the next round.
        for newcomer in &mut newcomers {
            newcomer.send_what_is_taken(&good());
            let _ = newcomer.try_answer("POST");
        }
    }
}
