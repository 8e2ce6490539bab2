//! What is done once a second, whether there are requests or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::edge::shared::Shared;
use crate::observe::metrics::NONE;

/// Once a second, closes connections to apps that are of no use any more, and says how many refusals
/// the log left out.
pub(crate) async fn keep_house(shared: Arc<Shared>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        shared.services.connector.sweep().await;
        let active = shared.active.load_full();
        for route in &active.all_routes {
            route.log_limits.next_second(&route.name);
        }
        active.unrouted.next_second(NONE);
    }
}
