//! How many events of a route are on their way to its app at once, and when the next may be.
//!
//! An app that takes events gets more at once, one more for each that it takes, up to [`AT_ONCE`]. One that takes none
//! gets one at a time, and after a second failure in a row a pause that grows: more requests do not help it.
//!
//! Which of both an app is, is told by when it last took one. A failure shortly after that ([`WELL`]) is the event's own:
//! it gets fewer at once, and no pause, so that events that an app can never take do not hold up the others; and such an
//! event keeps its own pauses whatever else the app takes, so that it is not tried each time.

use std::time::Duration;

use super::backoff::{LONGEST_ASKED, pause_as_asked};
use crate::verify::Timestamp;

/// How many events of a route are on their way at once, at most.
pub(super) const AT_ONCE: usize = 8;

/// An app that has taken something so recently is well.
const WELL: Duration = Duration::from_secs(5);

/// What is known of how an app takes its events.
#[derive(Debug)]
pub(super) struct Pace {
    at_once: usize,
    /// Failures in a row while it was not well. Of attempts that ran beside each other, one counts.
    failures: u32,
    /// When it last took an event, or a request that came.
    took_at: Option<Timestamp>,
    /// It failed to take a request that came, or nothing is known of it, and it has taken nothing since: what waits may
    /// wait for it.
    is_doubtful: bool,
    resume_at: Timestamp,
}

/// How things stood when an attempt began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun(u32);

/// What a failure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blame {
    /// The app took others until now: the failure may be the event's own.
    pub(super) is_its_own: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            at_once: 1,
            failures: 0,
            took_at: None,
            // Another process may have left events that wait for it.
            is_doubtful: true,
            resume_at: Timestamp::from_millis(0),
        }
    }
}

impl Pace {
    /// How many may be on their way at `now`.
    pub(super) fn at_once(&self, now: Timestamp) -> usize {
        if now < self.resume_at {
            0
        } else {
            self.at_once
        }
    }

    /// How long there is to wait at `now` until one may be on its way.
    pub(super) fn pause_left(&self, now: Timestamp) -> Option<Duration> {
        let left = u64::try_from(self.resume_at.millis_since(now)).ok()?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    pub(super) fn begin(&self) -> Begun {
        Begun(self.failures)
    }

    /// The app took an event, or a request that came. Returns whether others may have waited for that.
    pub(super) fn succeeded(&mut self, now: Timestamp) -> bool {
        let was_failing = self.is_failing();
        self.failures = 0;
        self.took_at = Some(now);
        self.is_doubtful = false;
        self.resume_at = Timestamp::from_millis(0);
        self.at_once = self.at_once.saturating_add(1).min(AT_ONCE);
        was_failing
    }

    /// The app did not take an event, whose attempt had begun so, and asks for a pause or not.
    pub(super) fn failed(
        &mut self,
        begun: Begun,
        now: Timestamp,
        asked: Option<Duration>,
    ) -> Blame {
        let asked_for = asked.unwrap_or_default().min(LONGEST_ASKED);
        let is_well = |took_at: Timestamp| now < took_at.after(WELL);
        if self.took_at.is_some_and(is_well) {
            self.at_once = (self.at_once / 2).max(1);
            self.hold(now, asked_for);
            return Blame { is_its_own: true };
        }
        self.at_once = 1;
        // Those that ran beside one that has failed already say nothing new.
        if begun.0 >= self.failures {
            self.failures = self.failures.saturating_add(1);
        }
        let pause = match self.failures {
            ..=1 => asked_for,
            failures => pause_as_asked(failures.saturating_sub(1), asked),
        };
        self.hold(now, pause);
        Blame { is_its_own: false }
    }

    /// Nothing may be on its way for so long: not for the app's sake.
    pub(super) fn hold(&mut self, now: Timestamp, pause: Duration) {
        self.resume_at = self.resume_at.max(now.after(pause));
    }

    /// The app failed to take a request that came, which is stored now.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Whether events may wait for the app to answer again.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0 || self.is_doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn after(millis: u64) -> Timestamp {
        NOW.after(Duration::from_millis(millis))
    }

    #[test]
    fn an_app_that_takes_events_gets_more_at_once() {
        let mut pace = Pace::default();
        let seen: Vec<usize> = (0..10)
            .map(|_| {
                pace.succeeded(NOW);
                pace.at_once(NOW)
            })
            .collect();
        assert_eq!(seen, [2, 3, 4, 5, 6, 7, 8, 8, 8, 8]);
    }

    #[test]
    fn one_that_takes_none_gets_one_and_then_a_pause_that_grows() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.succeeded(NOW);
        }
        let mut now = NOW.after(WELL);
        assert!(!pace.failed(pace.begin(), now, None).is_its_own);
        assert_eq!(pace.at_once(now), 1);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert!(!pace.failed(pace.begin(), now, None).is_its_own);
            assert_eq!(pace.at_once(now), 0);
            let pause = pace.pause_left(now).unwrap();
            pauses.push(pause.as_secs());
            now = now.after(pause);
            assert_eq!(pace.at_once(now), 1);
        }
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240];
        for (seen, least) in pauses.iter().zip(expected) {
            assert!((least..=least + least / 4 + 1).contains(seen), "{pauses:?}");
        }
        assert!(pace.succeeded(now));
        assert_eq!(pace.at_once(now), 2);
        assert!(!pace.succeeded(now));
    }

    #[test]
    fn what_fails_while_others_are_taken_is_to_blame_itself_and_pauses_nobody() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.succeeded(NOW);
        }
        for at_once in [4, 2, 1, 1, 1] {
            assert!(pace.failed(pace.begin(), after(4_999), None).is_its_own);
            assert_eq!(pace.at_once(after(4_999)), at_once);
        }
        assert!(!pace.is_failing());
    }

    #[test]
    fn the_first_that_is_taken_after_a_failure_of_whatever_kind_releases_others() {
        // What a process before this one left may wait.
        let mut pace = Pace::default();
        assert!(pace.is_failing() && pace.succeeded(NOW));
        assert!(!pace.is_failing() && !pace.succeeded(NOW));
        // The app failed to take a request that came.
        pace.doubt();
        assert!(pace.is_failing() && pace.succeeded(NOW));
        let later = NOW.after(WELL);
        assert!(!pace.failed(pace.begin(), later, None).is_its_own);
        assert!(pace.is_failing() && pace.succeeded(later));
    }

    #[test]
    fn attempts_beside_each_other_fail_once() {
        let mut pace = Pace::default();
        for _ in 0..8 {
            pace.succeeded(NOW);
        }
        let later = NOW.after(WELL);
        let begun: Vec<Begun> = (0..8).map(|_| pace.begin()).collect();
        for begun in begun {
            assert!(!pace.failed(begun, later, None).is_its_own);
        }
        assert_eq!(pace.pause_left(later), None);
    }

    #[test]
    fn the_app_may_ask_for_a_pause() {
        let mut pace = Pace::default();
        pace.failed(pace.begin(), NOW, Some(Duration::from_secs(7)));
        assert_eq!(pace.at_once(after(6_999)), 0);
        assert_eq!(pace.at_once(after(7_000)), 1);
    }
}
