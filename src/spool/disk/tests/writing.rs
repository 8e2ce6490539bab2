//! Events on their way to the disk: several at once, given up, too many.

use std::fs;

use futures_util::future::join_all;

use super::{NOON, Spool, connect, event, event_of, until};
use crate::spool::store::{Store, StoreError};

/// How many commits are in the log of a database: frames that say how large it is then (SQLite's file format, 4.2).
fn commits(spool: &Spool) -> usize {
    let log = fs::read(spool.path().join("spool.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap());
    let salt = &log[16..24];
    let frames = log[32..].chunks_exact(24 + usize::try_from(page).unwrap());
    let valid = frames.take_while(|frame| &frame[8..16] == salt);
    valid.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn events_that_come_while_one_is_written_share_a_commit() {
    let spool = Spool::new();
    spool.put(0).await;
    let before = commits(&spool);
    let other = connect(spool.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let puts = (0..200).map(|_| spool.store.put(event(&spool.route, NOON)));
    let mut puts = join_all(puts);
    assert!(futures_util::poll!(&mut puts).is_pending());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(puts.await.iter().all(Result::is_ok));
    assert_eq!(spool.count().await, 201);
    assert!(commits(&spool) - before <= 2);
}

#[tokio::test]
async fn one_that_cannot_be_stored_fails_alone() {
    let spool = Spool::new();
    let twice = event(&spool.route, NOON);
    let mut same = event(&spool.route, NOON);
    same.id = twice.id;
    let other = connect(spool.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let events = [twice, same, event(&spool.route, NOON)];
    let mut puts = join_all(events.map(|event| spool.store.put(event)));
    assert!(futures_util::poll!(&mut puts).is_pending());
    other.execute_batch("ROLLBACK").unwrap();
    let are_stored: Vec<bool> = puts.await.iter().map(Result::is_ok).collect();
    assert_eq!(are_stored, [true, false, true]);
    assert_eq!(spool.count().await, 2);
}

#[tokio::test]
async fn one_that_is_given_up_before_its_turn_is_not_stored() {
    let spool = Spool::new();
    let other = connect(spool.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut given_up = spool.store.put(event(&spool.route, NOON));
    assert!(futures_util::poll!(&mut given_up).is_pending());
    drop(given_up);
    let mut kept = spool.store.put(event(&spool.route, NOON));
    assert!(futures_util::poll!(&mut kept).is_pending());
    other.execute_batch("ROLLBACK").unwrap();
    kept.await.unwrap();
    assert_eq!(spool.count().await, 1);
    let places = "SELECT max(seq) FROM events";
    let last: i64 = other.query_row(places, (), |row| row.get(0)).unwrap();
    assert_eq!(last, 1, "none was there before");
}

#[tokio::test]
async fn one_that_is_given_up_during_the_commit_is_taken_out_again() {
    let spool = Spool::new();
    let mut given_up = spool.store.put(event(&spool.route, NOON));
    assert!(futures_util::poll!(&mut given_up).is_pending());
    until(async || spool.count().await == 1).await;
    assert!(
        spool.look(false).await.is_err(),
        "its sender does not know of it"
    );
    assert!(spool.look(true).await.is_err());
    drop(given_up);
    until(async || spool.count().await == 0).await;
}

#[tokio::test]
async fn all_events_together_take_no_more_than_they_may() {
    let spool = Spool::new();
    let body = || vec![b'x'; 1_000];
    let one = event_of(&spool.route, NOON, body()).request.bytes();
    spool.store.set_max_bytes(2 * one);
    let put = || spool.store.put(event_of(&spool.route, NOON, body()));
    let stored = join_all([put(), put(), put()]).await;
    let full = stored
        .iter()
        .filter(|result| matches!(result, Err(StoreError::Full)));
    assert_eq!(full.count(), 1);
    assert_eq!(spool.store.totals().await.unwrap().bytes, 2 * one);
    super::end(spool.lease().await, crate::spool::store::End::Delivered).await;
    put().await.unwrap();
    assert!(matches!(put().await, Err(StoreError::Full)));
    spool.store.set_max_bytes(3 * one);
    put().await.unwrap();
}

#[tokio::test]
async fn room_comes_back_after_a_burst() {
    let spool = Spool::new();
    let bodies = (0..24).map(|_| vec![b'x'; 1 << 20]);
    let puts = bodies.map(|body| spool.store.put(event_of(&spool.route, NOON, body)));
    assert!(join_all(puts).await.iter().all(Result::is_ok));
    let used = || fs::metadata(spool.path().join("spool.db")).unwrap().len();
    while let Ok(lease) = spool.look(false).await {
        super::end(lease, crate::spool::store::End::Delivered).await;
    }
    until(async || used() < 6 << 20).await;
    spool.put(0).await;
}
