//! Lets what is in flight end before the process does.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::edge::shared::Shared;

/// Waits until all connections are closed and all requests are sent to their apps, for at most
/// `shutdown_grace`. For use after accepting has ended. Returns whether everything ended by itself.
pub(crate) async fn drain(shared: &Arc<Shared>) -> bool {
    let grace = shared.active.load().server.shutdown_grace;
    let now = Instant::now();
    let deadline = now.checked_add(grace).unwrap_or(now);
    let closed = timeout_at(deadline, shared.connections.closed()).await;
    let is_closed = closed.is_ok() || !shared.connections.is_any_busy();
    if !is_closed {
        tracing::warn!(event = "shutdown_grace_over", "requests in flight were cut");
    }
    // An app may answer a request and go on reading it, after the connection to the sender is closed.
    let uploads = &shared.services.unfinished_uploads;
    uploads.close();
    let is_sent = timeout_at(deadline, uploads.wait()).await.is_ok();
    if !is_sent {
        tracing::warn!(
            event = "unfinished_uploads_cut",
            count = uploads.len(),
            "requests were cut that apps had answered before they had read all of them"
        );
    }
    is_closed && is_sent
}
