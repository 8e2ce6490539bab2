//! Quantiles, read off a histogram as Prometheus' `histogram_quantile` does.

/// Where a quantile is. A histogram knows the limits around it; what is between them is a guess.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantile {
    /// The estimate.
    pub about: f64,
    /// It is more than that, where that is known.
    pub from: Option<f64>,
    /// It is at most that, where that is known.
    pub to: Option<f64>,
}

/// The value that a share `q` of all, from 0 to 1, does not exceed: an estimate, since within a bucket values are taken
/// to be spread evenly. `buckets` are limits, ascending, with how many do not exceed them; `count` is how many there are
/// in all. `None` where there are none.
pub(super) fn quantile(q: f64, buckets: &[(f64, u64)], count: u64) -> Option<Quantile> {
    if count == 0 {
        return None;
    }
    let rank = q * count as f64;
    let mut lower = None;
    for (limit, below) in buckets {
        if *below as f64 >= rank {
            let (from, before) = match lower {
                Some((from, before)) => (from, before),
                // What comes before a limit above 0 begins there. Nothing is known of what does not.
                None if *limit > 0.0 => (0.0, 0),
                None => {
                    return Some(Quantile {
                        about: *limit,
                        from: None,
                        to: Some(*limit),
                    });
                }
            };
            let within = below.saturating_sub(before) as f64;
            let share = if within > 0.0 {
                (rank - before as f64) / within
            } else {
                1.0
            };
            return Some(Quantile {
                about: from + (limit - from) * share.clamp(0.0, 1.0),
                from: Some(from),
                to: Some(*limit),
            });
        }
        lower = Some((*limit, *below));
    }
    // Beyond the last limit, and nobody knows how far.
    lower.map(|(limit, _)| Quantile {
        about: limit,
        from: Some(limit),
        to: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(q: f64, buckets: &[(f64, u64)], count: u64) -> Option<f64> {
        quantile(q, buckets, count).map(|found| found.about)
    }

    #[test]
    fn it_is_where_prometheus_says() {
        let buckets = [(1.0, 10), (2.0, 30), (4.0, 30), (8.0, 40)];
        for (q, expected) in [
            (0.0, 0.0),
            (0.125, 0.5),
            (0.25, 1.0),
            (0.5, 1.5),
            (0.75, 2.0),
            (0.875, 6.0),
            (1.0, 8.0),
        ] {
            assert_eq!(about(q, &buckets, 40), Some(expected), "{q}");
        }
        assert_eq!(about(0.95, &buckets, 80), Some(8.0), "most are beyond");
        assert_eq!(about(0.5, &buckets, 0), None);
        assert_eq!(about(0.5, &[], 3), None);
    }

    #[test]
    fn times_from_the_future_are_below_zero() {
        let buckets = [(-300.0, 2), (-60.0, 4), (0.0, 4), (5.0, 8)];
        assert_eq!(about(0.25, &buckets, 8), Some(-300.0));
        assert_eq!(about(0.375, &buckets, 8), Some(-180.0));
        assert_eq!(about(0.75, &buckets, 8), Some(2.5));
    }
}
