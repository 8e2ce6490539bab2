//! The connection: made in the background, lost, and not made.

use secrecy::SecretString;

use super::rig::{Replica, Server, end, event, until, within};
use crate::spool::clock::Clock;
use crate::spool::nats::{Login, NatsArchive, try_out};
use crate::spool::store::{End, Store, StoreError};

/// Why a replica has no connection, once it tried to make one.
async fn obstacle(replica: &Replica) -> String {
    let error = || async {
        let put = within(replica.store.put(event("a", b""))).await;
        put.unwrap_err().to_string()
    };
    until(|| async { !error().await.contains("none was made yet") }).await;
    error().await
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_server_that_comes_later_is_found() {
    let mut server = Server::start();
    server.kill();
    let replica = Replica::unconnected(server.settings());
    let error = obstacle(&replica).await;
    assert!(error.contains("no connection to NATS"), "{error}");
    let route = "a".into();
    let next = replica.store.next(&route, false);
    server.restart();
    replica.connected().await;
    let id = replica.put(event("a", b"")).await;
    assert_eq!(within(next).await.unwrap().info().id, id);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_wait_for_events_goes_on_when_the_server_was_gone() {
    let mut server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let route = "a".into();
    let mut next = Box::pin(replica.store.next(&route, false));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    server.kill();
    until(|| async { replica.store.shared.link().is_err() }).await;
    server.restart();
    replica.connected().await;
    let id = replica.put(event("a", b"")).await;
    assert_eq!(within(next).await.unwrap().info().id, id);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn nothing_is_leased_that_cannot_be_read() {
    let mut server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let id = replica.put(event("a", b"")).await;
    let lease = replica.next().await;
    server.kill();
    until(|| async { replica.store.shared.link().is_err() }).await;
    drop(lease);
    let route = "a".into();
    let mut next = Box::pin(replica.store.next(&route, false));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    server.restart();
    let lease = within(next).await.unwrap();
    assert_eq!(lease.info().id, id);
    assert!(within(lease.load()).await.is_ok());
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn an_attempt_that_ended_while_the_server_was_gone_has_ended() {
    let mut server = Server::start();
    let replica = Replica::of(server.settings()).await;
    replica.put(event("a", b"")).await;
    let lease = replica.next().await;
    server.kill();
    until(|| async { replica.store.shared.link().is_err() }).await;
    let ended = within(lease.end(End::Delivered)).await;
    assert!(matches!(ended, Err(StoreError::Failed(_))));
    server.restart();
    replica.connected().await;
    until(|| async { replica.counts().await == (0, 0) }).await;
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_stream_of_another_kind_is_named_and_left_as_it_is() {
    let server = Server::start();
    let context = async_nats::jetstream::new(server.client().await);
    let config = async_nats::jetstream::stream::Config {
        name: "HOOKWARD".to_owned(),
        subjects: vec![
            "HOOKWARD.waiting.*".to_owned(),
            "HOOKWARD.dead.*".to_owned(),
        ],
        ..Default::default()
    };
    let before = context.create_stream(config).await.unwrap();
    let replica = Replica::unconnected(server.settings());
    let error = obstacle(&replica).await;
    assert!(
        error.contains("its retention is not `workqueue`"),
        "{error}"
    );
    let after = context.get_stream("HOOKWARD").await.unwrap();
    assert_eq!(before.cached_info().config, after.cached_info().config);
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_server_without_jetstream_is_said_to_be_one() {
    let server = Server::start_with("jetstream: disabled");
    let replica = Replica::unconnected(server.settings());
    let error = obstacle(&replica).await;
    assert!(error.contains("JetStream"), "{error}");
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_user_needs_the_password_and_a_token_is_one() {
    let user = "authorization { user: \"u\", password: \"p@:/ss\" }";
    let token = "authorization { token: \"to.ken\" }";
    let password = |text: &str| Login::Password {
        user: SecretString::from("u"),
        password: SecretString::from(text),
    };
    for (lines, right, wrong) in [
        (user, password("p@:/ss"), password("wr0ng")),
        (
            token,
            Login::Token(SecretString::from("to.ken")),
            Login::Token(SecretString::from("wr0ng")),
        ),
    ] {
        let server = Server::start_with(lines);
        let mut settings = server.settings();
        settings.login = Some(wrong);
        let replica = Replica::unconnected(settings.clone());
        let error = obstacle(&replica).await;
        assert!(error.contains("authorization"), "{error}");
        assert!(!error.contains("wr0ng"), "{error}");
        settings.login = Some(right);
        let replica = Replica::of(settings).await;
        replica.put(event("a", b"")).await;
    }
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_server_without_tls_is_not_talked_to_where_it_is_needed() {
    let server = Server::start();
    let mut settings = server.settings();
    settings.needs_tls = true;
    let replica = Replica::unconnected(settings);
    obstacle(&replica).await;
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_certificate_that_the_system_does_not_trust_is_not_trusted() {
    let directory = tempfile::TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert"), directory.path().join("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let lines = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
    let server = Server::start_with(&lines);
    let mut settings = server.settings();
    settings.urls = vec![settings.urls[0].replace("nats:", "tls:")];
    let replica = Replica::unconnected(settings);
    let error = obstacle(&replica).await;
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_file_of_credentials_that_is_not_there_is_named() {
    let server = Server::start();
    let mut settings = server.settings();
    settings.credentials = Some("/nowhere/nats.creds".into());
    let replica = Replica::unconnected(settings);
    let error = obstacle(&replica).await;
    assert!(error.contains("/nowhere/nats.creds"), "{error}");
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn a_stream_that_is_deleted_is_made_again() {
    let server = Server::start();
    let replica = Replica::of(server.settings()).await;
    let context = async_nats::jetstream::new(server.client().await);
    context.delete_stream("HOOKWARD").await.unwrap();
    until(|| async { replica.store.put(event("a", b"")).await.is_ok() }).await;
    end(replica.next().await, End::Delivered).await;
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn commands_make_no_stream() {
    let server = Server::start();
    let connected = NatsArchive::connect(&server.settings(), Clock::of_system()).await;
    let error = connected.err().unwrap().to_string();
    assert!(error.contains("there is no stream HOOKWARD"), "{error}");
}

#[tokio::test]
#[ignore = "needs nats-server"]
async fn trying_out_tells_the_largest_event_and_what_is_wrong() {
    let server = Server::start_with("max_payload: 65536");
    let settings = server.settings();
    assert_eq!(within(try_out(&settings)).await.unwrap(), 65_536 - 1_024);
    let context = async_nats::jetstream::new(server.client().await);
    assert!(context.get_stream("HOOKWARD").await.is_err());
    let config = async_nats::jetstream::stream::Config {
        name: "HOOKWARD".to_owned(),
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let error = within(try_out(&settings)).await.unwrap_err().to_string();
    assert!(error.contains("its subjects are HOOKWARD"), "{error}");
}
