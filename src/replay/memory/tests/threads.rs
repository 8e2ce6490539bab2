//! Threads as they run.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::claims::Claims;
use super::{at, claim, counter};
use crate::replay::store::{Claimed, End};

#[test]
fn of_many_threads_one_gets_a_request() {
    const THREADS: usize = 8;
    const REQUESTS: u64 = 2_000;
    let store = Claims::new(500, counter());
    let new: Vec<AtomicUsize> = (0..REQUESTS).map(|_| AtomicUsize::new(0)).collect();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (store, new, barrier) = (&store, &new, &barrier);
            scope.spawn(move || {
                for request in 0..REQUESTS {
                    if request % 200 == 0 {
                        barrier.wait();
                    }
                    let claim = claim(request, thread + 1, 1_000 + request);
                    if store.claim(&claim, at(1_000)) == Claimed::New {
                        new[request as usize].fetch_add(1, Ordering::Relaxed);
                        store.end(&claim, End::Kept);
                    }
                }
            });
        }
    });
    // There is room for all that is claimed between two meetings, so none was evicted and claimed again.
    assert!(new.iter().all(|new| new.load(Ordering::Relaxed) == 1));
    assert_eq!(store.audited(), 500);
}

#[test]
fn there_are_never_more_than_the_capacity() {
    let evicted = counter();
    let store = Claims::new(100, evicted.clone());
    let claimed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (store, claimed) = (&store, &claimed);
            scope.spawn(move || {
                for number in 0..3_000 {
                    let claim = claim(thread * 3_000 + number, 1, 1_000 + number);
                    assert_eq!(store.claim(&claim, at(1_000)), Claimed::New);
                    claimed.fetch_add(1, Ordering::Relaxed);
                    assert!(store.count() <= 100);
                }
            });
        }
    });
    assert_eq!(store.audited(), 100);
    let gone = usize::try_from(evicted.get()).unwrap();
    assert_eq!(gone + 100, claimed.load(Ordering::Relaxed));
}
