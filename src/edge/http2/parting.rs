//! Ending a connection whose sender may still read an answer.
//!
//! While it reads, a sender of HTTP/2 goes on sending: window updates, at least. On a connection that is closed they
//! make the system answer with a reset, and what the sender has not read by then is lost.

use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::sleep;

use crate::edge::http1::incoming::Incoming;
use crate::edge::linger::MAX_DROPPED_BYTES;
use crate::os::socket::is_all_received;

/// How long a sender has to end the connection too, even if its system has received everything, and how often that is
/// looked at.
const MOMENT: Duration = Duration::from_secs(1);

/// Ends our side of a connection and reads it until its sender has ended it too, has received everything or `limit` is
/// over.
pub(super) async fn part(stream: Stream, limit: Duration) {
    let socket = stream.id();
    let received = async {
        loop {
            sleep(MOMENT).await;
            if is_all_received(socket) {
                return;
            }
        }
    };
    tokio::select! {
        () = Incoming::new(stream).close(MAX_DROPPED_BYTES, limit) => {}
        () = received => {}
    }
}
