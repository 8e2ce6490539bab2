//! Whether the limit of open files has room for `max_connections`.

use super::report::Line;
use super::serving::Serving;
use crate::config::Config;
use crate::os::descriptors::raise_descriptor_limit;
use crate::server::Capacity;

const CHECK: &str = "open-files";

/// Asks the process that serves for its limit; where none does, this process has to stand for it.
pub(super) async fn check(config: &Config, serving: Option<&Serving<'_>>) -> Line {
    let wanted = config.server.max_connections;
    let of_serving = match serving {
        Some(serving) => serving.sum("process_max_fds", &[]).await,
        None => None,
    };
    let (open_files, whose) = match of_serving.filter(|limit| *limit >= 1.0) {
        Some(limit) => (Some(whole(limit)), "of the process that serves"),
        None => (raise_descriptor_limit(), "of this user's processes"),
    };
    let Some(open_files) = open_files else {
        return Line::ok(CHECK, "max_connections", "the system has no limit");
    };
    let served = Capacity::new(wanted, Some(open_files)).connections.max;
    let text = format!(
        "{served} of the {wanted} connections of max_connections have room in the limit {whose}, \
         {open_files}"
    );
    if served >= wanted {
        return Line::ok(CHECK, "max_connections", text);
    }
    let needed = needed(wanted);
    let fix = format!(
        "raise the limit to {needed} (`LimitNOFILE=` of systemd, `ulimit -n`), or lower max_connections"
    );
    Line::warning(CHECK, "max_connections", text, fix)
}

/// A limit of files is a whole number, and casting saturates.
fn whole(limit: f64) -> u64 {
    limit as u64
}

/// The smallest limit under which so many connections are served.
fn needed(connections: usize) -> u64 {
    let is_enough =
        |limit: u64| Capacity::new(connections, Some(limit)).connections.max >= connections;
    let (mut too_few, mut enough) = (0_u64, u64::MAX);
    while enough.saturating_sub(too_few) > 1 {
        let middle = too_few.midpoint(enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_advised_is_just_enough() {
        for connections in [1, 100, 10_000] {
            let limit = needed(connections);
            let served = |limit| Capacity::new(connections, Some(limit)).connections.max;
            assert_eq!(served(limit), connections);
            assert!(served(limit - 1) < connections, "{limit}");
        }
    }
}
