//! How many attempts are made beside each other, and in which order.

use std::time::Duration;

use super::fakes::{Bench, Seen};
use crate::spool::Cause;
use crate::spool::deliver::Attempted;

fn answered(status: u16) -> Attempted {
    Attempted::Answered {
        status,
        retry_after: None,
    }
}

#[tokio::test(start_paused = true)]
async fn eight_are_on_their_way_at_once_at_most() {
    let bench = Bench::new("", |_| answered(200));
    *bench.app.takes.lock().unwrap() = Duration::from_millis(100);
    for _ in 0..200 {
        bench.store_one().await;
    }
    bench.until_none_waits().await;
    assert_eq!(bench.app.most_at_once(), 8);
    assert_eq!(bench.app.seen().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn in_order_means_one_after_the_other_also_past_failures() {
    let bench = Bench::new("spool_in_order = true", |seen: Seen| {
        answered(if seen.at < 20_000 { 503 } else { 200 })
    });
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(bench.store_one().await.to_string());
        bench.pass(2).await;
    }
    bench.until_none_waits().await;
    assert_eq!(bench.app.most_at_once(), 1);
    let mut order: Vec<String> = bench.app.seen().into_iter().map(|seen| seen.id).collect();
    order.dedup();
    assert_eq!(order, ids);
}

/// An app that never takes events whose place among those it saw first is one of these.
fn refusing(places: std::ops::Range<usize>) -> impl FnMut(Seen) -> Attempted + Send {
    let mut ids: Vec<String> = Vec::new();
    move |seen| {
        let place = ids.iter().position(|id| *id == seen.id);
        let place = place.unwrap_or_else(|| {
            ids.push(seen.id.clone());
            ids.len() - 1
        });
        answered(if places.contains(&place) { 500 } else { 200 })
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_the_app_never_takes_do_not_hold_up_the_others() {
    let bench = Bench::new("", refusing(20..32));
    for _ in 0..32 {
        bench.store_one().await;
    }
    for _ in 0..60 {
        let id = bench.store_one().await.to_string();
        bench.pass(1).await;
        let seen = bench.app.seen();
        assert!(seen.iter().any(|seen| seen.id == id), "it waits for others");
    }
    assert_eq!(bench.store.states(), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn events_that_the_app_never_takes_keep_their_pauses_while_it_takes_others() {
    const BAD: usize = 300;
    let bench = Bench::new("", refusing(0..BAD));
    bench.spool.app_answers(&bench.route.name);
    for _ in 0..BAD {
        bench.keep(Cause::AppFailed { asked: None }).await;
    }
    for _ in 0..250 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.spool.app_answers(&bench.route.name);
    }
    // At 0 or 1, 2, 4, 8 and 16 s.
    let most = bench.app.seen().iter().map(|seen| seen.attempt).max();
    assert!(most.unwrap() <= 6, "{most:?}");
    assert_eq!(bench.store.states(), (BAD, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_on_its_way_end_and_begins_nothing() {
    let bench = Bench::new("", |_| answered(200));
    *bench.app.takes.lock().unwrap() = Duration::from_secs(5);
    for _ in 0..20 {
        bench.store_one().await;
    }
    bench.pass(1).await;
    assert_eq!(bench.app.seen().len(), 1);
    bench.spool.stop_delivering();
    bench.spool.attempts_ended().await;
    assert_eq!(bench.app.seen().len(), 1);
    assert_eq!(bench.store.states(), (19, 0));
}
