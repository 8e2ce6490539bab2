//! Large bodies take turns, so that a small request waits behind a piece of work and not behind megabytes.
//!
//! To read and hash a megabyte keeps a thread for the better part of a millisecond. If eight such requests are on
//! a thread, one that arrives then waits for eight turns, however often each of them gives way, and again when its
//! app answers. So there is a lane for each thread, in which one large body works at a time: between two pieces of
//! work the thread looks at what has arrived, and serves everybody who is not in the lane.
//!
//! A body is large by what is still to come of it, or by the work that it has made: chunks announce nothing, and a byte
//! costs five times as much with five secrets, and many times as much on a CPU without SHA extensions. Small requests
//! never meet a lane.
//!
//! Bodies of HTTP/2 stay out of the lanes: their windows bound what there is to work on, and a turn that is waited for at
//! each window costs them a third more.
//!
//! No body keeps its turn while it waits for the network: where there is nothing to read, it leaves the lane.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::yield_now;

/// A body is large of which more is still to come, in bytes.
const SMALL_BODY: u64 = 32 << 10;
/// A body is large that took longer to hash until now. It is what [`SMALL_BODY`] takes, with one secret and a new CPU.
const SMALL_WORK: Duration = Duration::from_micros(20);
/// After so much hashing, others have their turn. With it goes about as much time again, for what the system does to
/// read and to send the same bytes.
const LONGEST_TURN: Duration = Duration::from_micros(100);

/// After so much hashing a body leaves the lane to the next large one, if one waits. Most are done before: to serve
/// one whole body after the other keeps the bytes of each in the CPU's caches until they are sent.
const LONGEST_STAY: Duration = Duration::from_millis(2);

/// The lanes of all threads.
pub(crate) struct Turns {
    lanes: Box<[Mutex<Worked>]>,
}

/// The hashing in a lane since others had their turn. It is the lane's and not a body's: of many bodies that are
/// just large, none would work long enough on its own.
#[derive(Default)]
struct Worked(Duration);

/// The work of one body, and its turn while it has it.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    held: Option<MutexGuard<'a, Worked>>,
    hashing: Duration,
    /// It takes its place in a lane.
    is_unpaced: bool,
    /// What `hashing` was when it took its place in the lane, or others had their turn.
    hashing_before: Duration,
}

impl Turns {
    /// Lanes for so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        let lanes = std::iter::repeat_with(Mutex::default).take(threads.max(1));
        Self {
            lanes: lanes.collect(),
        }
    }

    /// The work of a body. `is_unpaced`: any amount of it may be there at once.
    pub(super) fn begin(&self, is_unpaced: bool) -> Turn<'_> {
        Turn {
            is_unpaced,
            turns: self,
            held: None,
            hashing: Duration::ZERO,
            hashing_before: Duration::ZERO,
        }
    }

    /// The lane of this thread. A task may end on another thread than it began on; lanes even that out, because each
    /// lets one body work at a time.
    fn lane(&self) -> Option<&Mutex<Worked>> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        let number = NUMBER.with(|number| *number);
        self.lanes.get(number.checked_rem(self.lanes.len())?)
    }
}

impl Turn<'_> {
    /// The time that was spent hashing.
    pub(super) fn hashing(&self) -> Duration {
        self.hashing
    }

    /// Whether the body must wait for its turn before it is read on. At least `left` bytes of it are still to come.
    pub(super) fn must_wait(&self, left: u64) -> bool {
        let is_large = left > SMALL_BODY || self.hashing > SMALL_WORK;
        self.is_unpaced && self.held.is_none() && is_large
    }

    /// Waits for the turn.
    pub(super) async fn wait(&mut self) {
        let Some(lane) = self.turns.lane() else {
            return;
        };
        let mut worked = lane.lock().await;
        if worked.0 > LONGEST_TURN {
            serve_others().await;
            worked.0 = Duration::ZERO;
        }
        self.held = Some(worked);
        self.hashing_before = self.hashing;
    }

    /// Leaves the lane to others: there is something to wait for.
    pub(super) fn leave(&mut self) {
        self.held = None;
    }

    /// Takes note of work, and lets others have their turn where it was long.
    pub(super) async fn worked(&mut self, hashing: Duration) {
        self.hashing = self.hashing.saturating_add(hashing);
        let Some(worked) = &mut self.held else {
            if self.hashing.saturating_sub(self.hashing_before) > LONGEST_TURN {
                self.hashing_before = self.hashing;
                yield_now().await;
            } else {
                tokio::task::consume_budget().await;
            }
            return;
        };
        worked.0 = worked.0.saturating_add(hashing);
        if worked.0 > LONGEST_TURN {
            serve_others().await;
            worked.0 = Duration::ZERO;
        }
        if self.hashing.saturating_sub(self.hashing_before) > LONGEST_STAY {
            self.leave();
        }
    }
}

/// Returns once everybody else on this thread who can go on has done so.
///
/// A task that yields is woken after those for whom something has arrived, and yet runs before them, because a thread
/// runs first who was woken last. The second time it is behind them.
async fn serve_others() {
    yield_now().await;
    yield_now().await;
}
