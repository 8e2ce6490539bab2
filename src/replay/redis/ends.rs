//! Claims that have ended and of which the server does not know yet.
//!
//! They are kept outside of the task that tells it, so that none is lost with the task, and bounded, for a server that
//! does not answer for long: while it does not, claims fail at once, and few end. What was released and is not known
//! yet refuses no request of this process: see [`Ends::is_released`].

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::replay::key::Ticket;
use crate::replay::store::{Claim, End};
use crate::verify::Timestamp;

/// How many claims that were answered wait at most, and as many again that were not. Those beyond stay with the server
/// until they expire.
const MAX_WAITING: usize = 16_384;
/// How many are told at once.
const BATCH: usize = 256;
/// After how long a claim that was not answered is undone again, and how often. What hookward gave up on may still
/// come to the server by way of somebody who held it back.
const AGAIN: Duration = Duration::from_secs(1);
const UNDOINGS: u8 = 10;
/// After how long an end that was not answered is told again.
const LATER: Duration = Duration::from_millis(100);

/// The end of a claim.
pub(super) struct Ended {
    pub(super) claim: Claim,
    pub(super) end: End,
    confirmed: Confirmed,
    told: Option<oneshot::Sender<()>>,
}

/// Whether the server has said that it made a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmed {
    Yes,
    /// It did not answer, and was told so often since that the claim is undone.
    No {
        undone: u8,
    },
}

/// Ends that wait.
#[derive(Default)]
pub(super) struct Ends {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// How many had no room.
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Ended>,
    /// To be undone once more at that time, in its order.
    again: VecDeque<(Instant, Ended)>,
    /// To be told again at that time, in its order.
    later: VecDeque<(Instant, Ended)>,
    /// What the server may have reserved for nobody.
    released: HashSet<Ticket>,
    /// How many there are that were answered, and that were not.
    confirmed: usize,
    unconfirmed: usize,
}

/// Ends that are being told. Those of which nothing is known in the end wait again.
pub(super) struct Telling<'e> {
    ends: &'e Ends,
    batch: VecDeque<Ended>,
}

impl Ends {
    /// Adds the end of a claim that was answered. The receiver is done once the server knows, or where there is no room.
    pub(super) fn push(&self, claim: Claim, end: End) -> oneshot::Receiver<()> {
        let (told, known) = oneshot::channel();
        self.add(Ended {
            claim,
            end,
            confirmed: Confirmed::Yes,
            told: Some(told),
        });
        known
    }

    /// Adds a claim that was sent and not answered.
    pub(super) fn push_unconfirmed(&self, claim: Claim) {
        self.add(Ended {
            claim,
            end: End::Released,
            confirmed: Confirmed::No { undone: 0 },
            told: None,
        });
    }

    fn add(&self, ended: Ended) {
        let mut waiting = self.lock();
        let count = waiting.count_of(&ended);
        if *count >= MAX_WAITING {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        *count = count.saturating_add(1);
        if ended.end == End::Released {
            waiting.released.insert(ended.claim.ticket);
        }
        waiting.queue.push_back(ended);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Whether this ticket is of a claim that nobody holds any more, and of which the server may not know that.
    pub(super) fn is_released(&self, ticket: Ticket) -> bool {
        self.lock().released.contains(&ticket)
    }

    /// Takes the next ones to be told.
    pub(super) fn take(&self) -> Telling<'_> {
        let mut waiting = self.lock();
        let count = waiting.queue.len().min(BATCH);
        Telling {
            ends: self,
            batch: waiting.queue.drain(..count).collect(),
        }
    }

    /// Has those told again whose time has come, and forgets those that have expired.
    pub(super) fn tell_due(&self, now: Timestamp) {
        self.tell_until(Some(Instant::now()), now);
    }

    /// Has all told now, also those whose time has not come.
    pub(super) fn tell_all(&self, now: Timestamp) {
        self.tell_until(None, now);
    }

    fn tell_until(&self, until: Option<Instant>, now: Timestamp) {
        let mut waiting = self.lock();
        let Waiting {
            queue,
            again,
            later,
            ..
        } = &mut *waiting;
        for postponed in [again, later] {
            while let Some((at, _)) = postponed.front()
                && until.is_none_or(|until| *at <= until)
                && let Some((_, ended)) = postponed.pop_front()
            {
                queue.push_back(ended);
            }
        }
        let (queued, mut expired): (VecDeque<_>, VecDeque<_>) = std::mem::take(queue)
            .into_iter()
            .partition(|ended| ended.claim.expires_at >= now);
        waiting.queue = queued;
        for ended in expired.drain(..) {
            waiting.forget(&ended);
        }
        if !waiting.queue.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Whether nothing is to be told, now or later.
    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.lock();
        waiting.confirmed == 0 && waiting.unconfirmed == 0
    }

    /// How many wait to be told now.
    pub(super) fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// How many had no room since this was last asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Returns once there is something to tell.
    pub(super) async fn arrived(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !self.lock().queue.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn count_of(&mut self, ended: &Ended) -> &mut usize {
        match ended.confirmed {
            Confirmed::Yes => &mut self.confirmed,
            Confirmed::No { .. } => &mut self.unconfirmed,
        }
    }

    fn forget(&mut self, ended: &Ended) {
        let count = self.count_of(ended);
        *count = count.saturating_sub(1);
        self.released.remove(&ended.claim.ticket);
    }
}

impl Telling<'_> {
    /// What is told, in the order of the answers that [`Self::conclude`] takes.
    pub(super) fn ends(&self) -> impl ExactSizeIterator<Item = &Ended> {
        self.batch.iter()
    }

    /// The server has answered those for which there is a `true`.
    pub(super) fn conclude(mut self, answers: impl IntoIterator<Item = bool>) {
        let now = Instant::now();
        let in_time = |pause| now.checked_add(pause).unwrap_or(now);
        let mut waiting = self.ends.lock();
        for is_known in answers {
            let Some(mut ended) = self.batch.pop_front() else {
                break;
            };
            if !is_known {
                waiting.later.push_back((in_time(LATER), ended));
                continue;
            }
            if let Some(told) = ended.told.take() {
                // Whoever waited for it may have gone.
                let _ = told.send(());
            }
            match ended.confirmed {
                Confirmed::No { undone } if undone.saturating_add(1) < UNDOINGS => {
                    let undone = undone.saturating_add(1);
                    ended.confirmed = Confirmed::No { undone };
                    waiting.again.push_back((in_time(AGAIN), ended));
                }
                _ => waiting.forget(&ended),
            }
        }
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            let mut waiting = self.ends.lock();
            while let Some(ended) = self.batch.pop_back() {
                waiting.queue.push_front(ended);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::key::Key;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn claim(number: u64) -> Claim {
        Claim {
            key: Key::from_bytes([0; 16]),
            ticket: Ticket { process: 1, number },
            expires_at: Timestamp::from_millis(2_000),
            tells_taken: false,
        }
    }

    fn numbers(telling: &Telling<'_>) -> Vec<u64> {
        let ends = telling.ends();
        ends.map(|ended| ended.claim.ticket.number).collect()
    }

    #[test]
    fn what_was_not_answered_is_undone_again_and_again_and_refuses_nobody_until_then() {
        let ends = Ends::default();
        let ticket = claim(1).ticket;
        ends.push_unconfirmed(claim(1));
        for _ in 1..UNDOINGS {
            ends.take().conclude([true]);
            assert!(ends.is_released(ticket));
            assert!(numbers(&ends.take()).is_empty());
            assert!(!ends.is_empty());
            ends.tell_due(NOW);
            assert!(numbers(&ends.take()).is_empty());
            ends.tell_all(NOW);
        }
        ends.take().conclude([true]);
        assert!(!ends.is_released(ticket));
        assert!(ends.is_empty());
    }

    #[test]
    fn what_was_released_refuses_nobody_until_the_server_knows() {
        let ends = Ends::default();
        let mut known = ends.push(claim(1), End::Released);
        let _other = ends.push(claim(2), End::Kept);
        assert!(ends.is_released(claim(1).ticket));
        assert!(!ends.is_released(claim(2).ticket));
        ends.take().conclude([false, true]);
        assert!(ends.is_released(claim(1).ticket));
        assert!(known.try_recv().is_err());
        ends.tell_all(NOW);
        ends.take().conclude([true]);
        assert!(known.try_recv().is_ok());
        assert!(!ends.is_released(claim(1).ticket));
        assert!(ends.is_empty());
    }

    #[test]
    fn what_was_being_told_waits_again() {
        let ends = Ends::default();
        for number in 1..=3 {
            ends.push_unconfirmed(claim(number));
        }
        drop(ends.take());
        ends.push_unconfirmed(claim(4));
        let telling = ends.take();
        assert_eq!(numbers(&telling), [1, 2, 3, 4]);
        telling.conclude([true, true]);
        assert_eq!(numbers(&ends.take()), [3, 4]);
    }

    #[test]
    fn what_has_expired_is_forgotten() {
        let ends = Ends::default();
        ends.push_unconfirmed(claim(1));
        ends.tell_due(Timestamp::from_millis(2_001));
        assert!(ends.is_empty());
        assert!(!ends.is_released(claim(1).ticket));
    }

    #[test]
    fn they_are_bounded_and_those_that_were_answered_have_room_of_their_own() {
        let ends = Ends::default();
        for number in 0..20_000 {
            ends.push_unconfirmed(claim(number));
        }
        assert_eq!(ends.take_lost(), 20_000 - MAX_WAITING as u64);
        let mut known = ends.push(claim(30_000), End::Released);
        assert_eq!(ends.take_lost(), 0);
        assert_eq!(known.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        assert_eq!(ends.lock().queue.len(), MAX_WAITING + 1);
    }
}
