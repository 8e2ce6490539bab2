//! Few threads, in the orders in which they can run. The structure is compiled once more for it, with locks and
//! numbers that hand over to another thread at each step, and with two shards, so that threads meet.

use std::sync::Arc;

use shuttle::thread;

use self::claims::Claims;
use super::{at, claim, counter};
use crate::replay::memory::shard;
use crate::replay::store::{Claimed, End};

/// How many orders are tried of each.
const ORDERS: usize = 2_000;

const SHARDS: usize = 2;

mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(super) use shuttle::sync::{Mutex, MutexGuard};
    pub(super) use shuttle::thread::yield_now;
}

#[path = "../claims.rs"]
mod claims;

/// Has threads do something each with one store of this capacity, in many orders.
fn in_all_orders<T: Send + 'static>(
    capacity: usize,
    threads: u64,
    work: impl Fn(&Claims, u64) -> T + Send + Sync + Copy + 'static,
    check: impl Fn(&Claims, Vec<T>) + Send + Sync + 'static,
) {
    shuttle::check_random(
        move || {
            let store = Arc::new(Claims::new(capacity, counter()));
            let running: Vec<_> = (0..threads)
                .map(|thread| {
                    let store = Arc::clone(&store);
                    thread::spawn(move || work(&store, thread))
                })
                .collect();
            let done = running.into_iter().map(|thread| thread.join().unwrap());
            check(&store, done.collect());
        },
        ORDERS,
    );
}

#[test]
fn one_of_those_that_claim_a_request_gets_it() {
    let work = |store: &Claims, thread| store.claim(&claim(7, thread + 1, 2_000), at(1_000));
    in_all_orders(8, 3, work, |store, answers| {
        let new = answers.iter().filter(|answer| **answer == Claimed::New);
        assert_eq!(new.count(), 1);
        assert_eq!(store.audited(), 1);
    });
}

#[test]
fn a_request_is_with_one_at_a_time() {
    let work = |store: &Claims, thread| {
        let claim = claim(7, thread + 1, 2_000);
        let is_mine = store.claim(&claim, at(1_000)) == Claimed::New;
        if is_mine && thread < 2 {
            store.end(&claim, End::Released);
        } else if is_mine {
            store.end(&claim, End::Kept);
        }
        (thread, is_mine)
    };
    in_all_orders(8, 3, work, |store, got| {
        let was_kept = got.contains(&(2, true));
        assert!(got.iter().any(|(_, is_mine)| *is_mine));
        assert_eq!(store.audited(), usize::from(was_kept));
        let now = store.claim(&claim(7, 9, 2_000), at(1_000));
        assert_eq!(
            now,
            if was_kept {
                Claimed::Taken
            } else {
                Claimed::New
            }
        );
    });
}

#[test]
fn those_that_are_full_evict_as_many_as_come() {
    let work = |store: &Claims, thread| {
        for number in 0..3 {
            let claim = claim(thread * 3 + number, 1, 2_000 + number);
            assert_eq!(store.claim(&claim, at(1_000)), Claimed::New);
        }
    };
    in_all_orders(2, 3, work, |store, _| assert_eq!(store.audited(), 2));
}

#[test]
fn tidying_up_loses_nothing_that_lives() {
    let work = |store: &Claims, thread| match thread {
        0 => store.tidy(at(1_500)),
        1 => store.set_capacity(5),
        _ => {
            for number in 0..2 {
                let expires_at = if number == 0 { 1_200 } else { 2_000 };
                store.claim(&claim(thread * 2 + number, 1, expires_at), at(1_000));
            }
        }
    };
    in_all_orders(4, 4, work, |store, _| {
        store.tidy(at(1_500));
        assert_eq!(store.audited(), 2);
        assert!(!store.has(&claim(4, 0, 0).key));
        for request in [5, 7] {
            assert_eq!(
                store.claim(&claim(request, 2, 2_000), at(1_500)),
                Claimed::OnItsWay
            );
        }
    });
}
