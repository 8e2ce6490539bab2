//! What is held for a request from its verdict to its end.
//!
//! A request ends by [`Custody::settle`] or by being dropped; either way, what was held for it is let go.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::forward_result::{ForwardResult, record_cut_upload};
use crate::active::Route;
use crate::observe::refusals::Asked;
use crate::os::descriptors::Slot;
use crate::request::budget::Reservation;

/// What is held for a permitted request.
pub(super) struct Custody {
    /// The memory that it takes. It is given back once the answer is done and the request is sent.
    _reservation: Reservation,
    /// The file descriptor of the connection to the app.
    _slot: Slot,
}

impl Custody {
    /// Takes a permitted request into custody.
    pub(super) fn take(reservation: Reservation, slot: Slot) -> Self {
        Self {
            _reservation: reservation,
            _slot: slot,
        }
    }

    /// The exchange is over. What the app has not been sent yet is sent in the background, as part of
    /// what a server that stops waits for.
    pub(super) fn settle(
        self,
        mut result: ForwardResult,
        uploads: &TaskTracker,
        route: Arc<Route>,
        asked: impl Fn() -> Asked,
    ) {
        let Some(unfinished) = result.unfinished.take() else {
            return;
        };
        let asked = asked();
        uploads.spawn(async move {
            if !unfinished.finish().await {
                record_cut_upload(&route, &asked, result.app_status);
            }
            drop(self);
        });
    }
}
