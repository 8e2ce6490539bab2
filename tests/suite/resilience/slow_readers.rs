//! A sender that is slow to read its answer gets all of it, also when the server closes the connection meanwhile.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, copy, duplex};
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsConnector;

use super::start;
use crate::support::PATIENCE;
use crate::support::app::App;
use crate::support::http2::exchange;
use crate::support::protocol::{Certificates, Protocol, server_name};
use crate::support::sign::Kind;

/// Less than the system keeps for the sender, so that the server has written all of it long before it is read.
const ANSWER_BYTES: usize = 60_000;
/// At every tick so much is read: the answer takes three seconds.
const READ_BYTES: usize = 200;
const TICK: Duration = Duration::from_millis(10);

/// A connection that is read slowly.
async fn connect(address: SocketAddr) -> DuplexStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (near, far) = duplex(1 << 20);
    let (mut from_server, mut to_server) = stream.into_split();
    let (mut from_client, mut to_client) = tokio::io::split(far);
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    tokio::spawn(async move {
        let mut ticks = interval(TICK);
        let mut piece = [0; READ_BYTES];
        while let Ok(count @ 1..) = from_server.read(&mut piece).await {
            to_client.write_all(&piece[..count]).await.unwrap();
            ticks.tick().await;
        }
        let _ = to_client.shutdown().await;
    });
    near
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> SendRequest<bytes::Bytes> {
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// The answer arrives whole, although the server is stopped once it has written it.
fn arrives_whole() {
    let app = App::behaving(|stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok()
            && stream.write_all(&vec![b'x'; ANSWER_BYTES]).is_ok()
    });
    let proxy = start("shutdown_grace = \"5m\"", &app, "access_log = true");
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let is_tls = Protocol::current().is_tls();
    let address = proxy.sender_address;
    let requests = runtime.block_on(async {
        let stream = connect(address).await;
        if is_tls {
            let config = Arc::new(Certificates::get().client(&["h2"]));
            let connector = TlsConnector::from(config);
            handshake(connector.connect(server_name(), stream).await.unwrap()).await
        } else {
            handshake(stream).await
        }
    });
    let scheme = if is_tls { "https" } else { "http" };
    let request = Kind::Twenty.request(b"{}");
    let answering = runtime.spawn(exchange(requests, request, scheme));
    proxy.logged("request", |line| line["answer_bytes"] == ANSWER_BYTES);
    proxy.signal("-TERM");
    let answer = runtime.block_on(async { timeout(PATIENCE, answering).await });
    let answer = answer.expect("it takes too long").unwrap().unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.len(), ANSWER_BYTES);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn an_answer_that_is_read_slowly_is_not_lost_by_a_stop() {
    for protocol in [Protocol::Http2, Protocol::Http2OverTls] {
        protocol.run(arrives_whole);
    }
}
