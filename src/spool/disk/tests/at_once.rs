//! Many who store and deliver at once.

use std::collections::HashSet;
use std::sync::Arc;

use super::{End, NOON, Spool, event, within};
use crate::spool::store::Store;

const SENDERS: usize = 8;
const EVENTS: usize = 250;
const DELIVERIES: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_event_is_delivered_once() {
    let spool = Arc::new(Spool::new());
    let senders = (0..SENDERS).map(|_| {
        let spool = Arc::clone(&spool);
        tokio::spawn(async move {
            for _ in 0..EVENTS {
                let event = event(&spool.route, NOON);
                spool.store.put(event).await.unwrap();
            }
        })
    });
    let deliveries = (0..DELIVERIES).map(|_| {
        let spool = Arc::clone(&spool);
        tokio::spawn(async move {
            let mut delivered = Vec::new();
            for _ in 0..SENDERS * EVENTS / DELIVERIES {
                let lease = spool.store.next(&spool.route, false).await.unwrap();
                delivered.push(lease.info().id);
                lease.end(End::Delivered).await.unwrap();
            }
            delivered
        })
    });
    let senders = futures_util::future::join_all(senders.collect::<Vec<_>>());
    let deliveries = futures_util::future::join_all(deliveries.collect::<Vec<_>>());
    let (sent, delivered) = within(futures_util::future::join(senders, deliveries)).await;
    assert!(sent.iter().all(Result::is_ok));
    let delivered: Vec<_> = delivered.into_iter().flat_map(Result::unwrap).collect();
    let different: HashSet<_> = delivered.iter().collect();
    assert_eq!(
        (delivered.len(), different.len()),
        (SENDERS * EVENTS, SENDERS * EVENTS)
    );
    assert_eq!(spool.count().await, 0);
}
