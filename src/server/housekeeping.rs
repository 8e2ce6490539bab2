//! What is done once a second, whether there are requests or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::edge::connection::Shared;
use crate::observe::metrics::NONE;

/// Once a second, closes connections to apps that are of no use any more, and says how many refusals
/// the log left out.
pub(crate) async fn keep_house(shared: Arc<Shared>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        shared.dialler.sweep();
        let site = shared.site.load_full();
        let routed = site.all_routes.iter();
        let routed = routed.map(|route| (&*route.name, &route.refusals));
        for (route, refusals) in routed.chain([(NONE, &site.unrouted)]) {
            let omitted = refusals.next_second();
            if omitted > 0 {
                tracing::warn!(event = "refused_omitted", route, count = omitted);
            }
        }
    }
}
