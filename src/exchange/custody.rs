//! What is held for a request from its verdict to its end.
//!
//! This is the one place after the verdict: what claims a request before it is forwarded (so that it
//! counts once), or takes it over where the app does not take it (so that it is not lost), is taken into
//! custody here and hears how it ended. Whatever happens, the request ends by [`Custody::settle`] or by
//! being dropped, and what was held is let go.

use crate::request::budget::Reservation;

use super::outcome::Outcome;

/// What is held for a permitted request.
pub(super) struct Custody {
    /// The memory that it takes. It is given back once the answer is done and the request is sent.
    reservation: Reservation,
}

impl Custody {
    /// Takes a permitted request into custody.
    pub(super) fn take(reservation: Reservation) -> Self {
        Self { reservation }
    }

    /// The exchange is over. What the app has not been sent yet is sent in the background, as part of
    /// what a server that stops waits for.
    pub(super) fn settle(self, outcome: &mut Outcome) {
        let Self { reservation } = self;
        if let Some(unfinished) = outcome.unfinished.take() {
            tokio::spawn(async move {
                unfinished.finish().await;
                drop(reservation);
            });
        }
    }
}
