//! How many attempts are made beside each other, and in which order.

use std::time::Duration;

use super::fakes::{Bench, Seen};
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

#[tokio::test(start_paused = true)]
async fn an_event_that_the_app_never_takes_does_not_hold_up_the_others() {
    let mut poison: Option<String> = None;
    let bench = Bench::new("", move |seen: Seen| {
        let poison = poison.get_or_insert_with(|| seen.id.clone());
        answered(if seen.id == *poison { 500 } else { 200 })
    });
    for _ in 0..50 {
        bench.store_one().await;
        bench.pass(1).await;
    }
    bench.pass(10).await;
    assert_eq!(bench.store.states(), (1, 0));
    let first = bench.app.seen()[0].id.clone();
    let of_poison = bench.app.seen().into_iter().filter(|seen| seen.id == first);
    let of_poison: Vec<u64> = of_poison.map(|seen| seen.at / 1_000).collect();
    // Others that were taken meanwhile did not bring it back before its time.
    assert!(of_poison.len() <= 7, "{of_poison:?}");
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
