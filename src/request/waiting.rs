//! The requests that hold memory and wait for more of themselves, and which of them gives way.
//!
//! The newest request of the peer that holds most gives way first, so that a flood from one place takes
//! from itself. A request that has made no progress for a second gives way to anybody. A request is entered
//! here only when it has to wait, so that one which arrives whole never takes the lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::peer::Peer;

/// A request that has made no progress for so long gives way to anybody.
const STALLED: Duration = Duration::from_secs(1);

/// Small and large requests have room of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Small,
    Large,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    small: Mutex<Queue>,
    large: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    bytes: u64,
    peers: HashMap<Peer, Holder>,
    /// The peers by what they hold.
    by_bytes: BTreeSet<(u64, Peer)>,
    /// In the order in which they began to wait.
    by_age: BTreeMap<u64, Peer>,
}

#[derive(Debug, Default)]
struct Holder {
    bytes: u64,
    waiters: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    since: Instant,
    waker: Waker,
    is_evicted: Arc<AtomicBool>,
}

/// Where a request waits.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    peer: Peer,
    class: Class,
    bytes: u64,
    is_evicted: Arc<AtomicBool>,
}

impl Place {
    /// Whether it was made for this many bytes and this class.
    pub(super) fn is_for(&self, bytes: u64, class: Class) -> bool {
        self.bytes == bytes && self.class == class
    }
}

impl Waiting {
    fn queue(&self, class: Class) -> MutexGuard<'_, Queue> {
        let queue = match class {
            Class::Small => &self.small,
            Class::Large => &self.large,
        };
        queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What could be freed for a request of this class, in bytes.
    pub(super) fn bytes(&self, class: Class) -> u64 {
        let large = self.queue(Class::Large).bytes;
        match class {
            Class::Small => large.saturating_add(self.queue(Class::Small).bytes),
            Class::Large => large,
        }
    }

    /// Enters a request of `peer` that holds `bytes`.
    pub(super) fn enter(&self, peer: Peer, bytes: u64, class: Class, waker: &Waker) -> Place {
        let is_evicted = Arc::new(AtomicBool::new(false));
        let waiter = Waiter {
            bytes,
            since: Instant::now(),
            waker: waker.clone(),
            is_evicted: Arc::clone(&is_evicted),
        };
        let id = self.queue(class).enter(peer, waiter);
        Place {
            id,
            peer,
            class,
            bytes,
            is_evicted,
        }
    }

    /// The request still waits; `waker` wakes it.
    pub(super) fn renew(&self, place: &Place, waker: &Waker) {
        let mut queue = self.queue(place.class);
        let peer = queue.peers.get_mut(&place.peer);
        if let Some(waiter) = peer.and_then(|peer| peer.waiters.get_mut(&place.id)) {
            waiter.waker.clone_from(waker);
        }
    }

    /// Whether the request has to give way.
    pub(super) fn is_evicted(&self, place: &Place) -> bool {
        place.is_evicted.load(Ordering::Acquire)
    }

    /// The request does not wait any more.
    pub(super) fn leave(&self, place: &Place) {
        drop(self.queue(place.class).remove(place.peer, place.id));
    }

    /// Tells requests to give way until `need` bytes come free. `asker` is the peer, and the size, of a request
    /// that is not complete itself: only peers that hold more give way to it. Returns whether any was told.
    pub(super) fn evict(&self, class: Class, need: u64, asker: Option<(Peer, u64)>) -> bool {
        let classes: &[Class] = match class {
            Class::Small => &[Class::Small, Class::Large],
            Class::Large => &[Class::Large],
        };
        let mut freed = 0_u64;
        let mut told = Vec::new();
        for class in classes {
            let mut queue = self.queue(*class);
            while freed < need {
                let Some(waiter) = queue.take_victim(asker) else {
                    break;
                };
                freed = freed.saturating_add(waiter.bytes);
                told.push(waiter);
            }
        }
        for waiter in &told {
            waiter.is_evicted.store(true, Ordering::Release);
            waiter.waker.wake_by_ref();
        }
        !told.is_empty()
    }
}

impl Queue {
    fn enter(&mut self, address: Peer, waiter: Waiter) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(1);
        let peer = self.peers.entry(address).or_default();
        self.by_bytes.remove(&(peer.bytes, address));
        peer.bytes = peer.bytes.saturating_add(waiter.bytes);
        self.bytes = self.bytes.saturating_add(waiter.bytes);
        self.by_bytes.insert((peer.bytes, address));
        peer.waiters.insert(id, waiter);
        self.by_age.insert(id, address);
        id
    }

    fn remove(&mut self, address: Peer, id: u64) -> Option<Waiter> {
        let peer = self.peers.get_mut(&address)?;
        let waiter = peer.waiters.remove(&id)?;
        self.by_bytes.remove(&(peer.bytes, address));
        peer.bytes = peer.bytes.saturating_sub(waiter.bytes);
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if peer.waiters.is_empty() {
            self.peers.remove(&address);
        } else {
            self.by_bytes.insert((peer.bytes, address));
        }
        self.by_age.remove(&id);
        Some(waiter)
    }

    fn take_victim(&mut self, asker: Option<(Peer, u64)>) -> Option<Waiter> {
        let (most, greediest) = *self.by_bytes.last()?;
        let asked_for = asker.map(|(address, bytes)| {
            let waiting = self.peers.get(&address).map_or(0, |peer| peer.bytes);
            waiting.saturating_add(bytes)
        });
        if asked_for.is_none_or(|bytes| bytes < most) {
            let newest = self
                .peers
                .get(&greediest)?
                .waiters
                .keys()
                .next_back()
                .copied()?;
            return self.remove(greediest, newest);
        }
        let (oldest, address) = self.by_age.first_key_value().map(|(id, at)| (*id, *at))?;
        let waiter = self.peers.get(&address)?.waiters.get(&oldest)?;
        let is_stalled = waiter.since.elapsed() > STALLED;
        is_stalled.then(|| self.remove(address, oldest)).flatten()
    }
}
