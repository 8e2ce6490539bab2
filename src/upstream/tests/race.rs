//! Attempts at several addresses.

use std::sync::Arc;

use super::*;
use crate::config::Upstream;
use crate::os::descriptors::Descriptors;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::{Connected, Connector};
use crate::upstream::connect_error::ConnectError;

fn upstream(addresses: &[SocketAddr]) -> UpstreamAddress {
    let script = Script::new([Step::Finds(addresses.to_vec())]);
    named(script)
}

fn named(script: Arc<Script>) -> UpstreamAddress {
    let upstream = Upstream::Tcp {
        host: "app.internal".to_owned(),
        port: 80,
        tls: false,
    };
    UpstreamAddress::with_look_up(&upstream, None, UpstreamProtocol::Http1, script)
}

async fn connect_by(
    upstream: &UpstreamAddress,
    deadline: Instant,
) -> Result<Connected, ConnectError> {
    let connecting = Connector::new(Descriptors::new(100));
    connecting.connect(upstream, true, deadline).await
}

async fn connected_to(upstream: &UpstreamAddress) -> String {
    let connected = connect_by(upstream, soon()).await.unwrap();
    connected.destination.address().to_string()
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_passed_over_and_remembered() {
    let holes = [BlackHole::new("127.0.0.2"), BlackHole::new("127.0.0.3")];
    let app = std::net::TcpListener::bind("127.0.0.4:0").unwrap();
    let address = app.local_addr().unwrap();
    let upstream = upstream(&[holes[0].address, holes[1].address, address]);
    assert_eq!(connected_to(&upstream).await, address.to_string());
    let known = upstream.known_destinations().unwrap();
    assert_eq!(known[0], plain(address), "it is tried first from now on");
    assert_eq!(known.len(), 3);
}

#[tokio::test]
async fn little_time_is_shared_by_all_addresses() {
    let holes = [BlackHole::new("127.0.0.2"), BlackHole::new("127.0.0.3")];
    let upstream = upstream(&[holes[0].address, holes[1].address]);
    let deadline = Instant::now() + Duration::from_millis(100);
    let failed = connect_by(&upstream, deadline)
        .await
        .err()
        .unwrap()
        .to_string();
    for hole in &holes {
        assert!(
            failed.contains(&format!("{}: no answer within", hole.address)),
            "{failed}"
        );
    }
}

#[tokio::test]
async fn an_address_that_refuses_is_tried_until_it_accepts_beside_one_that_is_silent() {
    let hole = BlackHole::new("127.0.0.2");
    let (restarting, address) = bound("127.0.0.3");
    let upstream = Arc::new(upstream(&[hole.address, address]));
    let connecting = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { connected_to(&upstream).await }
    });
    // Some attempts are refused before.
    tokio::time::sleep(Duration::from_millis(300)).await;
    restarting.listen(8).unwrap();
    assert_eq!(connecting.await.unwrap(), address.to_string());
}

#[tokio::test]
async fn what_failed_is_told_in_words() {
    let hole = BlackHole::new("127.0.0.2");
    let (_refusing, refused) = bound("127.0.0.3");
    let upstream = upstream(&[hole.address, refused]);
    let deadline = Instant::now() + Duration::from_millis(400);
    let failed = connect_by(&upstream, deadline)
        .await
        .err()
        .unwrap()
        .to_string();
    let begin = "no connection to app.internal:80: ";
    assert!(failed.starts_with(begin), "{failed}");
    for part in [
        " attempts: ".to_owned(),
        format!("{}: no answer within ", hole.address),
        format!("{refused}: connection refused"),
    ] {
        assert!(failed.contains(&part), "{failed}");
    }
}

#[tokio::test]
async fn an_app_that_moved_is_found_while_its_old_address_is_silent() {
    let hole = BlackHole::new("127.0.0.2");
    let app = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
    let address = app.local_addr().unwrap();
    let script = Script::new([Step::Finds(vec![hole.address]), Step::Finds(vec![address])]);
    let upstream = named(Arc::clone(&script));
    assert_eq!(connected_to(&upstream).await, address.to_string());
    assert!(script.begun() >= 2);
}

#[tokio::test]
async fn an_attempt_that_is_not_needed_any_more_is_dropped() {
    let hole = BlackHole::new("127.0.0.2");
    let app = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
    let upstream = upstream(&[hole.address, app.local_addr().unwrap()]);
    let connected = connect_by(&upstream, soon()).await.unwrap();
    let (_apps, from) = app.accept().unwrap();
    assert!(!connected.is_reused);
    app.set_nonblocking(true).unwrap();
    assert!(
        app.accept().is_err(),
        "one connection for one request, {from}"
    );
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_waited_for_and_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let upstream =
        UpstreamAddress::new(&Upstream::Unix(path.clone()), None, UpstreamProtocol::Http1);
    let deadline = Instant::now() + Duration::from_millis(50);
    let failed = connect_by(&upstream, deadline)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        failed.ends_with("app.sock: there is no such socket"),
        "{failed}"
    );
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    assert_eq!(
        connected_to(&upstream).await,
        format!("unix:{}", path.display())
    );
    drop(listener);
    let failed = connect_by(&upstream, Instant::now() + Duration::from_millis(50)).await;
    let failed = failed.err().unwrap().to_string();
    assert!(failed.ends_with("app.sock: connection refused"), "{failed}");
}
