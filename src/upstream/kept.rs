//! The kept connections to one destination: those that rest, and those that may serve.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::Instant;

use crate::os::descriptors::Slot;

/// How long a connection rests before it may serve again. Costs a busy app as many more connections as
/// it answers requests in this time.
const REST: Duration = Duration::from_millis(1);
/// How many requests a second wait for a connection to have rested, for each destination.
const WAITS_A_SECOND: u32 = 32;
/// How many connections are moved, looked at or closed in one go.
pub(super) const BATCH: usize = 32;

/// Orders connections by their end; the number tells apart those that end together.
pub(super) type Place = (Instant, u64);

/// The connections to one destination.
#[derive(Default)]
pub(super) struct Kept {
    /// Those that came last, in the order in which they came.
    pub(super) resting: VecDeque<(Place, Idle)>,
    pub(super) rested: BTreeMap<Place, Idle>,
    /// Where the next look at `rested` begins.
    looked_at: Option<Place>,
    pub(super) distrusted_until: Option<Instant>,
    /// How many requests have waited for one to have rested, and since when they are counted.
    waits: Option<(Instant, u32)>,
}

pub(super) struct Idle {
    pub(super) stream: Stream,
    /// The descriptor of the stream. A request that takes the stream has reserved one of its own.
    pub(super) _slot: Slot,
    pub(super) since: Instant,
}

impl Kept {
    /// Lets the connections serve that have rested.
    pub(super) fn move_rested(&mut self, now: Instant) {
        for _ in 0..BATCH {
            if !self.has_rested(now) {
                return;
            }
            self.rested.extend(self.resting.pop_front());
        }
    }

    /// Until when to wait for the first to have rested, if that is better than a new connection.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Instant> {
        let (_, first) = self.resting.front()?;
        let until = first.since.checked_add(REST)?;
        let (since, count) = match self.waits {
            Some((since, count)) if now.duration_since(since) < Duration::from_secs(1) => {
                (since, count)
            }
            _ => (now, 0),
        };
        if count >= WAITS_A_SECOND {
            return None;
        }
        self.waits = Some((since, count.saturating_add(1)));
        Some(until)
    }

    /// Whether there is one that has rested and may not serve yet.
    pub(super) fn has_rested(&self, now: Instant) -> bool {
        let first = self.resting.front();
        first.is_some_and(|(_, idle)| now.saturating_duration_since(idle.since) >= REST)
    }

    /// Takes out the next connections to be looked at, at most `max`.
    pub(super) fn next_batch(&mut self, max: usize) -> Vec<(Place, Idle)> {
        let from = self.looked_at.map_or(Bound::Unbounded, Bound::Excluded);
        let places: Vec<_> = self
            .rested
            .range((from, Bound::Unbounded))
            .map(|(place, _)| *place)
            .take(max)
            .collect();
        self.looked_at = places.last().copied();
        let remove = |place: Place| self.rested.remove(&place).map(|idle| (place, idle));
        places.into_iter().filter_map(remove).collect()
    }

    /// Takes out the connection that would go first.
    pub(super) fn pop_first(&mut self) -> Option<Idle> {
        let rested = self.rested.pop_first().map(|(_, idle)| idle);
        rested.or_else(|| self.resting.pop_front().map(|(_, idle)| idle))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resting.is_empty() && self.rested.is_empty()
    }

    pub(super) fn is_distrusted(&self, now: Instant) -> bool {
        self.distrusted_until.is_some_and(|until| now < until)
    }
}
