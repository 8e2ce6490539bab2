//! When attempts are made while an app is down, and once it is there again.

use std::time::Duration;

use super::fakes::{Bench, Seen};
use crate::spool::Cause;
use crate::spool::deliver::Attempted;

const ANSWERS_200: Attempted = Attempted::Answered {
    status: 200,
    retry_after: None,
};

fn down() -> Attempted {
    Attempted::Unanswered("app_unreachable".to_owned())
}

/// An app that is down for so many seconds.
fn down_for(seconds: u64) -> impl FnMut(Seen) -> Attempted + Send {
    move |seen| {
        if seen.at < seconds * 1_000 {
            down()
        } else {
            ANSWERS_200
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_five_minutes_and_the_event_is_delivered_after_an_hour() {
    let bench = Bench::new("", down_for(3_600));
    bench.store_one().await;
    bench.until_none_waits().await;
    let seen = bench.app.seen();
    let attempts: Vec<u32> = seen.iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, (1..=attempts.len() as u32).collect::<Vec<_>>());
    assert!(seen.iter().all(|one| one.id == seen[0].id));
    let pauses: Vec<u64> = seen.windows(2).map(|two| two[1].at - two[0].at).collect();
    let least = [1, 2, 4, 8, 16, 32, 64, 128]
        .into_iter()
        .chain(std::iter::repeat(240));
    for (pause, least) in pauses.iter().zip(least) {
        let range = least * 1_000..=least * 1_250 + 10;
        assert!(range.contains(pause), "{pauses:?}");
    }
    let last = seen.last().unwrap().at;
    assert!((3_600_000..=3_900_010).contains(&last), "{last}");
    assert_eq!(bench.store.states(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_down_is_tried_by_one_request_at_a_time_however_many_wait() {
    let bench = Bench::new("", down_for(3_600));
    for _ in 0..500 {
        bench.store_one().await;
    }
    bench.pass(3_590).await;
    assert_eq!(bench.app.most_at_once(), 1);
    // Two at once, then pauses of 1, 2, 4 … 240 s and a quarter more: not 500 times as many.
    let attempts = bench.app.seen().len();
    assert!(
        (15..30).contains(&attempts),
        "{attempts}: {:?}",
        bench.app.seconds()
    );
    assert_eq!(bench.store.states(), (500, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_that_is_taken_releases_the_rest_at_once_and_not_all_together() {
    let bench = Bench::new("", down_for(3_600));
    for _ in 0..500 {
        bench.store_one().await;
    }
    bench.pass(3_600).await;
    let during = bench.app.seen().len();
    *bench.app.takes.lock().unwrap() = Duration::from_millis(10);
    bench.until_none_waits().await;
    let after: Vec<Seen> = bench.app.seen().split_off(during);
    assert_eq!(after.len(), 500);
    let took = after.last().unwrap().at - after[0].at;
    // 500 events of 10 ms each, up to eight at once.
    assert!(took < 2_000, "{took}");
    assert_eq!(bench.app.most_at_once(), 8);
    let in_first_10_ms = after
        .iter()
        .filter(|seen| seen.at < after[0].at + 10)
        .count();
    assert_eq!(in_first_10_ms, 1);
    let in_next_10_ms = after
        .iter()
        .filter(|seen| seen.at < after[0].at + 20)
        .count();
    assert!(in_next_10_ms <= 4, "{in_next_10_ms}");
}

#[tokio::test(start_paused = true)]
async fn a_live_request_that_is_taken_releases_what_waits() {
    let bench = Bench::new("", down_for(3_000));
    bench.keep(Cause::AppFailed { asked: None }).await;
    bench.pass(3_000).await;
    let during = bench.app.seen().len();
    bench.spool.app_answers(&bench.route.name);
    bench.pass(1).await;
    assert_eq!(bench.app.seen().len(), during + 1);
    assert_eq!(bench.store.states(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_asks_for_a_pause_gets_it() {
    let mut is_first = true;
    let bench = Bench::new("", move |_| {
        if std::mem::replace(&mut is_first, false) {
            Attempted::Answered {
                status: 429,
                retry_after: Some(Duration::from_secs(77)),
            }
        } else {
            ANSWERS_200
        }
    });
    bench.store_one().await;
    bench.store_one().await;
    bench.until_none_waits().await;
    let seconds = bench.app.seconds();
    assert_eq!(seconds, [0, 77, 77]);
}
