//! Distributions, and how far one had come at some time: the difference of two is the distribution of what lies between.

use std::sync::OnceLock;

use prometheus::core::Metric;
use prometheus::{Histogram, HistogramOpts, proto};

use super::quantile::{Quantile, quantile};

/// So many limits a distribution has at most: so much is remembered of one for each look that is kept.
const MAX_LIMITS: usize = 12;

/// A distribution, which takes no room and shows nothing before its first value.
pub struct Distribution {
    limits: &'static [f64],
    histogram: OnceLock<Option<Histogram>>,
}

/// How many values there were of a distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many do not exceed each limit.
    below: [u64; MAX_LIMITS],
    all: u64,
}

impl Distribution {
    pub(super) const fn new(limits: &'static [f64]) -> Self {
        Self {
            limits,
            histogram: OnceLock::new(),
        }
    }

    /// Adds a value.
    pub fn observe(&self, value: f64) {
        let histogram = self.histogram.get_or_init(|| {
            // Its name and labels are those of its family, and are given when it is shown.
            let options = HistogramOpts::new("distribution", "-").buckets(self.limits.to_vec());
            // It fails only where the limits do not ascend.
            Histogram::with_opts(options).ok()
        });
        if let Some(histogram) = histogram {
            histogram.observe(value);
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        if let Some(metric) = self.get() {
            let histogram = metric.get_histogram();
            let buckets = histogram.get_bucket().iter();
            for (below, bucket) in counts.below.iter_mut().zip(buckets) {
                *below = bucket.cumulative_count();
            }
            counts.all = histogram.get_sample_count();
        }
        counts
    }

    /// Where the values are that these shares of `counts` do not exceed. `None` where there is no value.
    #[must_use]
    pub fn quantiles<const N: usize>(
        &self,
        counts: &Counts,
        shares: [f64; N],
    ) -> Option<[Quantile; N]> {
        let limits = self.limits.iter().copied();
        let buckets: Vec<(f64, u64)> = limits.zip(counts.below).collect();
        let mut found = [Quantile::default(); N];
        for (found, share) in found.iter_mut().zip(shares) {
            *found = quantile(share, &buckets, counts.all)?;
        }
        Some(found)
    }

    pub(super) fn get(&self) -> Option<proto::Metric> {
        self.histogram.get()?.as_ref().map(Metric::metric)
    }
}

impl Counts {
    /// How many there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.all
    }

    /// What came since `earlier`. Where there were more then, it began anew in the meantime.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if earlier.all > self.all {
            return *self;
        }
        let mut rise = *self;
        for (below, before) in rise.below.iter_mut().zip(earlier.below) {
            *below = below.saturating_sub(before);
        }
        rise.all = rise.all.saturating_sub(earlier.all);
        rise
    }
}

#[cfg(test)]
mod tests {
    use super::super::buckets;
    use super::*;

    #[test]
    fn every_distribution_can_be_made_and_remembered_whole() {
        for limits in buckets::ALL {
            assert!(limits.len() <= MAX_LIMITS);
            let distribution = Distribution::new(limits);
            assert!(distribution.get().is_none());
            assert_eq!(distribution.counts(), Counts::default());
            distribution.observe(1.0);
            let metric = distribution.get().unwrap();
            assert_eq!(metric.get_histogram().get_sample_count(), 1);
            assert_eq!(distribution.counts().all(), 1);
        }
    }

    #[test]
    fn what_came_since_is_judged_by_itself() {
        let ages = Distribution::new(buckets::SECONDS_OF_AGE);
        for _ in 0..1_000 {
            ages.observe(0.2);
        }
        let earlier = ages.counts();
        for _ in 0..20 {
            ages.observe(45.0);
        }
        let lately = ages.counts().since(&earlier);
        assert_eq!(lately.all(), 20);
        let [half] = ages.quantiles(&lately, [0.5]).unwrap();
        assert_eq!((half.from, half.to), (Some(30.0), Some(60.0)));
        let [half] = ages.quantiles(&ages.counts(), [0.5]).unwrap();
        assert_eq!((half.from, half.to), (Some(0.0), Some(1.0)));
        assert_eq!(earlier.since(&ages.counts()), earlier, "it began anew");
        assert_eq!(ages.quantiles(&earlier.since(&earlier), [0.5]), None);
    }

    #[test]
    fn ages_are_told_apart_where_it_matters() {
        let half = |age| {
            let ages = Distribution::new(buckets::SECONDS_OF_AGE);
            ages.observe(age);
            let [half] = ages.quantiles(&ages.counts(), [0.5]).unwrap();
            (half.from, half.to)
        };
        for (age, from, to) in [
            (-400.0, None, Some(-300.0)),
            (-2.0, Some(-5.0), Some(-1.0)),
            (0.3, Some(0.0), Some(1.0)),
            (12.0, Some(5.0), Some(30.0)),
            (31.0, Some(30.0), Some(60.0)),
            (160.0, Some(150.0), Some(300.0)),
            (400.0, Some(300.0), None),
        ] {
            assert_eq!(half(age), (from, to), "{age}");
        }
    }
}
