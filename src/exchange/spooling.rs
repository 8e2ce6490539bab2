//! What a route with a spool does with a request that the app does not take, or that is stored before it is sent.

use crate::active::Route;
use crate::handoff::{Outbound, Stored};
use crate::spool::{Cause, EventId, Spool, StoreError};
use crate::verify::Timestamp;

/// A request that can be stored, and has not been.
pub(super) struct Spoolable<'a> {
    spool: &'a Spool,
    route: &'a Route,
    received_at: Timestamp,
    request: Stored,
}

impl<'a> Spoolable<'a> {
    /// The request `outbound`, if its route stores what the app does not take.
    pub(super) fn of(
        spool: &'a Spool,
        route: &'a Route,
        received_at: Timestamp,
        outbound: &Outbound,
    ) -> Option<Self> {
        route.spool.is_on().then(|| Self {
            spool,
            route,
            received_at,
            request: Stored::of(outbound),
        })
    }

    /// Whether it is stored before anything is sent: because its route says so, or because others of its route wait,
    /// and it must not come before them.
    pub(super) fn goes_first(&self) -> bool {
        let rule = &self.route.spool;
        rule.stores_first() || (rule.in_order && self.spool.has_waiting(&self.route.name))
    }

    /// Stores the request.
    pub(super) async fn store(&self, cause: Cause) -> Result<EventId, StoreError> {
        let request = self.request.clone();
        self.spool
            .keep(self.route, request, self.received_at, cause)
            .await
    }

    /// The app has answered, and not that it failed: what waits for that is tried.
    pub(super) fn app_answers(&self) {
        self.spool.app_answers(&self.route.name);
    }
}
