//! The spool of this process: which store it has, and how its events get to their apps.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::background::Background;
use super::sockets::StartError;
use crate::active::Route;
use crate::config::SpoolConfig;
use crate::edge::shared::Shared;
use crate::exchange::delivery;
use crate::handoff::Delivery;
use crate::observe::metrics::SpoolMetrics;
use crate::spool::{Attempting, Deliver, Lease, Spool, Work};

/// The name under which a successor is handed the lock of a store.
pub(crate) const LOCK: &str = "spool.lock";

/// Opens the store that is configured, with the lock of a predecessor that has it open. What it does not do is counted
/// in `metrics`. What the store does besides is to be run.
///
/// # Errors
/// [`StartError::Spool`] where it cannot be opened.
pub(super) fn open(
    config: Option<&SpoolConfig>,
    lock: Option<OwnedFd>,
    metrics: &SpoolMetrics,
) -> Result<(Arc<Spool>, Option<Work>), StartError> {
    let (spool, work) = Spool::open(config, lock, metrics).map_err(StartError::Spool)?;
    Ok((Arc::new(spool), work))
}

/// Has the events of a process delivered.
pub(super) fn run(background: &mut Background, shared: &Arc<Shared>, work: Option<Work>) {
    let deliveries = Arc::new(Deliveries(Arc::clone(shared)));
    let spool = Arc::clone(&shared.services.spool);
    background.add("spool", spool.run(deliveries));
    if let Some(work) = work {
        background.add("spool store", work);
    }
}

/// Sends stored events as live requests are sent, by the configuration in use.
struct Deliveries(Arc<Shared>);

impl Deliver for Deliveries {
    fn routes(&self) -> Vec<Arc<Route>> {
        self.0.active.load().all_routes.clone()
    }

    fn route(&self, name: &str) -> Option<Arc<Route>> {
        let active = self.0.active.load();
        active
            .all_routes
            .iter()
            .find(|route| &*route.name == name)
            .cloned()
    }

    fn send<'a>(
        &'a self,
        route: &'a Arc<Route>,
        lease: &'a dyn Lease,
        delivery: Delivery<'a>,
    ) -> Attempting<'a> {
        Box::pin(delivery::deliver(&self.0.services, route, lease, delivery))
    }
}
