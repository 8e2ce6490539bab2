//! A hundred thousand events.

use super::{NOON, Spool, connect};
use crate::spool::store::Store;

#[tokio::test]
async fn a_hundred_thousand_events_are_summed_and_delivered_in_order() {
    let spool = Spool::new();
    let directory = spool.close();
    connect(directory.path())
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
             INSERT INTO events (id, route, state, received_at, next_at, waiting_since, bytes)
                 SELECT printf('%032x', n), 'orders', 'waiting', {NOON} + n, {NOON} + 200000 - n, {NOON}, 10
                 FROM numbers;
             INSERT INTO requests SELECT seq, x'47', x'' FROM events;
             COMMIT"
        ))
        .unwrap();
    let spool = Spool::in_directory(directory);
    let totals = spool.store.totals().await.unwrap();
    assert_eq!((totals.routes.len(), totals.bytes), (1, 1_000_000));
    assert_eq!(
        (totals.routes[0].waiting, totals.routes[0].dead),
        (100_000, 0)
    );
    assert_eq!(totals.routes[0].oldest.unwrap().as_millis(), NOON + 1);
    spool.pass(200_000);
    let mut leases = Vec::new();
    for number in 0..50u64 {
        let in_time = spool.look(false).await.unwrap();
        assert_eq!(
            in_time.info().id.to_string(),
            format!("{:032x}", 100_000 - number)
        );
        leases.push(in_time);
    }
    for number in 1..=50u64 {
        let in_order = spool.look(true).await.unwrap();
        assert_eq!(in_order.info().id.to_string(), format!("{number:032x}"));
        super::end(in_order, super::End::Delivered).await;
    }
    assert_eq!(spool.count().await, 99_950);
}
