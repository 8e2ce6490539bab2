//! Reading the body of a refused request to its end, and dropping it.
//!
//! A connection from a proxy in front carries requests of many senders. Once that proxy has sent all of
//! a request it takes the connection for the next, and to close it then would lose a good one to a
//! forger's.

use std::pin::pin;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncReadExt;

use crate::edge::connection::LINGER;
use crate::http1::chunked::{Decoder, Step};
use crate::http1::head::Framing;
use crate::os::socket::SenderStream;
use crate::request::body::len_of;
use crate::time_limit::within;

/// A larger body of a refused request is not read to its end.
pub(crate) const MAX_DROPPED_BYTES: u64 = 32 << 20;
/// It is read in pieces of this size.
const DROP_BUFFER_BYTES: usize = 16 << 10;

/// Reads the body of a refused request and drops it. `false` if it does not come soon, or not well.
pub(crate) async fn drop_body(
    unread: Framing,
    stream: &mut SenderStream,
    buffer: &mut BytesMut,
) -> bool {
    let dropping = async {
        match unread {
            Framing::None => true,
            Framing::Length(length) => drop_length(length, stream, buffer).await,
            Framing::Chunked => drop_chunks(stream, buffer).await,
        }
    };
    within(LINGER, pin!(dropping)).await.unwrap_or(false)
}

/// Reads so many bytes and drops them. `false` if there are fewer.
pub(crate) async fn drop_length(
    mut left: u64,
    stream: &mut SenderStream,
    buffer: &mut BytesMut,
) -> bool {
    loop {
        let dropped = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        buffer.advance(dropped);
        left = left.saturating_sub(u64::try_from(dropped).unwrap_or(u64::MAX));
        if left == 0 {
            return true;
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        buffer.reserve(wanted.min(DROP_BUFFER_BYTES));
        if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
            return false;
        }
    }
}

async fn drop_chunks(stream: &mut SenderStream, buffer: &mut BytesMut) -> bool {
    let mut decoder = Decoder::default();
    let mut dropped = 0_u64;
    while dropped <= MAX_DROPPED_BYTES {
        match decoder.next(buffer) {
            Ok(Step::Data(piece)) => {
                dropped = dropped.saturating_add(len_of(&piece));
                tokio::task::consume_budget().await;
            }
            Ok(Step::End) => return true,
            Ok(Step::More) => {
                buffer.reserve(DROP_BUFFER_BYTES);
                if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
    false
}
