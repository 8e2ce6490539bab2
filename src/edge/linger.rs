//! How much of a refused request is still read, and over HTTP/1 for how long.
//!
//! A connection or stream that is closed while its sender still sends destroys the answer on its way, and a
//! proxy in front may take it for the end of others. So what comes is read and dropped, within bounds. Over
//! HTTP/2 the time is `body_timeout`: the other streams of the connection do not wait for it.

use std::time::Duration;

/// Time limit for writing an answer of our own over HTTP/1, and then for reading what is left of its request.
const LINGER: Duration = Duration::from_secs(5);

/// A larger body of a refused request is not read to its end, in bytes.
pub(super) const MAX_DROPPED_BYTES: u64 = 32 << 20;

/// How long an answer of our own may take, and then the rest of its request: no longer than
/// `body_timeout`.
pub(super) fn linger(body_timeout: Duration) -> Duration {
    LINGER.min(body_timeout)
}
