//! Time limits that cost nothing where there is nothing to wait for.
//!
//! Most of what a request needs is there when it is asked for: the rest of a header, a small body,
//! room in a socket. So a future is first polled once, and only one that has to wait gets a timer.
//!
//! Futures are taken as pinned references: one that is moved in would be stored twice in the future that
//! awaits it, and every idle connection keeps that memory.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

/// The result of `future`, if it is there without waiting.
pub(crate) async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// The result of `future`, if it is there within `limit`.
///
/// # Errors
/// [`Elapsed`] where it is not.
pub(crate) async fn within<F: Future>(
    limit: Duration,
    mut future: Pin<&mut F>,
) -> Result<F::Output, Elapsed> {
    match at_once(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout(limit, future).await,
    }
}

/// The result of `future`, and how long it had to be waited for.
pub(crate) async fn timed<F: Future>(mut future: Pin<&mut F>) -> (F::Output, Duration) {
    if let Some(output) = at_once(future.as_mut()).await {
        return (output, Duration::ZERO);
    }
    let began = Instant::now();
    let output = future.await;
    (output, began.elapsed())
}

/// The end of a time limit that begins now. A limit that is too long for the clock counts as a year.
pub(crate) fn after(limit: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    let now = Instant::now();
    now.checked_add(limit.min(YEAR)).unwrap_or(now)
}
