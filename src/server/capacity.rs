//! How many connections the limit of open files has room for.

use crate::edge::connections::Limits;
use crate::os::descriptors::raise_descriptor_limit;

/// Descriptors that are not for connections: files, the resolver, the admin address, the event loops.
const RESERVE: u64 = 64;

/// What the process can serve at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Connections from senders.
    pub(crate) connections: Limits,
    /// Connections to apps, kept ones included.
    pub(crate) app_connections: usize,
}

impl Capacity {
    /// The capacity for `max_connections`, as configured, under a limit of open files.
    ///
    /// For each connection from a sender there is one to an app, because its request may need it. An eighth
    /// of the descriptors is for further senders, which are only answered that there is no room.
    pub(crate) fn new(max_connections: usize, open_files: Option<u64>) -> Self {
        let Some(open_files) = open_files else {
            return Self {
                connections: Limits {
                    max: max_connections,
                    surplus: 0,
                },
                app_connections: usize::MAX,
            };
        };
        let reserve = RESERVE.min(open_files.saturating_mul(3) / 8);
        let descriptors = open_files.saturating_sub(reserve);
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let surplus = descriptors / 8;
        let max = (descriptors.saturating_sub(surplus) / 2).min(max_connections);
        let surplus = max_connections.saturating_sub(max).min(surplus);
        Self {
            connections: Limits { max, surplus },
            app_connections: descriptors.saturating_sub(max).saturating_sub(surplus),
        }
    }

    /// The capacity under the limit of open files that this process has, raised as far as the system allows.
    /// Logs if that is less than was asked for.
    pub(crate) fn of_process(max_connections: usize) -> Self {
        let open_files = raise_descriptor_limit();
        let capacity = Self::new(max_connections, open_files);
        capacity.warn_if_lowered(max_connections, open_files);
        capacity
    }

    /// Logs that fewer connections are served than were asked for, if that is so.
    fn warn_if_lowered(&self, max_connections: usize, open_files: Option<u64>) {
        if self.connections.max < max_connections {
            tracing::warn!(
                event = "max_connections_lowered",
                max_connections,
                now = self.connections.max,
                open_files,
                "each connection takes two of the open files; raise their limit, or lower \
                 max_connections"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_room_for_one_to_the_app() {
        for open_files in [0, 1, 10, 64, 256, 1_024, 20_000, 1 << 20] {
            for wanted in [1, 100, 10_000] {
                let capacity = Capacity::new(wanted, Some(open_files));
                let Limits { max, surplus } = capacity.connections;
                assert!(capacity.app_connections >= max);
                assert!((max + surplus + capacity.app_connections) as u64 <= open_files);
                assert!(max + surplus <= wanted);
            }
        }
        let capacity = Capacity::new(10_000, Some(1_024));
        assert_eq!(
            capacity.connections,
            Limits {
                max: 420,
                surplus: 120
            }
        );
        assert_eq!(capacity.app_connections, 420);
        let limits = Capacity::new(100, Some(1_024)).connections;
        assert_eq!(
            limits,
            Limits {
                max: 100,
                surplus: 0
            }
        );
        assert_eq!(Capacity::new(100, None).connections.max, 100);
    }
}
