//! Which protocol a connection speaks, and serving it.

use std::sync::Arc;

use bytes::Bytes;
use pingora::protocols::Stream;

use super::connection::Connection;
use super::{http2, tls};
use crate::read_ahead::{FRAMES_BYTES, ReadAhead};
use crate::transport;

/// Serves the requests of a connection until one side is done, in tasks of their own: neither the handshake nor a
/// protocol keeps room for another.
pub(crate) fn serve(connection: Connection, stream: Stream) {
    if connection.is_tls {
        tokio::spawn(serve_tls(connection, stream));
    } else {
        tokio::spawn(serve_http(connection, stream));
    }
}

/// Shakes hands, and has what follows served.
async fn serve_tls(connection: Connection, stream: Stream) {
    let shaking = tls::handshake(stream, connection.peer, &connection.shared);
    let shaken = tokio::select! {
        biased;
        shaken = shaking => shaken,
        () = connection.may_not_begin() => None,
    };
    match shaken {
        Some((stream, true)) => serve_http2(connection, stream, Bytes::new()),
        Some((stream, false)) => {
            tokio::spawn(serve_http(connection, stream));
        }
        None => {}
    }
}

/// Serves HTTP/1, or HTTP/2 where the sender begins with it and may.
async fn serve_http(connection: Connection, stream: Stream) {
    if let Some((connection, stream, read)) = connection.serve_http1(stream).await {
        let socket = stream.id();
        let stream = transport::stream(ReadAhead::new(stream, FRAMES_BYTES), socket);
        serve_http2(connection, stream, read);
    }
}

fn serve_http2(connection: Connection, stream: Stream, read: Bytes) {
    tokio::spawn(http2::connection::serve(Arc::new(connection), stream, read));
}
