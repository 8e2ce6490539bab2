//! Ending a connection whose sender may still read an answer.
//!
//! While it reads, a sender of HTTP/2 goes on sending: window updates, at least. On a connection that is closed they
//! make the system answer with a reset, and what the sender has not read by then may be lost.

use std::os::fd::RawFd;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::sleep;

use crate::edge::http1::incoming::Incoming;
use crate::edge::linger::MAX_DROPPED_BYTES;
use crate::os::socket::is_all_received;

/// How long a sender whose system has received everything may take to read it.
const MOMENT: Duration = Duration::from_secs(1);
/// How long it may take to receive and to read everything, where the system does not tell what it has received.
const UNTOLD: Duration = Duration::from_secs(5);
/// How often it is looked whether a sender has received what there was for it.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether a sender has everything, to which nothing was written for as long as `idle`.
pub(super) fn has_received(socket: RawFd, idle: Duration) -> bool {
    is_enough(idle, is_all_received(socket))
}

/// Whether a sender may be taken to have read everything that was on its way for so long.
fn is_enough(waited: Duration, is_all_received: Option<bool>) -> bool {
    match is_all_received {
        Some(true) => waited >= MOMENT,
        Some(false) => false,
        None => waited >= UNTOLD,
    }
}

/// Ends our side of a connection and reads it until its sender has ended it too, has received everything and had a
/// moment to read it, or `limit` is over.
pub(super) async fn read_until_received(stream: Stream, limit: Duration) {
    let socket = stream.id();
    let received = async {
        let mut waited = Duration::ZERO;
        loop {
            sleep(LOOK_EVERY).await;
            let is_all_received = is_all_received(socket);
            waited = match is_all_received {
                Some(false) => Duration::ZERO,
                _ => waited.saturating_add(LOOK_EVERY),
            };
            if is_enough(waited, is_all_received) {
                return;
            }
        }
    };
    tokio::select! {
        () = Incoming::new(stream).close(MAX_DROPPED_BYTES, limit) => {}
        () = received => {}
    }
}
