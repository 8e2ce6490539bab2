//! Processes that share a stream.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use super::rig::{Replica, Server, again, end, event, in_an_hour, now, until, within};
use crate::spool::nats::Settings;
use crate::spool::store::{End, Store};

fn impatient(server: &Server) -> Settings {
    let mut settings = server.settings();
    settings.ack_wait = Duration::from_secs(2);
    settings
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_a_process_had_that_died_another_one_gets() {
    let server = Server::start();
    let first = Replica::of(impatient(&server)).await;
    let mut ids = vec![
        first.put(event("a", b"")).await,
        first.put(event("a", b"")).await,
    ];
    let leased = first.next().await;
    end(first.next().await, again(in_an_hour())).await;
    let second = Replica::of(impatient(&server)).await;
    first.die().await;
    std::mem::forget(leased);
    for _ in 0..2 {
        let lease = second.next().await;
        assert_eq!(lease.info().attempts, 1);
        ids.retain(|id| *id != lease.info().id);
        end(lease, End::Delivered).await;
    }
    assert!(ids.is_empty());
    assert_eq!(second.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_a_process_holds_that_lives_no_other_one_gets() {
    let server = Server::start();
    let first = Replica::of(impatient(&server)).await;
    first.put(event("a", b"")).await;
    first.put(event("a", b"")).await;
    let leased = first.next().await;
    let at = now().after(Duration::from_secs(5));
    end(first.next().await, again(at)).await;
    let second = Replica::of(impatient(&server)).await;
    // Two and a half time limits later it is due, and not before.
    let lease = second.next().await;
    assert!(now() >= at);
    assert_ne!(lease.info().id, leased.info().id);
    assert_eq!(lease.info().attempts, 1);
    end(leased, End::Delivered).await;
    end(lease, End::Delivered).await;
    assert_eq!(second.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_a_process_held_that_stopped_is_due_when_it_was() {
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    first.put(event("a", b"")).await;
    let at = now().after(Duration::from_secs(2));
    end(first.next().await, again(at)).await;
    first.stop().await;
    let second = Replica::of(server.settings()).await;
    let lease = second.next().await;
    assert!(now() >= at);
    assert_eq!(lease.info().attempts, 1);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_a_process_holds_that_stops_delivering_is_for_others_and_it_still_stores() {
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    let held = first.put(event("a", b"")).await;
    let at = now().after(Duration::from_secs(2));
    end(first.next().await, again(at)).await;
    within(first.store.give_back()).await.unwrap();
    let second = Replica::of(server.settings()).await;
    let lease = second.next().await;
    assert_eq!((lease.info().id, lease.info().attempts), (held, 1));
    let more = first.put(event("a", b"")).await;
    assert_eq!(second.next().await.info().id, more);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn what_nobody_asks_for_any_more_is_for_another_process() {
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    let id = first.put(event("a", b"")).await;
    drop(first.next().await);
    let second = Replica::of(server.settings()).await;
    assert_eq!(second.next().await.info().id, id);
}

/// Leases events as long as there are some; every third attempt fails.
async fn deliver(
    replica: &Replica,
    out: &Mutex<HashSet<String>>,
    delivered: &Mutex<HashSet<String>>,
    count: usize,
) {
    let mut attempts = 1_u64..;
    while delivered.lock().unwrap().len() < count {
        let next = tokio::time::timeout(Duration::from_millis(500), replica.next());
        let Ok(lease) = next.await else {
            continue;
        };
        let id = lease.info().id.to_string();
        assert!(out.lock().unwrap().insert(id.clone()), "leased twice");
        within(lease.load()).await.unwrap();
        tokio::task::yield_now().await;
        assert!(out.lock().unwrap().remove(&id));
        if attempts.next().is_some_and(|attempt| attempt % 3 == 0) {
            end(lease, again(now().after(Duration::from_millis(20)))).await;
        } else {
            assert!(delivered.lock().unwrap().insert(id), "delivered twice");
            end(lease, End::Delivered).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs nats-server"]
async fn two_processes_never_have_the_same_event_at_once_and_deliver_each_once() {
    const COUNT: usize = 200;
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    let second = Replica::of(server.settings()).await;
    for _ in 0..COUNT {
        first.put(event("a", b"body")).await;
    }
    let out = Mutex::default();
    let delivered = Mutex::default();
    let work = |replica| deliver(replica, &out, &delivered, COUNT);
    let all =
        futures_util::future::join_all([work(&first), work(&second), work(&first), work(&second)]);
    within(all).await;
    assert_eq!(delivered.into_inner().unwrap().len(), COUNT);
    assert_eq!(first.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_release_reaches_what_another_process_holds() {
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    let second = Replica::of(server.settings()).await;
    let held = first.put(event("a", b"")).await;
    end(first.next().await, again(in_an_hour())).await;
    second.store.release("a");
    let lease = second.next().await;
    assert_eq!(lease.info().id, held);
    end(lease, End::Delivered).await;
    until(|| async { second.counts().await == (0, 0) }).await;
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_release_reaches_an_attempt_that_another_process_makes() {
    let server = Server::start();
    let first = Replica::of(server.settings()).await;
    let second = Replica::of(server.settings()).await;
    let id = first.put(event("a", b"")).await;
    let other = first.put(event("a", b"")).await;
    let attempt = first.next().await;
    end(first.next().await, again(in_an_hour())).await;
    second.store.release("a");
    let lease = second.next().await;
    assert_eq!((attempt.info().id, lease.info().id), (id, other));
    end(attempt, again(in_an_hour())).await;
    assert_eq!(second.next().await.info().id, id);
}
