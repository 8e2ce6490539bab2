//! Which events become dead letters, and what is made of those.

use super::fakes::{Bench, Seen};
use crate::spool::deliver::Attempted;

fn answering(status: u16) -> impl FnMut(Seen) -> Attempted + Send {
    move |_| Attempted::Answered {
        status,
        retry_after: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_app_refuses_is_dead_after_one_attempt_and_stops_nothing() {
    let mut number = 0;
    let bench = Bench::new("", move |_| {
        number += 1;
        Attempted::Answered {
            status: if number == 1 { 400 } else { 204 },
            retry_after: None,
        }
    });
    bench.store_one().await;
    bench.store_one().await;
    bench.until_none_waits().await;
    assert_eq!(bench.store.states(), (0, 1));
    assert_eq!(bench.store.errors(), ["the app answered 400"]);
    assert_eq!(bench.app.seconds(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_old_is_dead_and_one_that_is_retried_is_tried_all_the_same() {
    let bench = Bench::new("spool_max_age = \"1h\"", answering(500));
    bench.store_one().await;
    bench.until_none_waits().await;
    assert_eq!(bench.store.states(), (0, 1));
    let attempts = bench.app.seen();
    let last = attempts.last().unwrap().at;
    assert!(last <= 3_600_000, "{last}");
    bench.pass(24 * 3_600).await;
    bench.store.retry();
    bench.until_none_waits().await;
    assert_eq!(bench.app.seen().len(), attempts.len() + 1);
    assert_eq!(bench.store.states(), (0, 1));
    assert_eq!(bench.store.errors(), ["the app answered 500"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_route_that_is_gone_waits_until_it_is_there_again() {
    let bench = Bench::new("", answering(200));
    *bench.app.route.lock().unwrap() = None;
    bench.store_one().await;
    bench.pass(10 * 24 * 3_600).await;
    assert!(bench.app.seen().is_empty());
    assert_eq!(bench.store.states(), (1, 0));
    *bench.app.route.lock().unwrap() = Some(std::sync::Arc::clone(&bench.route));
    bench.pass(10).await;
    // It has become too old meanwhile.
    assert_eq!(bench.store.states(), (0, 1));
}
