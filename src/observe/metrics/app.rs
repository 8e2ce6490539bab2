//! How the app of a route fares, whatever its requests came from: senders, or the spool.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cells::Counter;
use crate::verify::Timestamp;

/// The bits of a cause beside the time. What is left for that ends in the year 10889.
const CAUSE_BITS: u32 = 16;

/// What an app took and what it did not.
#[derive(Debug, Default)]
pub struct AppSeries {
    ok: Counter,
    failed: Counter,
    /// When it last failed, in milliseconds, and why: in one number, so that they belong together without a lock. 0 is
    /// never.
    last_failure: AtomicU64,
}

/// What was counted of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppSeen {
    /// Requests that it took.
    pub ok: u64,
    /// Requests that it did not take.
    pub failed: u64,
    /// When it last did not, and why, as the caller of [`AppSeries::fails`] said.
    pub last_failure: Option<(Timestamp, u16)>,
}

impl AppSeries {
    /// It took a request.
    pub fn takes(&self) {
        self.ok.inc();
    }

    /// At the time `now` it did not take a request, for this cause: a number of the caller's.
    pub fn fails(&self, now: Timestamp, cause: u16) {
        self.failed.inc();
        let millis = now.as_millis().clamp(1, u64::MAX >> CAUSE_BITS);
        let packed = (millis << CAUSE_BITS) | u64::from(cause);
        self.last_failure.store(packed, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn seen(&self) -> AppSeen {
        let packed = self.last_failure.load(Ordering::Relaxed);
        let cause = u16::try_from(packed & u64::from(u16::MAX)).unwrap_or_default();
        let at = Timestamp::from_millis(packed >> CAUSE_BITS);
        AppSeen {
            ok: self.ok.get(),
            failed: self.failed.get(),
            last_failure: (packed > 0).then_some((at, cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failure_keeps_its_time_and_its_cause() {
        let app = AppSeries::default();
        assert_eq!(app.seen(), AppSeen::default());
        app.takes();
        for (millis, cause) in [(1_800_000_000_000, 503), (1_700_000_000_123, u16::MAX)] {
            app.fails(Timestamp::from_millis(millis), cause);
            let seen = app.seen().last_failure;
            assert_eq!(seen, Some((Timestamp::from_millis(millis), cause)));
        }
        app.fails(Timestamp::from_millis(u64::MAX), 0);
        let seen = app.seen();
        assert_eq!((seen.ok, seen.failed), (1, 3));
        assert!(seen.last_failure.is_some());
    }
}
