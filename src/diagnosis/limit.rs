//! How many mismatches of a route are examined.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// In any minute, for each route.
const MOST: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Lets a few pass in any minute. It remembers when each did, because a count that begins anew with every minute
/// would let twice as many pass around its turn.
#[derive(Debug, Default)]
pub(super) struct PerMinute(Mutex<VecDeque<Instant>>);

impl PerMinute {
    /// Whether one more may pass.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        is_open(&self.lock(), now)
    }

    /// Whether one more may pass. It has passed then.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut passed = self.lock();
        if !is_open(&passed, now) {
            return false;
        }
        if passed.len() >= MOST {
            passed.pop_front();
        }
        passed.push_back(now);
        true
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(passed: &VecDeque<Instant>, now: Instant) -> bool {
    let is_over = |first: &Instant| now.saturating_duration_since(*first) >= MINUTE;
    passed.len() < MOST || passed.front().is_some_and(is_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_pass_in_any_minute() {
        let limit = PerMinute::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let passed = |seconds| {
            let tried = (0..100).filter(|_| limit.allows(at(seconds)));
            tried.count()
        };
        assert!(limit.allows(began));
        assert_eq!(passed(59), 9);
        assert!(!limit.is_open(at(59)));
        // The first is over, and the nine of a moment ago are not.
        assert!(limit.is_open(at(60)));
        assert_eq!(passed(60), 1);
        assert_eq!(passed(118), 0);
        assert_eq!(passed(119), 9);
    }
}
