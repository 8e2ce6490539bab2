//! Which event is next, and when.

use std::time::Duration;

use super::{NOON, Spool, again, end, event};
use crate::spool::store::{End, Store};
use crate::verify::Timestamp;

const HOUR: u64 = 3_600_000;

#[tokio::test]
async fn the_one_that_is_due_for_the_longest_time_comes_first() {
    let spool = Spool::new();
    let late = spool.put(300).await;
    let early = spool.put(100).await;
    let middle = spool.put(200).await;
    assert_eq!(
        spool.look(false).await.err(),
        Some(Duration::from_millis(100))
    );
    spool.pass(250);
    let first = spool.lease().await;
    assert_eq!(first.info().id, early);
    assert_eq!(first.info().received_at, Timestamp::from_millis(NOON));
    let second = spool.lease().await;
    assert_eq!(second.info().id, middle);
    assert_eq!(
        spool.look(false).await.err(),
        Some(Duration::from_millis(50))
    );
    spool.pass(50);
    assert_eq!(spool.next_id().await, Some(late));
}

#[tokio::test]
async fn what_was_put_off_while_the_clock_was_ahead_is_due() {
    let spool = Spool::new();
    let far = spool.put(HOUR + 5 * 60_000 + 1).await;
    assert_eq!(spool.next_id().await, Some(far));
    let spool = Spool::new();
    spool.put(HOUR + 5 * 60_000).await;
    assert_eq!(spool.look(false).await.err(), Some(Duration::from_secs(60)));
    assert_eq!(spool.look(true).await.err(), Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn an_app_that_answers_again_gets_those_that_waited_for_it() {
    let spool = Spool::new();
    let released = spool.put(0).await;
    end(spool.lease().await, again(NOON + HOUR)).await;
    let own = spool.put(0).await;
    let of_its_own = End::Again {
        at: Timestamp::from_millis(NOON + HOUR),
        error: "timeout".to_owned(),
        is_its_own: true,
    };
    end(spool.lease().await, of_its_own).await;
    let put_off = spool.put(1_000).await;
    assert!(spool.look(false).await.is_err());
    spool.pass(1);
    spool.store.release("orders");
    let mut leases = Vec::new();
    while let Ok(lease) = spool.look(false).await {
        leases.push(lease);
    }
    let ids: Vec<_> = leases.iter().map(|lease| lease.info().id).collect();
    assert_eq!(ids, [released, put_off]);
    assert!(!ids.contains(&own));
}

#[tokio::test]
async fn what_failed_after_the_release_waits_again() {
    let spool = Spool::new();
    spool.put(0).await;
    spool.store.release("orders");
    spool.pass(1);
    end(spool.lease().await, again(spool.now() + 1_000)).await;
    assert_eq!(spool.look(false).await.err(), Some(Duration::from_secs(1)));
    assert_eq!(spool.look(true).await.err(), Some(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_release_is_of_one_route() {
    let spool = Spool::new();
    spool.put(HOUR).await;
    spool.store.release("others");
    assert!(spool.look(false).await.is_err());
}

#[tokio::test]
async fn in_order_nothing_passes_the_first_one() {
    let spool = Spool::new();
    let first = spool.put(1_000).await;
    let second = spool.put(0).await;
    assert_eq!(spool.look(true).await.err(), Some(Duration::from_secs(1)));
    spool.pass(1_000);
    let lease = spool.look(true).await.unwrap();
    assert_eq!(lease.info().id, first);
    assert!(spool.look(true).await.is_err(), "it is on its way");
    end(lease, again(spool.now() + 500)).await;
    assert_eq!(
        spool.look(true).await.err(),
        Some(Duration::from_millis(500))
    );
    spool.store.release("orders");
    let lease = spool.look(true).await.unwrap();
    assert_eq!((lease.info().id, lease.info().attempts), (first, 1));
    end(lease, End::Delivered).await;
    assert_eq!(spool.look(true).await.unwrap().info().id, second);
}

#[tokio::test]
async fn a_dead_letter_is_passed() {
    let spool = Spool::new();
    spool.put(0).await;
    let second = spool.put(0).await;
    let dead = End::Dead {
        error: Some("status 404".to_owned()),
        was_tried: true,
    };
    end(spool.look(true).await.unwrap(), dead).await;
    assert_eq!(spool.look(true).await.unwrap().info().id, second);
    let totals = spool.store.totals().await.unwrap();
    assert_eq!((totals.routes[0].waiting, totals.routes[0].dead), (1, 1));
}

#[tokio::test]
async fn routes_do_not_see_each_other() {
    let spool = Spool::new();
    spool
        .store
        .put(event(&"others".into(), NOON))
        .await
        .unwrap();
    assert!(spool.look(false).await.is_err());
    assert!(spool.look(true).await.is_err());
}
