//! The deliveries of a route that this process keeps from others: those that an attempt is made for, those that wait
//! for one, and those whose end the server has not confirmed. Pure: what time it is comes from outside.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use async_nats::Subject;

use super::errors::Errors;
use crate::spool::event::EventId;
use crate::spool::store::Info;
use crate::verify::Timestamp;

/// How many events of a route are held until their time comes.
pub(super) const MAX_HELD: usize = 1_000;
/// How long an event waits here for somebody who asks for one.
const PATIENCE: Duration = Duration::from_secs(3);

/// An event as the server delivered it.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// Where the server is told what became of it.
    pub(super) reply: Subject,
    pub(super) info: Info,
    /// Not before that, where this is the first time that it is delivered.
    pub(super) due_at: Option<Timestamp>,
}

/// The server gets it back, and delivers it to anybody.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GiveBack {
    pub(super) reply: Subject,
    /// Not before that; at once where there is none.
    pub(super) at: Option<Timestamp>,
}

/// What becomes of an event that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// It can be leased.
    Ready,
    /// It is kept until it can be, or was kept before.
    Kept,
    /// There is no room for it.
    TooMany(GiveBack),
}

/// What is to be done at some time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// So many more can be leased.
    pub(super) ready: usize,
    /// Those that the server gets back.
    pub(super) back: Vec<GiveBack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Leased {
        /// [`Kept::releases`] at that time.
        releases: u64,
    },
    /// Can be leased. The server gets it back at that time.
    Ready(Timestamp),
    Held(Held),
    /// The app has it, or it is a dead letter; the server may not know.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    at: Timestamp,
    /// An attempt was made. The server counts it by delivering the event once more.
    was_tried: bool,
    is_its_own: bool,
}

struct Entry {
    delivery: Delivery,
    place: Place,
}

/// The deliveries of one route.
#[derive(Default)]
pub(super) struct Kept {
    entries: HashMap<u64, Entry>,
    ready: VecDeque<u64>,
    held: BTreeSet<(Timestamp, u64)>,
    /// Why attempts failed.
    pub(super) errors: Errors,
    /// How often another process said that the app takes events again.
    releases: u64,
}

impl Kept {
    /// Takes in what the server delivered. What was here before stays where it is: the server heard nothing of it for
    /// too long, and nobody else has it now. Another event in the same place is of a stream that was made anew.
    pub(super) fn arrive(&mut self, delivery: Delivery, now: Timestamp) -> Arrived {
        let sequence = delivery.sequence;
        if let Some(entry) = self.entry(sequence, delivery.info.id) {
            entry.delivery = delivery;
            return Arrived::Kept;
        }
        self.remove(sequence);
        let Some(at) = delivery.due_at.filter(|at| *at > now) else {
            self.insert(delivery, Place::Ready(now.after(PATIENCE)));
            self.ready.push_back(sequence);
            return Arrived::Ready;
        };
        if self.held.len() >= MAX_HELD {
            return Arrived::TooMany(GiveBack {
                reply: delivery.reply,
                at: Some(at),
            });
        }
        let held = Held {
            at,
            was_tried: false,
            is_its_own: false,
        };
        self.insert(delivery, Place::Held(held));
        self.held.insert((at, sequence));
        Arrived::Kept
    }

    /// Leases the next one.
    pub(super) fn lease(&mut self) -> Option<Delivery> {
        while let Some(sequence) = self.ready.pop_front() {
            if let Some(entry) = self.entries.get_mut(&sequence) {
                entry.place = Place::Leased {
                    releases: self.releases,
                };
                return Some(entry.delivery.clone());
            }
        }
        None
    }

    /// A lease was dropped: whoever asks next gets the event. `false` where it has ended.
    pub(super) fn return_lease(&mut self, sequence: u64, id: EventId, now: Timestamp) -> bool {
        let entry = self.entry(sequence, id);
        let Some(entry) = entry.filter(|entry| matches!(entry.place, Place::Leased { .. })) else {
            return false;
        };
        entry.place = Place::Ready(now.after(PATIENCE));
        self.ready.push_front(sequence);
        true
    }

    /// An attempt failed. Where there is no room, the server gets the event; at once, where the app takes events again
    /// since the attempt was begun, as another process says.
    pub(super) fn hold(
        &mut self,
        sequence: u64,
        id: EventId,
        at: Timestamp,
        is_its_own: bool,
    ) -> Option<GiveBack> {
        let has_room = self.held.len() < MAX_HELD;
        let latest = self.releases;
        let entry = self.entry(sequence, id)?;
        if matches!(entry.place, Place::Leased { releases } if releases < latest) && !is_its_own {
            return self.give_back(sequence, None);
        }
        if !has_room {
            return self.give_back(sequence, Some(at));
        }
        entry.place = Place::Held(Held {
            at,
            was_tried: true,
            is_its_own,
        });
        self.held.insert((at, sequence));
        None
    }

    /// There will be no further attempt. Returns where the server is told that.
    pub(super) fn end(&mut self, sequence: u64, id: EventId) -> Option<Subject> {
        self.errors.forget(sequence);
        let entry = self.entry(sequence, id)?;
        entry.place = Place::Ended;
        Some(entry.delivery.reply.clone())
    }

    /// The server knows that there will be none.
    pub(super) fn forget(&mut self, sequence: u64, id: EventId) {
        if self.entry(sequence, id).is_some() {
            self.entries.remove(&sequence);
        }
    }

    /// Those whose end the server has not confirmed.
    pub(super) fn ended(&self) -> Vec<Delivery> {
        let ended = self.entries.values();
        ended
            .filter(|entry| entry.place == Place::Ended)
            .map(|entry| entry.delivery.clone())
            .collect()
    }

    /// The app takes events again: those that wait because it did not are due.
    pub(super) fn release(&mut self, now: Timestamp) {
        for (sequence, entry) in &mut self.entries {
            if let Place::Held(held) = &mut entry.place
                && !held.is_its_own
                && held.at > now
            {
                self.held.remove(&(held.at, *sequence));
                held.at = now;
                self.held.insert((now, *sequence));
            }
        }
    }

    /// The same, as another process says.
    pub(super) fn hear_release(&mut self, now: Timestamp) {
        self.releases = self.releases.saturating_add(1);
        self.release(now);
    }

    /// Does what is to be done now.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Due {
        let mut due = Due::default();
        while let Some((at, sequence)) = self.held.first().copied()
            && at <= now
        {
            self.held.pop_first();
            let Some(entry) = self.entries.get_mut(&sequence) else {
                continue;
            };
            if matches!(entry.place, Place::Held(held) if held.was_tried) {
                due.back.extend(self.give_back(sequence, None));
            } else {
                entry.place = Place::Ready(now.after(PATIENCE));
                self.ready.push_back(sequence);
                due.ready = due.ready.saturating_add(1);
            }
        }
        let entries = &self.entries;
        let is_over = |sequence: &u64| match entries.get(sequence).map(|entry| entry.place) {
            Some(Place::Ready(until)) => until <= now,
            _ => true,
        };
        let (over, ready): (VecDeque<u64>, VecDeque<u64>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(is_over);
        self.ready = ready;
        for sequence in over {
            due.back.extend(self.give_back(sequence, None));
        }
        due
    }

    /// When [`Kept::take_due`] has something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let held = self.held.first().map(|(at, _)| *at);
        let ready = self.ready.iter().filter_map(|sequence| {
            match self.entries.get(sequence).map(|entry| entry.place) {
                Some(Place::Ready(until)) => Some(until),
                _ => None,
            }
        });
        ready.chain(held).min()
    }

    /// How many can be leased.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Where the server is told that all these are still taken care of.
    pub(super) fn replies(&self) -> Vec<Subject> {
        let replies = self.entries.values();
        replies.map(|entry| entry.delivery.reply.clone()).collect()
    }

    /// The server heard nothing of these for too long, and may have delivered them to others: those that are not on
    /// their way to the app are forgotten.
    pub(super) fn lapse(&mut self) {
        self.entries
            .retain(|_, entry| matches!(entry.place, Place::Leased { .. } | Place::Ended));
        self.ready.clear();
        self.held.clear();
    }

    /// Gives all back that are not on their way to the app.
    pub(super) fn take_all(&mut self) -> Vec<GiveBack> {
        let waiting = self.entries.iter();
        let waiting: Vec<_> = waiting
            .filter_map(|(sequence, entry)| match entry.place {
                Place::Ready(_) => Some((*sequence, None)),
                Place::Held(held) => Some((*sequence, Some(held.at))),
                Place::Leased { .. } | Place::Ended => None,
            })
            .collect();
        self.ready.clear();
        self.held.clear();
        let back = waiting.into_iter();
        back.filter_map(|(sequence, at)| self.give_back(sequence, at))
            .collect()
    }

    fn give_back(&mut self, sequence: u64, at: Option<Timestamp>) -> Option<GiveBack> {
        let entry = self.entries.remove(&sequence)?;
        Some(GiveBack {
            reply: entry.delivery.reply,
            at,
        })
    }

    fn entry(&mut self, sequence: u64, id: EventId) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&sequence);
        entry.filter(|entry| entry.delivery.info.id == id)
    }

    fn remove(&mut self, sequence: u64) {
        if let Some(entry) = self.entries.remove(&sequence) {
            self.ready.retain(|other| *other != sequence);
            if let Place::Held(held) = entry.place {
                self.held.remove(&(held.at, sequence));
            }
        }
    }

    fn insert(&mut self, delivery: Delivery, place: Place) {
        let sequence = delivery.sequence;
        self.entries.insert(sequence, Entry { delivery, place });
    }
}
