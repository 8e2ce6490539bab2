//! Random claims, ends, times and capacities: the store answers as a list does that is searched from end to end.

use proptest::prelude::*;

use super::super::claims::Claims;
use super::{at, claim, counter};
use crate::replay::store::{Claimed, End};

#[derive(Clone, Debug)]
enum Step {
    /// Claims a request that expires so long after its first claim could have been made.
    Claim {
        request: u64,
        lives: u64,
    },
    /// Ends one of the claims that were made, also one that has ended.
    End {
        made: usize,
        end: End,
    },
    /// Time passes; it can also go back.
    Time(i64),
    Capacity(usize),
    Tidy,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![Just(End::Kept), Just(End::Released)];
    prop_oneof![
        8 => (0..24_u64, 0..40_u64).prop_map(|(request, lives)| Step::Claim { request, lives }),
        4 => (any::<usize>(), end).prop_map(|(made, end)| Step::End { made, end }),
        3 => (-10..30_i64).prop_map(Step::Time),
        1 => (1..12_usize).prop_map(Step::Capacity),
        1 => Just(Step::Tidy),
    ]
}

/// What a list remembers.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    request: u64,
    expires_at: u64,
    /// 0 once it was kept.
    ticket: u64,
}

fn shard(request: u64) -> u8 {
    claim(request, 0, 0).key.as_bytes()[0]
}

#[derive(Default)]
struct List {
    all: Vec<Remembered>,
    evicted: u64,
    /// The latest end, by shard, of what has expired.
    forgotten: std::collections::BTreeMap<u8, u64>,
}

impl List {
    /// As the store, whose choice among those that expire at the same time is taken over by `has`.
    fn claim(
        &mut self,
        new: Remembered,
        now: u64,
        capacity: usize,
        has: impl Fn(u64) -> bool,
    ) -> Claimed {
        let earlier = self
            .all
            .iter()
            .find(|old| old.request == new.request && old.expires_at >= now);
        if let Some(earlier) = earlier {
            return if earlier.ticket == 0 {
                Claimed::Taken
            } else {
                Claimed::OnItsWay
            };
        }
        let forgotten = self.forgotten.get(&shard(new.request));
        if forgotten.is_some_and(|latest| new.expires_at <= *latest) {
            return Claimed::Expired;
        }
        self.all.retain(|old| old.request != new.request);
        while self.live(now) >= capacity {
            self.evict(now, &has);
        }
        self.all.push(new);
        Claimed::New
    }

    fn evict(&mut self, now: u64, has: impl Fn(u64) -> bool) {
        self.forget_expired(now);
        let first = self.all.iter().map(|old| old.expires_at).min().unwrap();
        let gone = self
            .all
            .iter()
            .position(|old| old.expires_at == first && !has(old.request));
        self.all
            .remove(gone.expect("the store has evicted one of those that expire first"));
        self.evicted += 1;
    }

    fn forget_expired(&mut self, now: u64) {
        for old in self.all.iter().filter(|old| old.expires_at < now) {
            let latest = self.forgotten.entry(shard(old.request)).or_default();
            *latest = old.expires_at.max(*latest);
        }
        self.all.retain(|old| old.expires_at >= now);
    }

    fn live(&self, now: u64) -> usize {
        self.all.iter().filter(|old| old.expires_at >= now).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_answers_as_a_list_would(steps in proptest::collection::vec(step(), 1..120), capacity in 1..12_usize) {
        let evicted = counter();
        let store = Claims::new(capacity, evicted.clone());
        let (mut list, mut capacity, mut now) = (List::default(), capacity, 1_000_u64);
        let mut made = Vec::new();
        for (ticket, step) in (1..).zip(steps) {
            match step {
                Step::Claim { request, lives } => {
                    // Expired entries are forgotten at some time, and time that goes back finds them or does not.
                    store.tidy(at(now));
                    list.forget_expired(now);
                    let claim = claim(request, ticket, now + lives);
                    let answer = store.claim(&claim, at(now));
                    let new = Remembered { request, expires_at: now + lives, ticket };
                    let has = |request: u64| store.has(&super::claim(request, 0, 0).key);
                    prop_assert_eq!(answer, list.claim(new, now, capacity, has));
                    if answer == Claimed::New {
                        made.push((request, claim));
                    }
                }
                Step::End { made: which, end } => {
                    if let Some((request, claim)) = made.get(which % made.len().max(1)) {
                        store.end(claim, end);
                        let is_its = |old: &Remembered| old.request == *request && old.ticket == claim.ticket.number;
                        match end {
                            End::Kept => {
                                list.all.iter_mut().filter(|old| is_its(old)).for_each(|old| old.ticket = 0);
                            }
                            End::Released => list.all.retain(|old| !is_its(old)),
                        }
                    }
                }
                Step::Time(passed) => now = now.saturating_add_signed(passed),
                Step::Capacity(new) => {
                    capacity = new;
                    store.set_capacity(new);
                    store.tidy(at(now));
                    list.forget_expired(now);
                    while list.all.len() > new {
                        list.evict(now, |request| store.has(&super::claim(request, 0, 0).key));
                    }
                }
                Step::Tidy => {
                    store.tidy(at(now));
                    list.forget_expired(now);
                }
            }
            store.tidy(at(now));
            list.forget_expired(now);
            prop_assert_eq!(store.audited(), list.all.len());
            prop_assert_eq!(evicted.get(), list.evicted);
            for old in &list.all {
                prop_assert!(store.has(&super::claim(old.request, 0, 0).key));
            }
        }
    }

    /// Also where nobody tidies up: what has expired counts as absent.
    #[test]
    fn what_has_expired_is_absent(lives in proptest::collection::vec(0..50_u64, 1..200), later in 0..60_u64) {
        let store = Claims::new(1_000, counter());
        for (request, lives) in (0..).zip(&lives) {
            prop_assert_eq!(store.claim(&claim(request, 1, 1_000 + lives), at(1_000)), Claimed::New);
        }
        for (request, lives) in (0..).zip(&lives) {
            let answer = store.claim(&claim(request, 2, 2_000), at(1_000 + later));
            let expected = if *lives >= later { Claimed::OnItsWay } else { Claimed::New };
            prop_assert_eq!(answer, expected);
        }
        prop_assert_eq!(store.audited(), store.count());
    }
}

#[test]
fn thousands_come_and_go() {
    let evicted = counter();
    let store = Claims::new(20_000, evicted.clone());
    for request in 0..60_000 {
        let claim = claim(request, 1, 1_000 + request);
        assert_eq!(store.claim(&claim, at(1_000)), Claimed::New);
        if request % 3 == 0 {
            store.end(&claim, End::Released);
        }
    }
    assert_eq!(store.audited(), 20_000);
    assert_eq!(evicted.get(), 20_000);
    store.set_capacity(5_000);
    store.tidy(at(1_000));
    assert_eq!(store.audited(), 5_000);
    assert_eq!(evicted.get(), 35_000);
    // The last ones are those that expire last.
    assert!(store.has(&claim(59_999, 0, 0).key));
    assert!(!store.has(&claim(51_000, 0, 0).key));
    store.tidy(at(1_000_000));
    assert_eq!(store.audited(), 0);
    assert_eq!(evicted.get(), 35_000);
}
