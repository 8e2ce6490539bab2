//! One line a second of what fails again and again, such as a store that is away: with how often it happened since
//! the last line.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Lets one line a second pass, and counts what it is about.
#[derive(Debug, Default)]
pub(crate) struct OnceASecond(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often it happened since the last line.
    count: u64,
    /// When that was.
    last: Option<Instant>,
}

impl OnceASecond {
    /// It happened once more. Returns how often since the last line, where there may be a line now.
    pub(crate) fn count_one(&self, now: Instant) -> Option<u64> {
        let mut state = self.lock();
        state.count = state.count.saturating_add(1);
        state.may_tell(now)
    }

    /// There is something else to tell. Returns how often it happened since the last line, where there may be a line
    /// now.
    pub(crate) fn may_tell(&self, now: Instant) -> Option<u64> {
        self.lock().may_tell(now)
    }

    /// Whether the last line is some time ago.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        self.lock().is_quiet(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_quiet(&self, now: Instant) -> bool {
        let is_soon = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        !self.last.is_some_and(is_soon)
    }

    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        if !self.is_quiet(now) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_counts_all_that_happened() {
        let line = OnceASecond::default();
        let now = Instant::now();
        assert!(line.is_quiet(now));
        assert_eq!(line.count_one(now), Some(1));
        assert!(!line.is_quiet(now));
        assert_eq!(line.count_one(now), None);
        assert_eq!(line.count_one(now + Duration::from_millis(999)), None);
        assert_eq!(line.count_one(now + PAUSE), Some(3));
        assert_eq!(line.may_tell(now + PAUSE), None);
        assert_eq!(line.may_tell(now + 2 * PAUSE), Some(0));
    }
}
