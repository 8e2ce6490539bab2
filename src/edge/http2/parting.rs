//! Ending a connection whose sender may still read an answer.
//!
//! While it reads, a sender of HTTP/2 goes on sending: window updates, at least. On a connection that is closed they
//! make the system answer with a reset, and what the sender has not read by then may be lost.

use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::sleep;

use crate::edge::http1::incoming::Incoming;
use crate::edge::linger::MAX_DROPPED_BYTES;
use crate::os::socket::is_all_received;

/// How long a sender whose system has received everything may take to read it.
const MOMENT: Duration = Duration::from_secs(1);
/// How often is looked what it has received.
const LOOK: Duration = Duration::from_millis(100);

/// Ends our side of a connection and reads it until its sender has ended it too, has received everything a moment ago,
/// or `limit` is over. No answer was written in the last `idle`.
pub(super) async fn part(stream: Stream, idle: Duration, limit: Duration) {
    let socket = stream.id();
    let received = async {
        let mut received_for = idle;
        loop {
            sleep(LOOK).await;
            received_for = received_for.saturating_add(LOOK);
            if !is_all_received(socket) {
                received_for = Duration::ZERO;
            } else if received_for >= MOMENT {
                return;
            }
        }
    };
    tokio::select! {
        () = Incoming::new(stream).close(MAX_DROPPED_BYTES, limit) => {}
        () = received => {}
    }
}
