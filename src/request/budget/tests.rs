//! What all requests together hold, and who gives way.

use std::net::{IpAddr, Ipv4Addr};
use std::task::Wake;

use super::*;

const KIB: u64 = 1 << 10;

fn reserve(budget: &Arc<Budget>) -> Reservation {
    reserve_for(budget, 1)
}

fn reserve_for(budget: &Arc<Budget>, peer: u8) -> Reservation {
    budget.reserve_nothing(Peer::from(IpAddr::V4(Ipv4Addr::new(10, 0, 0, peer))))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_quarter_is_kept_for_small_requests() {
    let budget = Budget::new(1_024 * KIB);
    let mut large = reserve(&budget);
    assert_eq!(large.resize(768 * KIB), Ok(()));
    assert_eq!(large.resize(768 * KIB + 1), Err(Exhausted));
    assert!(!budget.may_hold(65 * KIB));
    assert!(budget.may_hold(64 * KIB));
    let mut small: Vec<_> = (0..4).map(|_| reserve(&budget)).collect();
    for reservation in &mut small {
        assert_eq!(reservation.resize(64 * KIB), Ok(()));
    }
    assert_eq!(reserve(&budget).resize(1), Err(Exhausted));
    assert_eq!(budget.held(), 1_024 * KIB);
    drop((large, small));
    assert_eq!(budget.held(), 0);
    assert!(budget.may_hold(768 * KIB));
}

#[test]
fn a_lower_limit_is_for_those_that_begin_later_and_small_ones_keep_their_quarter() {
    let budget = Budget::new(1_024 * KIB);
    let mut begun = reserve(&budget);
    assert_eq!(begun.resize(600 * KIB), Ok(()));
    budget.set_max(400 * KIB);
    assert_eq!(begun.resize(700 * KIB), Ok(()));
    assert!(!budget.may_hold(70 * KIB));
    assert!(budget.may_hold(64 * KIB));
    let mut small = reserve(&budget);
    assert_eq!(small.resize(64 * KIB), Ok(()));
    let mut next = reserve(&budget);
    assert_eq!(
        next.resize(37 * KIB),
        Err(Exhausted),
        "a quarter is 100 KiB"
    );
    assert_eq!(next.resize(36 * KIB), Ok(()));
    drop((begun, small, next));
    assert_eq!(budget.held(), 0);
}

#[test]
fn a_request_that_becomes_large_counts_whole_and_one_that_shrinks_does_not() {
    let budget = Budget::new(400 * KIB);
    let mut first = reserve(&budget);
    assert_eq!(first.resize(64 * KIB), Ok(()));
    let mut second = reserve(&budget);
    assert_eq!(second.resize(280 * KIB), Ok(()));
    assert_eq!(
        first.resize(64 * KIB + 1),
        Err(Exhausted),
        "64 KiB + 1 beside 280 KiB is over 300 KiB"
    );
    assert_eq!(second.resize(10 * KIB), Ok(()));
    assert_eq!(first.resize(64 * KIB + 1), Ok(()));
    drop((first, second));
    assert_eq!(budget.held(), 0);
    assert_eq!(budget.held_by_large.load(Ordering::Relaxed), 0);
}

#[test]
fn what_waits_gives_way_to_what_is_complete_the_newest_of_whoever_holds_most_first() {
    let budget = Budget::new(100 * KIB);
    let woken: Vec<Arc<Woken>> = (0..3).map(|_| Arc::default()).collect();
    let wakers: Vec<Waker> = woken.iter().map(|woken| Arc::clone(woken).into()).collect();
    let mut waiting: Vec<_> = [(1, 30), (2, 25), (2, 25)]
        .into_iter()
        .map(|(peer, kib)| (reserve_for(&budget, peer), kib * KIB))
        .collect();
    for ((reservation, bytes), waker) in waiting.iter_mut().zip(&wakers) {
        assert_eq!(reservation.wait(*bytes, waker), Ok(()));
    }
    let mut complete = reserve_for(&budget, 2);
    assert!(budget.may_hold(30 * KIB));
    run(async {
        let mut asking = std::pin::pin!(complete.make_room(30 * KIB, true));
        let asked =
            std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context)));
        assert!(asked.await.is_pending(), "the room is not free yet");
        let counts: Vec<usize> = woken
            .iter()
            .map(|woken| woken.0.load(Ordering::Relaxed))
            .collect();
        assert_eq!(counts, [0, 0, 1], "the last of peer 2, which holds most");
        let (mut evicted, bytes) = waiting.pop().unwrap();
        assert_eq!(evicted.wait(bytes, &wakers[2]), Err(Exhausted));
        drop(evicted);
        assert!(asking.await);
    });
}

#[test]
fn an_incomplete_request_makes_only_those_go_whose_peer_holds_more() {
    let budget = Budget::new(100 * KIB);
    let waker = Waker::from(Arc::<Woken>::default());
    let mut greedy = reserve_for(&budget, 1);
    assert_eq!(greedy.wait(60 * KIB, &waker), Ok(()));
    let mut modest = reserve_for(&budget, 2);
    assert_eq!(modest.wait(40 * KIB, &waker), Ok(()));
    let mut another = reserve_for(&budget, 1);
    assert!(!run(another.make_room(KIB, false)), "its peer holds most");
    run(async {
        let mut third = reserve_for(&budget, 3);
        let mut asking = std::pin::pin!(third.make_room(KIB, false));
        let asked =
            std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context)));
        assert!(asked.await.is_pending());
        assert_eq!(greedy.wait(60 * KIB, &waker), Err(Exhausted));
        assert_eq!(modest.wait(40 * KIB, &waker), Ok(()));
        drop(greedy);
        assert!(asking.await);
    });
}

#[test]
fn where_nobody_waits_nobody_gives_way() {
    let budget = Budget::new(100 * KIB);
    let mut complete = reserve(&budget);
    assert_eq!(complete.resize(64 * KIB), Ok(()));
    assert!(!budget.may_hold(64 * KIB));
    assert!(!run(reserve(&budget).make_room(64 * KIB, true)));
}

#[test]
fn what_a_refused_request_gives_back_serves_those_who_wait_for_room() {
    let budget = Budget::new(100 * KIB);
    let waker = Waker::from(Arc::<Woken>::default());
    let mut refused = reserve_for(&budget, 1);
    assert_eq!(refused.wait(60 * KIB, &waker), Ok(()));
    run(async {
        let mut complete = reserve_for(&budget, 2);
        let mut asking = std::pin::pin!(complete.make_room(50 * KIB, true));
        let asked =
            std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context)));
        assert!(asked.await.is_pending());
        // Its header stays while its answer is written.
        refused.keep_only(10 * KIB);
        assert!(asking.await);
    });
    assert_eq!(budget.held(), 10 * KIB);
}
