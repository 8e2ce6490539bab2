//! What is done once a second, whether there are requests or not.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::admin::Spare;
use crate::edge::shared::Shared;
use crate::observe::metrics::NONE;
use crate::os::descriptors::lacks_descriptors;
use crate::status::Status;
use crate::verify::Timestamp;

/// Once a second, closes connections to apps that are of no use any more, says how many refusals the log left out, goes
/// on with the history, and makes room where the process is out of file descriptors. `spare` are some that are kept for a
/// scrape; `status` has the history of the last hour.
pub(crate) async fn keep_house(shared: Arc<Shared>, status: Arc<Status>, spare: Arc<Spare>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        shared.services.connector.sweep().await;
        find_descriptors(&shared, &spare);
        let now = Timestamp::from(SystemTime::now());
        shared.services.replay.tidy(now);
        let active = shared.active.load_full();
        status.tick(&active, now);
        for route in &active.all_routes {
            route.log_limits.next_second(&route.name);
        }
        active.unrouted.next_second(NONE);
    }
}

/// While there is no descriptor left, Pingora pauses for a second before it accepts again. By then there are
/// some: those that are kept, and that of an idle connection.
fn find_descriptors(shared: &Shared, spare: &Spare) {
    match File::open("/dev/null") {
        Ok(_) => spare.hold(),
        Err(error) if lacks_descriptors(&error) => {
            tracing::error!(
                event = "accept_failed",
                error = %error,
                "there is no file descriptor for a new connection"
            );
            spare.release();
            shared.connections.make_room();
        }
        Err(_) => {}
    }
}
