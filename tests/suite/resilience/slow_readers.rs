//! A sender that is slow to read its answer gets all of it, also when the server ends the connection meanwhile, and is
//! in nobody's way.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio::time::interval;

use super::start;
use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::http2::{Http2Client, exchange};
use crate::support::protocol::Protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

/// Less than the system keeps for a connection over loopback, so that the server has written all of it long before it is
/// read.
const ANSWER_BYTES: usize = 60_000;
/// At every tick so much is read.
const READ_BYTES: usize = 200;
/// The answer takes three seconds.
const TICK: Duration = Duration::from_millis(10);
/// Nothing is read after the beginning.
const LATER: Duration = Duration::from_secs(3_600);

/// A connection that is read slowly.
async fn connect(address: SocketAddr, tick: Duration) -> DuplexStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (near, far) = duplex(1 << 20);
    let (mut from_server, mut to_server) = stream.into_split();
    let (mut from_client, mut to_client) = tokio::io::split(far);
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    tokio::spawn(async move {
        let mut ticks = interval(tick);
        let mut piece = [0; READ_BYTES];
        while let Ok(count @ 1..) = from_server.read(&mut piece).await {
            to_client.write_all(&piece[..count]).await.unwrap();
            ticks.tick().await;
        }
        let _ = to_client.shutdown().await;
    });
    near
}

/// An app whose answers are long.
fn app() -> App {
    App::behaving(|stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok()
            && stream.write_all(&vec![b'x'; ANSWER_BYTES]).is_ok()
    })
}

/// A sender over HTTP/2 whose answer was written, and which it reads slowly.
struct SlowReader {
    client: Http2Client,
    answer: JoinHandle<Result<Answer, h2::Error>>,
}

impl SlowReader {
    fn new(proxy: &Proxy, tick: Duration) -> Self {
        let connecting = connect(proxy.sender_address, tick);
        let client = Http2Client::over(connecting, Protocol::current().is_tls());
        let request = Kind::Twenty.request(b"{}");
        let exchange = exchange(client.requests(), request, client.scheme());
        let answer = client.spawn(exchange);
        proxy.logged("request", |line| line["answer_bytes"] == ANSWER_BYTES);
        Self { client, answer }
    }

    fn gets_its_answer(self) {
        let answer = self.client.block_on(self.answer).unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body.len(), ANSWER_BYTES);
    }
}

fn lost_by_no_stop() {
    let app = app();
    let proxy = start("shutdown_grace = \"5m\"", &app, "access_log = true");
    let reader = SlowReader::new(&proxy, TICK);
    proxy.signal("-TERM");
    reader.gets_its_answer();
    assert_eq!(proxy.wait().code(), Some(0));
}

fn lost_by_no_time_limit() {
    let app = app();
    let server = "keepalive_timeout = \"100ms\"";
    let proxy = start(server, &app, "access_log = true");
    SlowReader::new(&proxy, TICK).gets_its_answer();
}

fn in_nobodys_way() {
    let app = app();
    let server = "max_connections = 1\nkeepalive_timeout = \"100ms\"\nbody_timeout = \"10m\"";
    let proxy = start(server, &app, "access_log = true");
    let _reader = SlowReader::new(&proxy, TICK);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"[]")).status, 200);
}

/// Runs a test over both forms of HTTP/2.
fn over_http2(test: fn()) {
    for protocol in [Protocol::Http2, Protocol::Http2OverTls] {
        protocol.run(test);
    }
}

#[test]
fn an_answer_that_is_read_slowly_is_not_lost_by_a_stop() {
    over_http2(lost_by_no_stop);
}

#[test]
fn an_answer_that_is_read_slowly_is_not_lost_when_the_connection_was_idle_for_long() {
    over_http2(lost_by_no_time_limit);
}

#[test]
fn a_newcomer_does_not_wait_for_an_answer_that_is_read_slowly() {
    over_http2(in_nobodys_way);
}

#[test]
fn a_newcomer_does_not_wait_for_the_reader_of_a_connection_that_is_being_closed() {
    Protocol::Http2.run(|| {
        let app = app();
        let server = "max_connections = 1\nkeepalive_timeout = \"100ms\"\nbody_timeout = \"10m\"";
        let proxy = start(server, &app, "access_log = true");
        let _reader = SlowReader::new(&proxy, LATER);
        // As the system lists it: the end of the connection is written, and waits behind the answer.
        let ended = format!(":{:04X} 04", proxy.sender_address.port());
        eventually("the end of the connection", || {
            let listed = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let of_server = |line: &&str| {
                let mut words = line.split_whitespace().skip(1);
                let (local, state) = (words.next(), words.nth(1));
                local
                    .zip(state)
                    .is_some_and(|(local, state)| format!("{local} {state}").ends_with(&ended))
            };
            listed.lines().find(of_server).map(drop)
        });
        assert_eq!(proxy.send(&Kind::Twenty.request(b"[]")).status, 200);
    });
}

#[test]
fn a_newcomer_takes_the_place_of_an_idle_connection_that_its_sender_keeps_open() {
    Protocol::Http2.run(|| {
        let app = App::start();
        let proxy = start("max_connections = 1", &app, "");
        let mut idle = std::net::TcpStream::connect(proxy.sender_address).unwrap();
        // The preface, and empty SETTINGS.
        idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .unwrap();
        let mut settings = [0; 9];
        idle.read_exact(&mut settings).unwrap();
        assert_eq!(proxy.send(&Kind::Twenty.request(b"[]")).status, 200);
    });
}
