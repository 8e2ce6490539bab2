//! A claim while its request is on its way to the app.

use std::sync::Arc;

use tokio::time::timeout;

use super::store::{Claim, End};
use super::stores::InUse;

/// A claimed request. Dropped, it is released: whatever ends a request other than the app's taking it, the same
/// request may come again.
pub(crate) struct ClaimGuard {
    /// `None` once it has ended.
    held: Option<Held>,
}

struct Held {
    claim: Claim,
    /// What made the claim, and learns how it ends, also where another is in use by then.
    made_by: Arc<InUse>,
}

impl ClaimGuard {
    pub(super) fn new(claim: Claim, made_by: Arc<InUse>) -> Self {
        Self {
            held: Some(Held { claim, made_by }),
        }
    }

    /// The app has taken the request.
    pub(crate) fn keep(mut self) {
        if let Some(held) = self.held.take() {
            held.made_by.store.end(held.claim, End::Kept);
        }
    }

    /// The app has not taken the request. Returns once the store knows that, or was given the time that it has: a
    /// sender that is told of it may send the same request again at once, and to another process.
    pub(crate) async fn release(mut self) {
        if let Some(held) = self.held.take()
            && let Some(known) = held.release()
        {
            let _ = timeout(held.made_by.store.patience(), known).await;
        }
    }
}

impl Held {
    fn release(&self) -> Option<tokio::sync::oneshot::Receiver<()>> {
        self.made_by.metrics.replay.released.inc();
        self.made_by.store.end(self.claim, End::Released)
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.release();
        }
    }
}
