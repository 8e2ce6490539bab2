//! What operators do, while a process delivers.

use super::rig::{Replica, Server, again, end, event, in_an_hour, now, until, within};
use crate::spool::archive::{Archive, State};
use crate::spool::event::EventId;
use crate::spool::store::End;

fn dead(error: Option<&str>) -> End {
    End::Dead {
        error: error.map(str::to_owned),
        was_tried: true,
    }
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn events_are_listed_in_the_order_in_which_they_came() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    assert!(within(archive.list(0)).await.unwrap().is_empty());
    let mut ids = Vec::new();
    for route in ["a", "b", "a"] {
        ids.push(replica.put(event(route, b"body")).await);
    }
    let listed = within(archive.list(0)).await.unwrap();
    assert_eq!(listed.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    assert_eq!(&*listed[1].route, "b");
    assert_eq!(listed[1].state, State::Waiting);
    assert_eq!(listed[1].bytes, event("b", b"body").request.bytes());
    assert!(listed[1].next_at.is_some());
    let rest = within(archive.list(listed[1].place)).await.unwrap();
    assert_eq!(rest, listed[2..]);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_dead_letter_is_kept_and_told_of_and_retried_whatever_its_age() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    let id = replica.put(event("a", b"body")).await;
    end(replica.next().await, again(now())).await;
    end(replica.next().await, dead(Some("404"))).await;
    assert_eq!(replica.counts().await, (0, 1));

    let (listed, request) = within(archive.show(id)).await.unwrap().unwrap();
    assert_eq!((listed.id, listed.state), (id, State::Dead));
    assert_eq!((listed.attempts, listed.next_at), (2, None));
    assert_eq!(listed.last_error.as_deref(), Some("404"));
    assert_eq!(request.body().concat(), b"body");

    assert!(within(archive.retry(id)).await.unwrap());
    assert_eq!(replica.counts().await, (1, 0));
    let lease = replica.next().await;
    let info = lease.info().clone();
    assert_eq!((info.id, info.attempts, info.is_retried), (id, 2, true));
    end(lease, End::Delivered).await;
    assert_eq!(replica.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_dead_letter_that_was_not_tried_any_more_keeps_the_last_error() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let id = replica.put(event("a", b"")).await;
    end(replica.next().await, again(now())).await;
    let too_old = End::Dead {
        error: None,
        was_tried: false,
    };
    end(replica.next().await, too_old).await;
    let archive = server.archive().await;
    let (listed, _) = within(archive.show(id)).await.unwrap().unwrap();
    assert_eq!(listed.attempts, 1);
    assert_eq!(listed.last_error.as_deref(), Some("connection refused"));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn all_dead_letters_are_retried() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    for _ in 0..3 {
        replica.put(event("a", b"")).await;
        end(replica.next().await, dead(None)).await;
    }
    replica.put(event("a", b"")).await;
    assert_eq!(within(archive.retry_dead()).await.unwrap(), 3);
    assert_eq!(replica.counts().await, (4, 0));
    assert_eq!(within(archive.retry_dead()).await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_waits_is_retried_at_once_and_delivered_once() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    let id = replica.put(event("a", b"")).await;
    end(replica.next().await, again(in_an_hour())).await;
    assert!(within(archive.retry(id)).await.unwrap());
    let lease = replica.next().await;
    assert_eq!((lease.info().id, lease.info().is_retried), (id, false));
    end(lease, End::Delivered).await;
    assert_eq!(replica.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_waits_in_order_stays_where_it_is() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    let first = replica.put(event("a", b"")).await;
    let second = replica.put(event("a", b"")).await;
    let lease = replica.next_of("a", true).await;
    assert!(within(archive.retry(second)).await.unwrap());
    assert!(within(archive.retry(first)).await.unwrap());
    assert_eq!(lease.info().id, first);
    end(lease, End::Delivered).await;
    let lease = replica.next_of("a", true).await;
    assert_eq!((lease.info().id, lease.info().is_retried), (second, false));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_is_dropped_is_gone_whoever_holds_it() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    let held = replica.put(event("a", b"")).await;
    end(replica.next_of("a", true).await, again(in_an_hour())).await;
    let next = replica.put(event("a", b"")).await;
    assert!(within(archive.drop_event(held)).await.unwrap());
    // It stands in nobody's way.
    let lease = replica.next_of("a", true).await;
    assert_eq!(lease.info().id, next);
    assert!(within(archive.drop_event(next)).await.unwrap());
    assert!(within(lease.load()).await.is_err());
    end(lease, dead(None)).await;
    assert_eq!(replica.counts().await, (0, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_is_not_there_is_not_found() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    replica.put(event("a", b"")).await;
    let id = EventId::fresh();
    assert!(within(archive.show(id)).await.unwrap().is_none());
    assert!(!within(archive.retry(id)).await.unwrap());
    assert!(!within(archive.drop_event(id)).await.unwrap());
    until(|| async { replica.counts().await == (1, 0) }).await;
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_is_found_wherever_it_is() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let archive = server.archive().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(replica.put(event("a", b"")).await);
        for id in &ids {
            let found = within(archive.show(*id)).await.unwrap();
            assert_eq!(found.unwrap().0.id, *id);
        }
    }
}
