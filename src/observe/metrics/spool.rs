//! How many events wait for their apps, as the store says when it is asked.

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts};

/// What is stored.
pub struct SpoolMetrics {
    events: IntGaugeVec,
    oldest: GaugeVec,
    bytes: IntGaugeVec,
    failures: IntCounterVec,
    up: IntGaugeVec,
}

/// What is stored of one route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpooledOf<'a> {
    /// The name of the route.
    pub route: &'a str,
    /// How many events wait for the app.
    pub waiting: u64,
    /// How many are dead letters.
    pub dead: u64,
    /// How long the oldest has waited, in seconds; 0 where none waits.
    pub oldest_seconds: f64,
}

impl SpoolMetrics {
    /// Fresh metrics.
    ///
    /// # Errors
    /// Only if a name is none.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            events: IntGaugeVec::new(
                Opts::new(
                    "hookward_spool_events",
                    "Stored events. state=\"waiting\": their app has not taken them yet; \"dead\": it refused them, or \
                     they became too old: `hookward spool list` says why.",
                ),
                &["route", "state"],
            )?,
            oldest: GaugeVec::new(
                Opts::new(
                    "hookward_spool_oldest_seconds",
                    "How long the oldest event has waited for its app. Alert well before spool_max_age.",
                ),
                &["route"],
            )?,
            bytes: IntGaugeVec::new(
                Opts::new(
                    "hookward_spool_bytes",
                    "Bytes of all stored events. Keep spool.max_bytes well above their peak.",
                ),
                &[],
            )?,
            failures: IntCounterVec::new(
                Opts::new(
                    "hookward_spool_failures_total",
                    "What the store of the spool was asked to do, and did not: the event \"spool_failed\" says why. \
                     Verified requests that it does not take are answered as without a spool.",
                ),
                &[],
            )?,
            up: IntGaugeVec::new(
                Opts::new(
                    "hookward_spool_up",
                    "0 while the store of the spool does not answer, or has not kept an event in the last minute: the \
                     event \"spool_failed\" says why. 1 until it was asked for the first time.",
                ),
                &[],
            )?,
        })
    }

    /// What there is now, and nothing of routes that are not named.
    pub fn set<'a>(&self, routes: impl IntoIterator<Item = SpooledOf<'a>>, bytes: u64) {
        self.events.reset();
        self.oldest.reset();
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for of in routes {
            for (state, events) in [("waiting", of.waiting), ("dead", of.dead)] {
                let gauge = self.events.with_label_values(&[of.route, state]);
                gauge.set(count(events));
            }
            let oldest = self.oldest.with_label_values(&[of.route]);
            oldest.set(of.oldest_seconds);
        }
        self.bytes.with_label_values::<&str>(&[]).set(count(bytes));
    }

    /// Counts what the store was asked to do, and did not. It is there from now on: ask where there is a store.
    #[must_use]
    pub fn failures(&self) -> IntCounter {
        self.failures.with_label_values::<&str>(&[])
    }

    /// Whether the store does its part. It is there from now on: say so where there is a store.
    pub fn set_up(&self, is_up: bool) {
        self.up.with_label_values::<&str>(&[]).set(is_up.into());
    }

    /// All of them, to be registered.
    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 5] {
        [
            Box::new(self.events.clone()),
            Box::new(self.oldest.clone()),
            Box::new(self.bytes.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.up.clone()),
        ]
    }
}
