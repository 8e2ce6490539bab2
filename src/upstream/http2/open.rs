//! Beginning HTTP/2 on a new connection.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use pingora::protocols::Stream;
use tokio::time::{Instant, timeout_at};

use super::connection::drive;
use super::errors::NotHttp2;
use super::life::{Beginning, Life};
use super::transport::Transport;
use crate::last_in_line::last_in_line;
use crate::os::descriptors::Slot;

/// How much of an answer the app may send before it is passed on, in bytes.
const STREAM_WINDOW: u32 = 64 << 10;
/// How much of all answers of a connection: a sender that does not read must not hold up the others.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// How much of a request waits for the system, in bytes.
const SEND_BUFFER: usize = 64 << 10;
/// The largest head of an answer, in bytes as RFC 9113 section 6.5.2 counts them.
const MAX_HEAD: u32 = 1 << 20;

/// A connection on which the app has begun HTTP/2 too. Waits for that, so that nothing is sent to an app that
/// speaks something else, and no more streams are opened than it allows.
///
/// # Errors
/// [`NotHttp2`].
pub(super) async fn open(
    stream: Stream,
    slot: Option<Slot>,
    deadline: Instant,
) -> Result<(SendRequest<Bytes>, Arc<Life>), NotHttp2> {
    let life = Arc::new(Life::new(slot));
    let transport = Transport::new(stream, Arc::clone(&life));
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEAD)
        .enable_push(false);
    let beginning = async {
        let begun = builder.handshake(transport).await;
        let (requests, connection) = begun.map_err(|_| NotHttp2::Ended)?;
        tokio::spawn(last_in_line(drive(connection, Arc::clone(&life))));
        let has_begun = |life: &Life| life.is_over() || life.beginning() != Beginning::Unknown;
        life.until(has_begun).await;
        match life.beginning() {
            Beginning::Http2 => Ok(requests),
            Beginning::Other => Err(NotHttp2::OtherProtocol),
            Beginning::Unknown => Err(NotHttp2::Ended),
        }
    };
    let begun = timeout_at(deadline, beginning).await;
    let requests = begun.map_err(|_| NotHttp2::Silent)??;
    Ok((requests, life))
}
