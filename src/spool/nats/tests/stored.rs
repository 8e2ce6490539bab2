//! What is safe, what counts once, and what is not taken.

use std::time::Duration;

use futures_util::FutureExt;

use super::rig::{Replica, Server, end, event, until, within};
use crate::spool::archive::State;
use crate::spool::nats::message::{Meta, payload};
use crate::spool::nats::stream;
use crate::spool::store::{End, Store, StoreError};

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_is_published_twice_counts_once() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let link = replica.connected().await;
    let event = event("a", b"");
    let subject = replica.store.shared.subjects.name(State::Waiting, "a");
    let mut places = Vec::new();
    for _ in 0..2 {
        let headers = Meta::of(&event).headers(&event.id.to_string());
        let published = link.publish(subject.clone(), headers, payload(&event.request));
        let published = within(published).await;
        places.push(published.ok().unwrap().sequence);
    }
    assert_eq!(places[0], places[1]);
    assert_eq!(replica.counts().await, (1, 0));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_that_is_given_up_is_taken_out_again() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    for _ in 0..20 {
        let put = replica.store.put(event("a", b"body"));
        // It is on its way now.
        assert!(put.now_or_never().is_none());
    }
    let shared = &replica.store.shared;
    until(|| async { shared.given_up.is_empty() }).await;
    assert_eq!(replica.counts().await, (0, 0));
    let id = replica.put(event("a", b"")).await;
    assert_eq!(replica.next().await.info().id, id);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_event_over_the_servers_max_payload_is_too_large() {
    let server = Server::start_with("max_payload: 65536");
    let replica = Replica::of(server.settings()).await;
    let head = event("a", b"").request.bytes();
    let room = usize::try_from(65_536 - 1_024 - head).unwrap();
    let put = replica.store.put(event("a", &vec![0; room + 1]));
    let error = within(put).await.unwrap_err();
    assert!(matches!(&error, StoreError::TooLarge(_)));
    let words = error.to_string();
    assert!(
        words.contains("64513") && words.contains("64512"),
        "{words}"
    );

    replica.put(event("a", &vec![0; room])).await;
    let lease = replica.next().await;
    assert_eq!(within(lease.load()).await.unwrap().body_len(), room as u64);
    // It fits also with what a dead letter has in its headers.
    let dead = End::Dead {
        error: Some("x".repeat(1_000)),
        was_tried: true,
    };
    end(lease, dead).await;
    assert_eq!(replica.counts().await, (0, 1));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn nothing_is_lost_with_the_servers_process() {
    let mut server = Server::start();
    let mut settings = server.settings();
    settings.ack_wait = Duration::from_secs(2);
    let replica = Replica::of(settings).await;
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(replica.put(event("a", &[b'x'; 1_000])).await);
    }
    let dead = End::Dead {
        error: None,
        was_tried: true,
    };
    end(replica.next().await, dead).await;
    server.kill();
    until(|| async { replica.store.shared.link().is_err() }).await;
    let error = within(replica.store.put(event("a", b""))).await;
    assert!(matches!(error, Err(StoreError::Failed(_))));
    server.restart();

    replica.connected().await;
    let mut delivered = Vec::new();
    // The server may not remember that the first one ended.
    while replica.counts().await.0 > 0 {
        let lease = replica.next().await;
        assert_eq!(within(lease.load()).await.unwrap().body_len(), 1_000);
        delivered.push(lease.info().id);
        end(lease, End::Delivered).await;
    }
    assert!(ids[1..].iter().all(|id| delivered.contains(id)));
    assert_eq!(replica.counts().await, (0, 1));
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_stream_without_room_refuses_and_has_room_again_after_a_delivery() {
    let server = Server::start();
    let context = async_nats::jetstream::new(server.client().await);
    let mut config = stream::wanted(&server.settings());
    config.max_messages = 1;
    context.create_stream(config).await.unwrap();
    let replica = Replica::of(server.settings()).await;
    replica.put(event("a", b"")).await;
    let error = within(replica.store.put(event("a", b"")))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("maximum messages exceeded"),
        "{error}"
    );
    end(replica.next().await, End::Delivered).await;
    replica.put(event("a", b"")).await;
    assert_eq!(replica.counts().await, (1, 0));
}
