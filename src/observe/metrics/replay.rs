//! What is counted of replay protection, once a process.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

use super::buckets::SECONDS_OF_REPLAY_STORE;

/// Claims of requests, by what became of them.
pub struct ReplayMetrics {
    claims: IntCounterVec,
    /// Requests that came for the first time.
    pub new: IntCounter,
    /// Requests that had come before.
    pub replayed: IntCounter,
    /// Requests that the app did not take, and that may come again.
    pub released: IntCounter,
    /// Requests that were forgotten before they expired, because there was no room.
    pub evicted: IntCounter,
    /// Requests of which the store did not say whether they came before.
    pub failed: IntCounter,
    /// How long the store takes to answer.
    pub store_seconds: Histogram,
    /// Requests that are remembered in memory.
    pub entries: IntGauge,
    /// 0 while the store is known not to do its part.
    pub store_up: IntGauge,
}

impl ReplayMetrics {
    /// Fresh metrics.
    ///
    /// # Errors
    /// Only if a name is none.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let claims = IntCounterVec::new(
            Opts::new(
                "hookward_replay_claims_total",
                "Verified requests, by whether they came before. result=\"failed\": the replay store did not \
                 answer, the event \"replay_store_failed\" says why; \"evicted\": forgotten too soon, raise \
                 replay.capacity; \"released\": the app did not take it, so it may come again.",
            ),
            &["result"],
        )?;
        let of = |result| claims.with_label_values(&[result]);
        Ok(Self {
            new: of("new"),
            replayed: of("replayed"),
            released: of("released"),
            evicted: of("evicted"),
            failed: of("failed"),
            store_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "hookward_replay_store_seconds",
                    "How long the replay store takes to say whether a request came before. Keep it well below \
                     replay.timeout.",
                )
                .buckets(SECONDS_OF_REPLAY_STORE.to_vec()),
            )?,
            entries: IntGauge::new(
                "hookward_replay_entries",
                "Requests remembered in memory. Keep replay.capacity above their peak.",
            )?,
            store_up: IntGauge::new(
                "hookward_replay_store_up",
                "0 while the replay store does not do its part: the event \"replay_store_failed\" says why. 1 until it \
                 was asked for the first time, and in memory.",
            )?,
            claims,
        })
    }

    /// All of them, to be registered.
    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.claims.clone()),
            Box::new(self.store_seconds.clone()),
            Box::new(self.entries.clone()),
            Box::new(self.store_up.clone()),
        ]
    }
}
