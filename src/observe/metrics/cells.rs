//! What is counted, below the labels: numbers that many threads add to without a lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use prometheus::core::Metric;
use prometheus::{Histogram, HistogramOpts, proto};

use super::quantile::quantile;
use crate::verify::Timestamp;

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A time, or none yet. Holds milliseconds; 0 is none.
#[derive(Debug, Default)]
pub(super) struct Moment(AtomicU64);

impl Moment {
    /// Sets the time, or that there is none.
    pub(super) fn set(&self, at: Option<Timestamp>) {
        let millis = at.map_or(0, |at| at.as_millis().max(1));
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis > 0).then(|| Timestamp::from_millis(millis))
    }
}

/// How long something is, or nothing. Holds milliseconds; 0 is nothing.
#[derive(Debug, Default)]
pub(super) struct Span(AtomicU64);

impl Span {
    /// Sets how long, or that there is nothing.
    pub(super) fn set(&self, span: Option<Duration>) {
        let millis = span.map_or(0, |span| {
            u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
        });
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Duration> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }
}

/// Counters by what they count. Adding to one that was looked up before takes no lock.
#[derive(Debug)]
pub(super) struct Counters<K>(Mutex<BTreeMap<K, Arc<Counter>>>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Ord> Counters<K> {
    /// The counter of `key`, which is made at 0 if there is none.
    pub(super) fn of(&self, key: K) -> Arc<Counter> {
        Arc::clone(self.lock().entry(key).or_default())
    }

    /// All counters and what they count.
    pub(super) fn all(&self) -> Vec<(K, u64)> {
        let counters = self.lock();
        let all = counters.iter();
        all.map(|(key, counter)| (*key, counter.get())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Arc<Counter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A distribution, which takes no room and shows nothing before its first value.
pub struct Distribution {
    buckets: &'static [f64],
    histogram: OnceLock<Option<Histogram>>,
}

impl Distribution {
    pub(super) const fn new(buckets: &'static [f64]) -> Self {
        Self {
            buckets,
            histogram: OnceLock::new(),
        }
    }

    /// Adds a value.
    pub fn observe(&self, value: f64) {
        let histogram = self.histogram.get_or_init(|| {
            // Its name and labels are those of its family, and are given when it is shown.
            let options = HistogramOpts::new("distribution", "-").buckets(self.buckets.to_vec());
            // It fails only where the buckets do not ascend.
            Histogram::with_opts(options).ok()
        });
        if let Some(histogram) = histogram {
            histogram.observe(value);
        }
    }

    /// The values that these shares of all do not exceed, as [`quantile`] estimates them. `None` before the first value.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> Option<[f64; N]> {
        let metric = self.get()?;
        let histogram = metric.get_histogram();
        let buckets = histogram.get_bucket().iter();
        let buckets: Vec<(f64, u64)> = buckets
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .collect();
        let count = histogram.get_sample_count();
        let mut found = [0.0; N];
        for (found, share) in found.iter_mut().zip(shares) {
            *found = quantile(share, &buckets, count)?;
        }
        Some(found)
    }

    pub(super) fn get(&self) -> Option<proto::Metric> {
        self.histogram.get()?.as_ref().map(Metric::metric)
    }
}

#[cfg(test)]
mod tests {
    use super::super::buckets;
    use super::*;

    #[test]
    fn every_distribution_can_be_made() {
        for buckets in buckets::ALL {
            let distribution = Distribution::new(buckets);
            assert!(distribution.get().is_none());
            distribution.observe(1.0);
            let metric = distribution.get().unwrap();
            assert_eq!(metric.get_histogram().get_sample_count(), 1);
        }
    }
}
