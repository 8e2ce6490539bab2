//! What happened in each minute of the last hour, for every route of the configuration and for what had none; and what
//! of the time before is needed to judge it.
//!
//! A request pays nothing for it: where a minute begins, it is looked how far the counters of the metrics have come, and
//! what was added since the last look is the minute's. A look that comes late, because the process was stopped for a
//! while, adds to the minute in which that began; nothing was counted in those after it. Where the clock is set back, the
//! minute that it shows then is taken for the one that goes on; by a minute at most, it is waited for.

use std::collections::BTreeMap;

use super::snapshot::{MINUTES, Minute};
use crate::observe::metrics::Counts;
use crate::verify::Timestamp;

const MILLIS: u64 = 60_000;
/// How far distributions had come is remembered every so many minutes, and so many times: what came since the oldest
/// mark is of the last 10 to 15 minutes.
const BETWEEN_MARKS: usize = 5;
const MARKS: usize = 3;

/// What was counted of a route since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) verified: u64,
    pub(super) rejected: u64,
    pub(super) unenforced: u64,
    pub(super) app_ok: u64,
    pub(super) app_failed: u64,
    pub(super) app_refused: u64,
    pub(super) last_verified: Option<Timestamp>,
    pub(super) marks: Marks,
}

/// How far a route's distributions have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) upstream_seconds: Counts,
    pub(super) timestamp_age_seconds: Counts,
}

/// What is remembered of a route.
#[derive(Debug)]
pub(super) struct Past {
    /// Always as many.
    pub(super) last_hour: Vec<Minute>,
    /// What came lately.
    pub(super) lately: Marks,
    /// The longest time between two verified requests, in milliseconds. Since it is looked once a minute, up to a minute
    /// too long.
    pub(super) longest_silence: Option<u64>,
}

/// The last hour.
#[derive(Debug)]
pub(super) struct History {
    /// The minute that is not over.
    minute: u64,
    rings: BTreeMap<Box<str>, Box<Ring>>,
}

/// The last hour of a route.
#[derive(Debug)]
struct Ring {
    /// The oldest first. The last one is filled when it is over.
    minutes: [Minute; MINUTES],
    /// What was counted by the beginning of the last one.
    begin: Totals,
    /// The oldest first.
    marks: [Marks; MARKS],
    /// How many minutes ago the newest mark was set.
    since_mark: usize,
    longest_silence: Option<u64>,
}

impl History {
    /// Of nothing.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            minute: minute(now),
            rings: BTreeMap::new(),
        }
    }

    /// From now on it is that of these routes. What was remembered of others is dropped.
    pub(super) fn set_routes<'a>(
        &mut self,
        routes: impl Iterator<Item = (&'a str, impl Fn() -> Totals)>,
        now: Timestamp,
    ) {
        let routes: Vec<_> = routes.collect();
        let known = routes.iter().map(|(name, totals)| (*name, totals));
        self.advance(known, now);
        let mut before = std::mem::take(&mut self.rings);
        for (name, totals) in routes {
            let ring = before.remove(name);
            let ring = ring.unwrap_or_else(|| Box::new(Ring::beginning(totals())));
            self.rings.insert(name.into(), ring);
        }
    }

    /// It is `now`. What was counted of a route is asked for only where a minute is over.
    pub(super) fn advance<'a>(
        &mut self,
        routes: impl Iterator<Item = (&'a str, impl Fn() -> Totals)>,
        now: Timestamp,
    ) {
        let minute = minute(now);
        let passed = minute.saturating_sub(self.minute);
        let behind = self.minute.saturating_sub(minute);
        // Of two who look as a minute begins, the one who asked for the time first may be the second to look.
        if behind != 1 {
            self.minute = minute;
        }
        if passed == 0 {
            return;
        }
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(MINUTES);
        for (name, totals) in routes {
            if let Some(ring) = self.rings.get_mut(name) {
                ring.advance(passed, totals());
            }
        }
    }

    /// What is remembered of a route of which this was counted.
    pub(super) fn past(&self, route: &str, totals: &Totals) -> Past {
        let Some(ring) = self.rings.get(route) else {
            return Past {
                last_hour: vec![Minute::default(); MINUTES],
                lately: Marks::default(),
                longest_silence: None,
            };
        };
        let mut minutes = ring.minutes.to_vec();
        if let Some(last) = minutes.last_mut() {
            *last = Ring::between(&ring.begin, totals);
        }
        Past {
            last_hour: minutes,
            lately: ring.lately(totals),
            longest_silence: ring.longest_silence(totals),
        }
    }
}

impl Ring {
    fn beginning(totals: Totals) -> Self {
        Self {
            minutes: [Minute::default(); MINUTES],
            begin: totals,
            marks: [totals.marks; MARKS],
            since_mark: 0,
            longest_silence: None,
        }
    }

    /// So many minutes are over, at least one and at most all.
    fn advance(&mut self, passed: usize, totals: Totals) {
        if let Some(last) = self.minutes.last_mut() {
            *last = Self::between(&self.begin, &totals);
        }
        self.longest_silence = self.longest_silence(&totals);
        self.mark(passed, totals.marks);
        self.begin = totals;
        self.minutes.rotate_left(passed);
        let fresh = self.minutes.iter_mut().rev().take(passed);
        fresh.for_each(|minute| *minute = Minute::default());
    }

    /// So many minutes are over, and distributions have come that far.
    fn mark(&mut self, passed: usize, marks: Marks) {
        self.since_mark = self.since_mark.saturating_add(passed);
        let due = self.since_mark.checked_div(BETWEEN_MARKS).unwrap_or(0);
        self.since_mark = self.since_mark.checked_rem(BETWEEN_MARKS).unwrap_or(0);
        let due = due.min(MARKS);
        self.marks.rotate_left(due);
        self.marks
            .iter_mut()
            .rev()
            .take(due)
            .for_each(|mark| *mark = marks);
    }

    fn lately(&self, totals: &Totals) -> Marks {
        let begin = self.marks.first().copied().unwrap_or_default();
        let end = &totals.marks;
        Marks {
            upstream_seconds: end.upstream_seconds.since(&begin.upstream_seconds),
            timestamp_age_seconds: end
                .timestamp_age_seconds
                .since(&begin.timestamp_age_seconds),
        }
    }

    fn longest_silence(&self, totals: &Totals) -> Option<u64> {
        let ended = self
            .begin
            .last_verified
            .zip(totals.last_verified)
            .and_then(|(before, last)| u64::try_from(last.millis_since(before)).ok())
            .filter(|silence| *silence > 0);
        self.longest_silence.max(ended)
    }

    fn between(begin: &Totals, end: &Totals) -> Minute {
        Minute {
            verified: rise(begin.verified, end.verified),
            rejected: rise(begin.rejected, end.rejected),
            unenforced: rise(begin.unenforced, end.unenforced),
            app_ok: rise(begin.app_ok, end.app_ok),
            app_failed: rise(begin.app_failed, end.app_failed),
            app_refused: rise(begin.app_refused, end.app_refused),
        }
    }
}

/// How much a counter rose. One that is lower than it was began anew, with its route.
fn rise(begin: u64, end: u64) -> u32 {
    let rise = end.checked_sub(begin).unwrap_or(end);
    u32::try_from(rise).unwrap_or(u32::MAX)
}

fn minute(now: Timestamp) -> u64 {
    now.as_millis() / MILLIS
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;
    use crate::observe::metrics::Metrics;

    /// A history of the route `r`, and what was counted of it.
    struct Bench {
        history: History,
        verified: u64,
    }

    /// A time after the beginning of a minute.
    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).after(Duration::from_secs(seconds))
    }

    fn verified(count: u64) -> Totals {
        Totals {
            verified: count,
            ..Totals::default()
        }
    }

    impl Bench {
        fn new() -> Self {
            let mut history = History::new(at(0));
            history.set_routes([("r", || verified(0))].into_iter(), at(0));
            Self {
                history,
                verified: 0,
            }
        }

        /// So many requests verify, and then it is looked.
        fn then(&mut self, verify: u64, seconds: u64) {
            self.verified = self.verified.saturating_add(verify);
            let count = self.verified;
            let routes = [("r", || verified(count))];
            self.history.advance(routes.into_iter(), at(seconds));
        }

        /// The last minutes, the newest first, without the zeros before them.
        fn minutes(&self) -> Vec<u32> {
            let hour = self.history.past("r", &verified(self.verified)).last_hour;
            assert_eq!(hour.len(), MINUTES);
            let mut counts: Vec<u32> = hour.iter().rev().map(|minute| minute.verified).collect();
            while counts.last() == Some(&0) {
                counts.pop();
            }
            counts
        }
    }

    #[test]
    fn each_minute_has_its_own_and_the_last_is_not_over() {
        let mut bench = Bench::new();
        bench.then(3, 59);
        assert_eq!(bench.minutes(), [3]);
        bench.then(0, 60);
        bench.then(5, 90);
        assert_eq!(bench.minutes(), [5, 3]);
        bench.then(0, 120);
        bench.then(1, 121);
        assert_eq!(bench.minutes(), [1, 5, 3]);
    }

    #[test]
    fn an_hour_is_remembered_and_no_more() {
        let mut bench = Bench::new();
        for minute in 1..=200 {
            bench.then(minute, minute.saturating_mul(60));
        }
        let mut expected: Vec<u32> = (142..=200).rev().collect();
        expected.insert(0, 0);
        assert_eq!(bench.minutes(), expected);
    }

    #[test]
    fn a_pause_leaves_minutes_in_which_nothing_happened() {
        let mut bench = Bench::new();
        bench.then(7, 4 * 60);
        bench.then(2, 4 * 60 + 1);
        assert_eq!(bench.minutes(), [2, 0, 0, 0, 7]);
        bench.then(0, 1_000 * 60);
        assert!(bench.minutes().is_empty());
        bench.then(1, 1_000 * 60 + 1);
        assert_eq!(bench.minutes(), [1]);
        bench.then(0, u64::MAX / 1_000);
        assert!(bench.minutes().is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_there() {
        let mut bench = Bench::new();
        bench.then(3, 60);
        bench.then(1, 7_200);
        bench.then(2, 120);
        assert_eq!(bench.minutes(), [2]);
        bench.then(4, 179);
        assert_eq!(bench.minutes(), [6]);
        bench.then(0, 180);
        bench.then(1, 181);
        assert_eq!(bench.minutes(), [1, 6]);
    }

    #[test]
    fn a_look_that_comes_a_moment_too_late_makes_no_minute() {
        let mut bench = Bench::new();
        bench.then(3, 60);
        bench.then(1, 59);
        bench.then(1, 61);
        assert_eq!(bench.minutes(), [2, 3]);
        bench.then(0, 120);
        bench.then(4, 121);
        assert_eq!(bench.minutes(), [4, 2, 3]);
    }

    #[test]
    fn counters_are_looked_at_once_a_minute_and_cannot_overflow() {
        let mut history = History::new(at(0));
        let looks = Cell::new(0_u32);
        let count = || {
            looks.set(looks.get().saturating_add(1));
            verified(u64::MAX)
        };
        history.set_routes([("r", || verified(0))].into_iter(), at(0));
        for seconds in 0..=180 {
            history.advance([("r", count)].into_iter(), at(seconds));
        }
        assert_eq!(looks.get(), 3);
        let hour = history.past("r", &verified(u64::MAX)).last_hour;
        assert_eq!(hour[MINUTES - 4].verified, u32::MAX);
        assert_eq!(hour[MINUTES - 1].verified, 0);
    }

    #[test]
    fn what_came_lately_is_told_from_what_came_before() {
        let metrics = Metrics::new().unwrap();
        let ages = &metrics.unrouted.timestamp_age_seconds;
        let totals = || Totals {
            marks: Marks {
                timestamp_age_seconds: ages.counts(),
                ..Marks::default()
            },
            ..Totals::default()
        };
        let mut history = History::new(at(0));
        history.set_routes([("r", &totals)].into_iter(), at(0));
        let mut lately = |minute: u64| {
            history.advance([("r", &totals)].into_iter(), at(minute.saturating_mul(60)));
            let past = history.past("r", &totals());
            past.lately.timestamp_age_seconds.all()
        };
        for _ in 0..1_000 {
            ages.observe(-200.0);
        }
        for minute in 0..15 {
            assert_eq!(lately(minute), 1_000, "{minute}");
        }
        assert_eq!(lately(15), 0);
        ages.observe(0.1);
        assert_eq!(lately(16), 1);
        assert_eq!(lately(24), 1);
        assert_eq!(lately(29), 1);
        assert_eq!(lately(30), 0);
        ages.observe(0.1);
        assert_eq!(lately(600), 0, "it was stopped meanwhile");
    }

    #[test]
    fn the_longest_silence_is_remembered() {
        let last = Cell::new(None);
        let totals = || Totals {
            last_verified: last.get(),
            ..Totals::default()
        };
        let mut history = History::new(at(0));
        history.set_routes([("r", &totals)].into_iter(), at(0));
        let mut longest = |seconds: u64, verified: u64| {
            last.set(Some(at(verified)));
            history.advance([("r", &totals)].into_iter(), at(seconds));
            history.past("r", &totals()).longest_silence
        };
        assert_eq!(longest(60, 30), None, "there was one");
        assert_eq!(longest(120, 100), Some(70_000));
        assert_eq!(longest(180, 130), Some(70_000));
        assert_eq!(longest(4_000, 130), Some(70_000), "it goes on");
        assert_eq!(longest(4_010, 4_005), Some(3_875_000), "it is over");
        assert_eq!(longest(4_050, 4_005), Some(3_875_000));
        assert_eq!(
            longest(4_100, 60),
            Some(3_875_000),
            "the clock was set back"
        );
    }

    #[test]
    fn it_goes_with_its_route_and_a_counter_that_began_anew_counts_from_there() {
        let mut bench = Bench::new();
        bench.then(3, 60);
        let history = &mut bench.history;
        let of = |history: &History, name: &str, count| {
            let hour = history.past(name, &verified(count)).last_hour;
            hour.iter().map(|minute| minute.verified).sum::<u32>()
        };
        let routes = [("r", 5), ("new", 1_000)];
        let routes = routes.map(|(name, count)| (name, move || verified(count)));
        history.set_routes(routes.into_iter(), at(70));
        assert_eq!(of(history, "r", 5), 5, "3 of the minute before, and 2");
        assert_eq!(
            of(history, "new", 1_001),
            1,
            "what it counted before is unknown"
        );
        history.set_routes([("new", || verified(2))].into_iter(), at(71));
        assert_eq!(of(history, "r", 5), 0);
        assert_eq!(of(history, "new", 2), 2);
        assert_eq!(history.rings.len(), 1);
    }
}
