//! A share of the entries, for one thread at a time: found by their key, and in the order in which they expire.

use std::collections::BTreeSet;

use hashbrown::HashTable;

use crate::replay::key::Key;
use crate::verify::Timestamp;

/// The number of no ticket: the request was kept.
pub(super) const KEPT: u64 = 0;

/// A request that is remembered.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// The last moment at which it is remembered.
    pub(super) expires_at: Timestamp,
    /// Whose reservation it is, by the number of its ticket; or [`KEPT`].
    pub(super) ticket: u64,
}

/// Entries with different keys: at most `u32::MAX`.
#[derive(Default)]
pub(super) struct Shard {
    /// The entries, and between them places that are free.
    list: Vec<Entry>,
    free: Vec<u32>,
    /// Where in the list each key's entry is.
    places: HashTable<u32>,
    /// When entries expire, and where in the list they are.
    order: BTreeSet<(Timestamp, u32)>,
    /// The latest end of an entry that has expired and was taken out.
    forgotten: Option<Timestamp>,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// When the first entry expires.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.order.first().map(|(expires_at, _)| *expires_at)
    }

    /// Whether an entry with this end may have been here and was taken out because it had expired, by a clock that
    /// was ahead.
    pub(super) fn may_have_forgotten(&self, expires_at: Timestamp) -> bool {
        self.forgotten.is_some_and(|latest| expires_at <= latest)
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Entry> {
        let place = self.find(key)?;
        self.list.get_mut(index(place))
    }

    /// Adds an entry whose key no other has.
    pub(super) fn insert(&mut self, entry: Entry) {
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.list.len()).unwrap_or(u32::MAX),
        };
        match self.list.get_mut(index(place)) {
            Some(free) => *free = entry,
            None => self.list.push(entry),
        }
        let list = &self.list;
        let hash_of = |place: &u32| list.get(index(*place)).map_or(0, |entry| hash(&entry.key));
        self.places.insert_unique(hash(&entry.key), place, hash_of);
        self.order.insert((entry.expires_at, place));
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Entry> {
        self.remove_at(self.find(key)?)
    }

    /// Takes out the entry that expires first; of several that do, any.
    pub(super) fn remove_first(&mut self) -> Option<Entry> {
        let (_, place) = *self.order.first()?;
        self.remove_at(place)
    }

    /// Takes out entries that have expired at `now`, `most` at most. Returns how many.
    pub(super) fn remove_expired(&mut self, now: Timestamp, most: usize) -> usize {
        let mut removed = 0_usize;
        while removed < most && self.first().is_some_and(|first| first < now) {
            let expired = self.remove_first().map(|entry| entry.expires_at);
            self.forgotten = self.forgotten.max(expired);
            removed = removed.saturating_add(1);
        }
        removed
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let is_it = |place: &u32| {
            let entry = self.list.get(index(*place));
            entry.is_some_and(|entry| entry.key == *key)
        };
        self.places.find(hash(key), is_it).copied()
    }

    fn remove_at(&mut self, place: u32) -> Option<Entry> {
        let entry = *self.list.get(index(place))?;
        if let Ok(found) = self
            .places
            .find_entry(hash(&entry.key), |other| *other == place)
        {
            found.remove();
        }
        self.order.remove(&(entry.expires_at, place));
        self.free.push(place);
        Some(entry)
    }
}

/// Keys are digests, and as good as random: they need no hashing.
fn hash(key: &Key) -> u64 {
    let bytes = key.as_bytes().last_chunk();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The list is never longer than places can be numbered.
fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
impl Shard {
    /// How many entries there are, after a look at all that must be true of them.
    pub(super) fn audited(&self) -> usize {
        assert_eq!(self.places.len(), self.order.len());
        assert_eq!(self.list.len(), self.order.len() + self.free.len());
        for (expires_at, place) in &self.order {
            let entry = &self.list[index(*place)];
            assert_eq!(entry.expires_at, *expires_at);
            assert_eq!(self.find(&entry.key), Some(*place));
        }
        self.len()
    }

    /// Whether an entry is there, expired or not.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.find(key).is_some()
    }
}
