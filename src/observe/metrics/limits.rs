//! What there is room for, so that an alert can say how near it is without knowing the configuration.

use prometheus::core::Collector;
use prometheus::{IntGauge, IntGaugeVec, Opts};

use crate::config::{Config, SpoolConfig};

/// The limits of a process.
pub struct LimitMetrics {
    connections: IntGauge,
    buffered_bytes: IntGauge,
    replay_entries: IntGaugeVec,
    spool_bytes: IntGaugeVec,
}

impl LimitMetrics {
    /// Fresh metrics.
    ///
    /// # Errors
    /// Only if a name is none.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        // What some stores have no limit for is not there then, which a gauge without labels cannot be.
        let where_limited = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &[]);
        Ok(Self {
            connections: IntGauge::new(
                "hookward_connections_limit",
                "How many connections from senders may be open at once: max_connections, or less where the limit of \
                 open files has no room for them. Raise whichever is smaller.",
            )?,
            buffered_bytes: IntGauge::new(
                "hookward_buffered_bytes_limit",
                "max_buffered_bytes: how many bytes of bodies and large headers may be held. Raise it where senders \
                 are told to come again although the app is quick.",
            )?,
            replay_entries: where_limited(
                "hookward_replay_entries_limit",
                "replay.capacity: how many requests may be remembered in memory; absent with Redis. Raise it where \
                 hookward_replay_entries comes near.",
            )?,
            spool_bytes: where_limited(
                "hookward_spool_bytes_limit",
                "spool.max_bytes: how many bytes all stored events may take; absent without [spool] and with NATS. \
                 Raise it where hookward_spool_bytes comes near.",
            )?,
        })
    }

    /// The limits of the configuration in use; `connections` is how many the process has room for.
    pub fn set(&self, config: &Config, connections: usize) {
        self.connections.set(shown(connections));
        self.buffered_bytes
            .set(shown(config.server.max_buffered_bytes));
        show(&self.replay_entries, config.replay.capacity().map(shown));
        let bytes = match &config.spool {
            Some(SpoolConfig::Disk(disk)) => Some(shown(disk.max_bytes)),
            Some(SpoolConfig::Nats(_)) | None => None,
        };
        show(&self.spool_bytes, bytes);
    }

    /// All of them, to be registered.
    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.connections.clone()),
            Box::new(self.buffered_bytes.clone()),
            Box::new(self.replay_entries.clone()),
            Box::new(self.spool_bytes.clone()),
        ]
    }
}

fn shown(limit: impl TryInto<i64>) -> i64 {
    limit.try_into().unwrap_or(i64::MAX)
}

/// Shows a limit, or nothing.
fn show(gauge: &IntGaugeVec, limit: Option<i64>) {
    match limit {
        Some(limit) => gauge.with_label_values::<&str>(&[]).set(limit),
        None => gauge.reset(),
    }
}
