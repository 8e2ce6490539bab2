//! Which protocol a connection speaks, and serving it.

use std::sync::Arc;

use bytes::Bytes;
use pingora::protocols::Stream;

use super::connection::Connection;
use super::{http2, tls};
use crate::read_ahead::{FRAMES_BYTES, ReadAhead};
use crate::transport;

/// Serves requests until one side is done.
pub(crate) async fn serve(connection: Connection, stream: Stream) {
    if !connection.is_tls {
        return serve_http(connection, stream).await;
    }
    let shaken = {
        // A handshake needs room that the connection does not keep.
        let shaking = Box::pin(tls::handshake(stream, connection.peer, &connection.shared));
        tokio::select! {
            biased;
            shaken = shaking => shaken,
            () = connection.may_not_begin() => None,
        }
    };
    match shaken {
        Some((stream, true)) => serve_http2(connection, stream, Bytes::new()),
        Some((stream, false)) => serve_http(connection, stream).await,
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

/// In a task of its own: neither protocol keeps room for the other.
fn serve_http2(connection: Connection, stream: Stream, read: Bytes) {
    tokio::spawn(http2::connection::serve(Arc::new(connection), stream, read));
}
