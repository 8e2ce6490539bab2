//! Claims that have ended and of which the server does not know yet.
//!
//! They are kept outside of the task that sends them, so that none is lost with it, and bounded, for a server that
//! does not answer for long: while it does not, claims fail at once, and few end.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::replay::key::Ticket;
use crate::replay::store::{Claim, End};

/// How many wait at most. Those beyond stay with the server until they expire.
const MAX_WAITING: usize = 16_384;
/// How many are sent at once.
const BATCH: usize = 256;
/// After how long a claim that was not confirmed is undone again.
const AGAIN: Duration = Duration::from_secs(1);
/// After how long what was not answered is told again.
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
    /// It did not answer, and has not been told yet that the claim is undone.
    No,
    /// It did not answer then, and was told once.
    UndoneOnce,
}

/// Ends that wait.
#[derive(Default)]
pub(super) struct Ends {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Ended>,
    /// To be undone once more at that time, in its order.
    again: VecDeque<(Instant, Ended)>,
    /// To be told again at that time, in its order.
    later: VecDeque<(Instant, Ended)>,
    /// What the server may have reserved, and is to let go of.
    released: HashSet<Ticket>,
}

impl Ends {
    /// Adds the end of a claim. The receiver is done once the server knows, or where that must not be waited for.
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
            confirmed: Confirmed::No,
            told: None,
        });
    }

    fn add(&self, ended: Ended) {
        let mut waiting = self.lock();
        if waiting.len() >= MAX_WAITING {
            return;
        }
        if ended.end == End::Released {
            waiting.released.insert(ended.claim.ticket);
        }
        waiting.queue.push_back(ended);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Whether this ticket is of a claim that is being undone: what it reserved, another may have.
    pub(super) fn is_released(&self, ticket: Ticket) -> bool {
        self.lock().released.contains(&ticket)
    }

    /// Takes the next ones to be sent.
    pub(super) fn take(&self) -> Vec<Ended> {
        let mut waiting = self.lock();
        let count = waiting.queue.len().min(BATCH);
        waiting.queue.drain(..count).collect()
    }

    /// Of those that were taken, the server knows these.
    pub(super) fn are_known(&self, known: impl Iterator<Item = Ended>) {
        let again_at = Instant::now().checked_add(AGAIN);
        let mut waiting = self.lock();
        for mut ended in known {
            if let Some(told) = ended.told.take() {
                // Whoever waited for it may have gone.
                let _ = told.send(());
            }
            match (ended.confirmed, again_at) {
                (Confirmed::No, Some(again_at)) => {
                    ended.confirmed = Confirmed::UndoneOnce;
                    waiting.again.push_back((again_at, ended));
                }
                _ => {
                    waiting.released.remove(&ended.claim.ticket);
                }
            }
        }
    }

    /// Of those that were taken, the server did not answer these.
    pub(super) fn are_left(&self, left: impl Iterator<Item = Ended>) {
        let now = Instant::now();
        let later = now.checked_add(LATER).unwrap_or(now);
        let left = left.map(|ended| (later, ended));
        self.lock().later.extend(left);
    }

    /// Has those sent again whose time has come.
    pub(super) fn send_due(&self) {
        let now = Instant::now();
        let mut waiting = self.lock();
        let Waiting {
            queue,
            again,
            later,
            ..
        } = &mut *waiting;
        for postponed in [again, later] {
            while let Some((at, _)) = postponed.front()
                && *at <= now
                && let Some((_, ended)) = postponed.pop_front()
            {
                queue.push_back(ended);
            }
        }
        if !queue.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Whether nothing is to be sent, now or later.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    /// Returns once there is something to send.
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
    fn len(&self) -> usize {
        let postponed = self.again.len().saturating_add(self.later.len());
        self.queue.len().saturating_add(postponed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::key::Key;
    use crate::verify::Timestamp;

    fn claim(number: u64) -> Claim {
        Claim {
            key: Key::from_bytes([0; 16]),
            ticket: Ticket { process: 1, number },
            expires_at: Timestamp::from_millis(1),
            tells_taken: false,
        }
    }

    #[test]
    fn what_was_not_confirmed_is_undone_twice_and_known_until_then() {
        let ends = Ends::default();
        let ticket = claim(1).ticket;
        ends.push_unconfirmed(claim(1));
        assert!(ends.is_released(ticket));
        ends.are_known(ends.take().into_iter());
        assert!(ends.is_released(ticket));
        assert!(ends.take().is_empty());
        assert!(!ends.is_empty());
        for (at, _) in &mut ends.lock().again {
            *at = Instant::now();
        }
        ends.send_due();
        ends.are_known(ends.take().into_iter());
        assert!(!ends.is_released(ticket));
        assert!(ends.is_empty());
    }

    #[test]
    fn what_the_server_did_not_answer_is_told_later() {
        let ends = Ends::default();
        let mut first = ends.push(claim(1), End::Released);
        ends.are_left(ends.take().into_iter());
        ends.send_due();
        assert!(ends.take().is_empty());
        assert!(!ends.is_empty());
        for (at, _) in &mut ends.lock().later {
            *at = Instant::now();
        }
        ends.send_due();
        assert!(first.try_recv().is_err());
        ends.are_known(ends.take().into_iter());
        assert!(first.try_recv().is_ok());
        assert!(ends.is_empty());
    }

    #[test]
    fn they_are_bounded() {
        let ends = Ends::default();
        for number in 0..20_000 {
            ends.push_unconfirmed(claim(number));
        }
        assert_eq!(ends.lock().len(), MAX_WAITING);
        assert_eq!(ends.lock().released.len(), MAX_WAITING);
    }
}
