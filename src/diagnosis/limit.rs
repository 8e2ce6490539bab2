//! How many mismatches of a route are examined.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A minute's worth, for each route.
const MOST: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Lets the first ones of each minute pass.
#[derive(Debug, Default)]
pub(super) struct PerMinute(Mutex<Option<(Instant, u32)>>);

impl PerMinute {
    /// Whether one more may pass now. It has passed then.
    pub(super) fn allows(&self) -> bool {
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = match *state {
            Some((since, count)) if now.saturating_duration_since(since) < MINUTE => (since, count),
            _ => (now, 0),
        };
        *state = Some((since, count.saturating_add(1).min(MOST.saturating_add(1))));
        count < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_pass_in_a_minute() {
        let limit = PerMinute::default();
        let began = Instant::now();
        let passed = |now| (0..100).filter(|_| limit.allows_at(now)).count();
        assert_eq!(passed(began), 10);
        assert_eq!(passed(began + Duration::from_secs(59)), 0);
        assert_eq!(passed(began + Duration::from_secs(60)), 10);
    }
}
