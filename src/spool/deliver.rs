//! What the spool asks of those who can send: to make an attempt, by the configuration of the moment.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::store::{Lease, StoreError};
use crate::active::Route;
use crate::handoff::Delivery;

/// What became of an attempt.
#[derive(Clone, Debug)]
pub(crate) enum Attempted {
    /// The app answered.
    Answered {
        status: u16,
        /// How long the app wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer, for this reason.
    Unanswered(String),
    /// Nothing was sent: there is no memory, or no descriptor, for it now.
    NoRoom,
    /// Nothing was sent: the store does not give the request.
    Unloaded(StoreError),
}

pub(crate) type Attempting<'a> = Pin<Box<dyn Future<Output = Attempted> + Send + 'a>>;

/// Makes attempts.
pub(crate) trait Deliver: Send + Sync + 'static {
    /// The routes that there are now.
    fn routes(&self) -> Vec<Arc<Route>>;

    /// The route of this name, as it is now. `None` where it is gone.
    fn route(&self, name: &str) -> Option<Arc<Route>>;

    /// Sends an event's request to the app of its route. Bounded by the route's time limits.
    fn send<'a>(
        &'a self,
        route: &'a Arc<Route>,
        lease: &'a dyn Lease,
        delivery: Delivery<'a>,
    ) -> Attempting<'a>;
}
