use std::sync::Arc;
use std::time::Duration;

use crate::spool::event::EventId;
use crate::spool::nats::kept::{Arrived, Delivery, Due, GiveBack, Kept, MAX_HELD};
use crate::spool::store::Info;
use crate::verify::Timestamp;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The same for the same place.
fn id(sequence: u64) -> EventId {
    format!("{sequence:032x}").parse().unwrap()
}

fn delivery(sequence: u64) -> Delivery {
    Delivery {
        sequence,
        reply: format!("reply.{sequence}").into(),
        info: Info {
            id: id(sequence),
            route: Arc::from("a"),
            received_at: at(0),
            attempts: 0,
            bytes: 1,
            is_retried: false,
        },
        due_at: None,
    }
}

fn back(sequence: u64, at: Option<Timestamp>) -> GiveBack {
    GiveBack {
        reply: format!("reply.{sequence}").into(),
        at,
    }
}

/// One that was leased.
fn leased(kept: &mut Kept, sequence: u64) {
    assert_eq!(kept.arrive(delivery(sequence), at(0)), Arrived::Ready);
    assert_eq!(kept.lease().unwrap().sequence, sequence);
}

#[test]
fn a_failed_attempt_goes_back_to_the_server_when_its_time_has_come() {
    let mut kept = Kept::default();
    leased(&mut kept, 1);
    assert_eq!(kept.hold(1, id(1), at(5_000), false), None);
    assert_eq!(kept.next_due(), Some(at(5_000)));
    assert_eq!(kept.take_due(at(4_999)), Due::default());
    assert_eq!(kept.replies().len(), 1);
    assert_eq!(kept.take_due(at(5_000)).back, [back(1, None)]);
    assert_eq!(kept.replies().len(), 0);
    assert_eq!(kept.next_due(), None);
}

#[test]
fn the_first_attempt_is_waited_for_and_does_not_count() {
    let mut kept = Kept::default();
    let mut first = delivery(1);
    first.due_at = Some(at(5_000));
    assert_eq!(kept.arrive(first, at(0)), Arrived::Kept);
    assert!(kept.lease().is_none());
    let due = kept.take_due(at(5_000));
    assert_eq!((due.ready, due.back.len()), (1, 0));
    assert_eq!(kept.lease().unwrap().sequence, 1);
}

#[test]
fn an_attempt_that_fails_after_another_process_said_that_the_app_is_well_is_due_at_once() {
    let mut kept = Kept::default();
    for sequence in [1, 2] {
        leased(&mut kept, sequence);
    }
    kept.hear_release(at(1_000));
    leased(&mut kept, 3);
    let hold = |kept: &mut Kept, sequence, is_its_own| {
        kept.hold(sequence, id(sequence), at(60_000), is_its_own)
    };
    assert_eq!(hold(&mut kept, 1, false), Some(back(1, None)));
    // The first is the app's fault, the others are their own, or came later.
    assert_eq!(hold(&mut kept, 2, true), None);
    assert_eq!(hold(&mut kept, 3, false), None);
}

#[test]
fn those_that_wait_for_the_app_are_released_and_those_whose_failure_is_their_own_are_not() {
    let mut kept = Kept::default();
    for sequence in [1, 2, 3] {
        leased(&mut kept, sequence);
    }
    kept.hold(1, id(1), at(60_000), false);
    kept.hold(2, id(2), at(60_000), true);
    kept.hold(3, id(3), at(30_000), false);
    kept.release(at(1_000));
    let mut released = kept.take_due(at(1_000)).back;
    released.sort_by_key(|back| back.reply.clone());
    assert_eq!(released, [back(1, None), back(3, None)]);
    assert_eq!(kept.next_due(), Some(at(60_000)));
}

#[test]
fn a_lease_that_is_dropped_is_for_the_next_who_asks() {
    let mut kept = Kept::default();
    assert_eq!(kept.arrive(delivery(1), at(0)), Arrived::Ready);
    assert_eq!(kept.arrive(delivery(2), at(0)), Arrived::Ready);
    assert_eq!(kept.lease().unwrap().sequence, 1);
    assert!(kept.return_lease(1, id(1), at(0)));
    assert_eq!(kept.lease().unwrap().sequence, 1);
}

#[test]
fn what_nobody_asks_for_goes_back() {
    let mut kept = Kept::default();
    leased(&mut kept, 1);
    assert!(kept.return_lease(1, id(1), at(500)));
    assert_eq!(kept.next_due(), Some(at(3_500)));
    assert_eq!(kept.take_due(at(3_499)), Due::default());
    assert_eq!(kept.take_due(at(3_500)).back, [back(1, None)]);
    assert!(kept.lease().is_none());
}

#[test]
fn an_end_is_told_until_it_is_known() {
    let mut kept = Kept::default();
    leased(&mut kept, 1);
    assert_eq!(kept.end(1, id(1)), Some("reply.1".into()));
    assert!(!kept.return_lease(1, id(1), at(0)));
    // The server has delivered it once more: it is told at the new place.
    let mut again = delivery(1);
    again.reply = "reply.new".into();
    assert_eq!(kept.arrive(again, at(0)), Arrived::Kept);
    assert!(kept.lease().is_none());
    let ended = kept.ended();
    assert_eq!((ended.len(), ended[0].reply.as_str()), (1, "reply.new"));
    kept.forget(1, id(1));
    assert!(kept.ended().is_empty());
}

#[test]
fn what_is_delivered_again_while_it_is_on_its_way_is_not_leased_twice() {
    let mut kept = Kept::default();
    leased(&mut kept, 1);
    let mut again = delivery(1);
    again.reply = "reply.new".into();
    assert_eq!(kept.arrive(again, at(0)), Arrived::Kept);
    assert!(kept.lease().is_none());
    assert_eq!(kept.end(1, id(1)), Some("reply.new".into()));
}

#[test]
fn after_too_long_a_silence_only_what_is_on_its_way_is_still_here() {
    let mut kept = Kept::default();
    for sequence in [1, 2, 3, 4] {
        leased(&mut kept, sequence);
    }
    kept.hold(1, id(1), at(1_000), false);
    kept.return_lease(2, id(2), at(0));
    kept.end(3, id(3));
    kept.lapse();
    assert_eq!(kept.replies().len(), 2);
    assert!(kept.lease().is_none());
    assert_eq!(kept.take_due(at(9_999)), Due::default());
    assert_eq!(kept.end(4, id(4)), Some("reply.4".into()));
}

#[test]
fn at_the_end_all_goes_back_that_is_not_on_its_way_each_at_its_time() {
    let mut kept = Kept::default();
    for sequence in [1, 2, 3, 4] {
        leased(&mut kept, sequence);
    }
    kept.hold(1, id(1), at(1_000), false);
    kept.return_lease(2, id(2), at(0));
    kept.end(3, id(3));
    let mut all = kept.take_all();
    all.sort_by_key(|back| back.reply.clone());
    assert_eq!(all, [back(1, Some(at(1_000))), back(2, None)]);
    assert_eq!(kept.replies().len(), 2);
}

#[test]
fn so_many_are_held_and_no_more() {
    let mut kept = Kept::default();
    let many = u64::try_from(MAX_HELD).unwrap();
    for sequence in 0..many {
        leased(&mut kept, sequence);
        assert_eq!(kept.hold(sequence, id(sequence), at(5_000), false), None);
    }
    leased(&mut kept, many);
    let postponed = Some(back(many, Some(at(5_000))));
    assert_eq!(kept.hold(many, id(many), at(5_000), false), postponed);
    let mut first = delivery(many + 1);
    first.due_at = Some(at(6_000));
    let postponed = Arrived::TooMany(back(many + 1, Some(at(6_000))));
    assert_eq!(kept.arrive(first, at(0)), postponed);
    assert_eq!(kept.replies().len(), MAX_HELD);
}

#[test]
fn the_last_error_is_known_until_the_end() {
    let mut kept = Kept::default();
    for sequence in 0..=u64::try_from(MAX_HELD).unwrap() {
        kept.errors.set(sequence, format!("error {sequence}"));
    }
    assert_eq!(kept.errors.of(0), None);
    kept.errors.set(1, "another".to_owned());
    assert_eq!(kept.errors.of(1), Some("another"));
    kept.end(1, id(1));
    assert_eq!(kept.errors.of(1), None);
}

#[test]
fn patience_is_counted_from_the_arrival() {
    let mut kept = Kept::default();
    kept.arrive(delivery(1), at(10_000));
    let end = at(10_000).after(Duration::from_secs(3));
    assert_eq!(kept.next_due(), Some(end));
}

#[test]
fn another_event_in_the_same_place_is_another() {
    let mut kept = Kept::default();
    leased(&mut kept, 1);
    let mut other = delivery(1);
    other.info.id = id(99);
    assert_eq!(kept.arrive(other.clone(), at(0)), Arrived::Ready);
    // What is said of the first one is not said of it.
    assert_eq!(kept.end(1, id(1)), None);
    assert!(!kept.return_lease(1, id(1), at(0)));
    assert_eq!(kept.hold(1, id(1), at(9), false), None);
    kept.forget(1, id(1));
    assert_eq!(kept.lease().unwrap().info.id, id(99));
    kept.hold(1, id(99), at(9), false);
    assert_eq!(kept.arrive(delivery(1), at(0)), Arrived::Ready);
    assert_eq!(kept.take_due(at(10)), Due::default());
    assert_eq!(kept.lease().unwrap().info.id, id(1));
}
