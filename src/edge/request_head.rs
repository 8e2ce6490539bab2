//! Reads the head of a request: waits for its first byte, and reads until it is complete.
//!
//! The time limit is for a whole head and not for one read. What a head takes beyond what every connection
//! may hold is counted with the bodies, and gives way like them.

use std::sync::Arc;
use std::task::Poll;

use super::http1::incoming::{FREE_BYTES, Incoming};
use crate::http1::head;
use crate::observe::refusals::Explanation;
use crate::peer::Peer;
use crate::reason::Reason;
use crate::request::budget::{Budget, Reservation};
use crate::request::refusal::Refusal;

/// The result of reading a head.
pub(super) enum Next {
    /// A complete head: its length, and how much memory it takes beyond what is free, in bytes.
    Request {
        head_bytes: usize,
        held_bytes: u64,
    },
    Refused(Refusal),
    /// Nothing (more) to serve.
    Closed,
}

/// Reads the first bytes of a request; empty lines do not begin one. `false` if there are none.
pub(super) async fn begin(incoming: &mut Incoming) -> bool {
    loop {
        if has_begun(incoming) {
            return true;
        }
        let read = std::future::poll_fn(|context| incoming.poll_fill(context));
        if !matches!(read.await, Ok(1..)) {
            return false;
        }
        // What has arrived already is read without waiting. Without this, a sender of empty lines could keep
        // the caller's timer and other tasks from running.
        tokio::task::consume_budget().await;
    }
}

/// Whether a request has begun in what was read. Empty lines before it are ignored (RFC 9112 section
/// 2.2), and a carriage return alone may be the first half of one.
pub(super) fn has_begun(incoming: &mut Incoming) -> bool {
    let buffer = incoming.buffer();
    let pairs = buffer.chunks_exact(2);
    let empty = pairs.take_while(|pair| *pair == b"\r\n").count();
    let _ = buffer.split_to(empty.saturating_mul(2).min(buffer.len()));
    !matches!(&**buffer, b"" | b"\r")
}

/// Reads until the head is complete.
pub(super) async fn read(
    incoming: &mut Incoming,
    max_bytes: usize,
    budget: &Arc<Budget>,
    peer: Peer,
) -> (Next, Option<Reservation>) {
    let mut reservation = None;
    let next = read_within(incoming, max_bytes, budget, peer, &mut reservation).await;
    (next, reservation)
}

async fn read_within(
    incoming: &mut Incoming,
    max_bytes: usize,
    budget: &Arc<Budget>,
    peer: Peer,
    reservation: &mut Option<Reservation>,
) -> Next {
    let mut searched = 0;
    loop {
        let buffer = incoming.buffer();
        let end = match head::find_end(buffer, searched) {
            Ok(end) => end,
            Err(error) => {
                return Next::Refused(Refusal::text(Reason::BadRequest, error.as_str()));
            }
        };
        let header_bytes = end.unwrap_or(buffer.len());
        if header_bytes > max_bytes {
            let explanation = Explanation {
                limit: u64::try_from(max_bytes).ok(),
                header_bytes: u64::try_from(header_bytes).ok(),
                ..Explanation::text("the header is over max_header_bytes")
            };
            let refusal = Refusal::explained(Reason::BadRequest, explanation);
            return Next::Refused(refusal.answered_with(431));
        }
        let held_bytes = held(buffer.capacity());
        if let Some(head_bytes) = end {
            if let Some(reservation) = reservation.as_mut() {
                reservation.stop_waiting();
            }
            return Next::Request {
                head_bytes,
                held_bytes,
            };
        }
        searched = buffer.len();
        let read = std::future::poll_fn(|context| {
            let read = incoming.poll_fill(context);
            let held = held(incoming.buffer().capacity());
            if read.is_pending() && held > 0 {
                let place = reservation.get_or_insert_with(|| budget.reserve_nothing(peer));
                if place.wait(held, context.waker()).is_err() {
                    return Poll::Ready(Err(()));
                }
            }
            read.map(|read| Ok(read.unwrap_or(0)))
        });
        match read.await {
            Ok(1..) => {}
            Ok(0) => return Next::Closed,
            Err(()) => {
                let text = "max_buffered_bytes are in use, and this header, which is not complete, \
                            gave way to others";
                return Next::Refused(Refusal::text(Reason::Overloaded, text));
            }
        }
    }
}

/// What a buffer takes beyond what is free.
fn held(capacity: usize) -> u64 {
    u64::try_from(capacity.saturating_sub(FREE_BYTES)).unwrap_or(u64::MAX)
}
