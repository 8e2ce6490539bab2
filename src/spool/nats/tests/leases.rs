//! One event and what becomes of it.

use std::time::Duration;

use super::rig::{Replica, Server, again, end, event, in_an_hour, now, until, within};
use crate::spool::store::{End, Store};

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_is_stored_leased_read_and_delivered() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let stored = event("a", b"body");
    let (received_at, bytes) = (stored.received_at, stored.request.bytes());
    let head = stored.request.head().clone();
    let id = replica.put(stored).await;
    assert_eq!(replica.counts().await, (1, 0));
    let totals = replica.totals().await;
    assert_eq!(totals.routes[0].oldest, Some(received_at));
    assert!(totals.bytes >= bytes);

    let lease = replica.next().await;
    let info = lease.info().clone();
    assert_eq!((info.id, &*info.route), (id, "a"));
    assert_eq!((info.received_at, info.bytes), (received_at, bytes));
    assert_eq!((info.attempts, info.is_retried), (0, false));
    let request = within(lease.load()).await.unwrap();
    assert_eq!(*request.head(), head);
    assert_eq!(request.body().concat(), b"body");
    end(lease, End::Delivered).await;
    assert_eq!(replica.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_without_a_body_and_of_a_route_with_any_name_is_one() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let id = replica.put(event("a.*> é", b"")).await;
    let lease = replica.next_of("a.*> é", false).await;
    assert_eq!(lease.info().id, id);
    assert!(
        within(lease.load())
            .await
            .unwrap()
            .body()
            .concat()
            .is_empty()
    );
    assert_eq!(&*replica.totals().await.routes[0].route, "a.*> é");
    end(lease, End::Delivered).await;
    assert!(replica.totals().await.routes.is_empty());
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn attempts_are_counted_over_a_restart_of_the_process() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    replica.put(event("a", b"")).await;
    for attempts in 0..3 {
        let lease = replica.next().await;
        assert_eq!(lease.info().attempts, attempts);
        end(lease, again(now())).await;
    }
    replica.stop().await;
    let replica = Replica::of(server.settings()).await;
    assert_eq!(replica.next().await.info().attempts, 3);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_lease_that_is_dropped_is_leased_again_and_no_attempt() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    replica.put(event("a", b"")).await;
    drop(replica.next().await);
    let lease = replica.next().await;
    assert_eq!(lease.info().attempts, 0);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_lease_that_is_dropped_is_for_whoever_waits() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let id = replica.put(event("a", b"")).await;
    let lease = replica.next().await;
    let route = "a".into();
    let mut next = Box::pin(replica.store.next(&route, false));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    drop(lease);
    let lease = within(next).await.unwrap();
    assert_eq!((lease.info().id, lease.info().attempts), (id, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn waiting_that_is_given_up_leases_nothing() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let route = "a".into();
    let mut given_up = Box::pin(replica.store.next(&route, false));
    assert!(futures_util::poll!(given_up.as_mut()).is_pending());
    drop(given_up);
    let id = replica.put(event("a", b"")).await;
    let lease = replica.next().await;
    assert_eq!((lease.info().id, lease.info().attempts), (id, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn the_first_attempt_is_made_when_it_is_due() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let mut later = event("a", b"");
    later.due_at = now().after(Duration::from_millis(700));
    let due_at = later.due_at;
    replica.put(later).await;
    let lease = replica.next().await;
    assert!(now() >= due_at);
    assert_eq!(lease.info().attempts, 0);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_app_that_takes_events_again_gets_those_that_waited_for_it() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(replica.put(event("a", b"")).await);
        end(replica.next().await, again(in_an_hour())).await;
    }
    replica.store.release("a");
    let mut leases = Vec::new();
    for id in ids {
        let lease = replica.next().await;
        assert_eq!((lease.info().id, lease.info().attempts), (id, 1));
        leases.push(lease);
    }
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn in_order_no_event_comes_before_the_first_has_ended() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let other = Replica::of(server.settings()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(replica.put(event("a", b"")).await);
    }
    let mut seen = Vec::new();
    for id in &ids {
        for attempts in 0..2 {
            let lease = tokio::select! {
                lease = replica.next_of("a", true) => lease,
                lease = other.next_of("a", true) => lease,
            };
            let info = lease.info().clone();
            seen.push((info.id, info.attempts));
            assert_eq!(seen.last(), Some(&(*id, attempts)));
            if attempts == 0 {
                end(lease, again(now().after(Duration::from_millis(50)))).await;
            } else {
                end(lease, End::Delivered).await;
            }
        }
    }
    assert_eq!(replica.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_others_write_into_the_stream_is_removed_and_stops_nothing() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let client = server.client().await;
    let context = async_nats::jetstream::new(client);
    let of_others = context.publish("HOOKWARD.waiting.a", "x".into());
    of_others.await.unwrap().await.unwrap();
    let id = replica.put(event("a", b"")).await;
    assert_eq!(replica.next().await.info().id, id);
    until(|| async { replica.counts().await == (1, 0) }).await;
}
