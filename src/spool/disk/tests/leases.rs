//! Leases, what wakes those who wait for one, and ends that cannot be written.

use std::fs;

use futures_util::future::join;

use super::{NOON, Spool, again, end, is_failed, until, within};
use crate::spool::archive::Archive;
use crate::spool::disk::DiskArchive;
use crate::spool::store::{End, Store};
use crate::verify::Timestamp;

/// Begins to wait for the next event, then does something, and returns the name of the event that came.
async fn woken_by(spool: &Spool, in_order: bool, work: impl AsyncFnOnce()) -> String {
    let waiting = spool.store.next(&spool.route, in_order);
    let working = async {
        // Reading is done in turn: after this the other one has looked, and found nothing.
        spool.count().await;
        work().await;
    };
    let (lease, ()) = within(join(waiting, working)).await;
    lease.unwrap().info().id.to_string()
}

#[tokio::test]
async fn an_event_is_had_once() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    let lease = spool.lease().await;
    assert!(spool.look(false).await.is_err());
    drop(lease);
    let lease = spool.lease().await;
    assert_eq!((lease.info().id, lease.info().attempts), (id, 0));
    let stored = lease.load().await.unwrap();
    assert_eq!(stored.head(), "POST /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(stored.body(), ["{}"]);
    assert_eq!(stored.bytes(), lease.info().bytes);
    end(lease, End::Delivered).await;
    assert_eq!(spool.count().await, 0);
}

#[tokio::test]
async fn who_waits_is_woken_by_whatever_makes_an_event_due() {
    let spool = Spool::new();
    let (first, second) = (std::cell::Cell::new(None), std::cell::Cell::new(None));
    let woken = woken_by(&spool, false, async || first.set(Some(spool.put(0).await))).await;
    assert_eq!(woken, first.get().unwrap().to_string(), "by a put");

    let lease = spool.lease().await;
    let woken = woken_by(&spool, false, async || drop(lease)).await;
    assert_eq!(
        woken,
        first.get().unwrap().to_string(),
        "by a lease that was dropped"
    );

    second.set(Some(spool.put(0).await));
    let lease = spool.look(true).await.unwrap();
    let woken = woken_by(&spool, true, async || end(lease, End::Delivered).await).await;
    assert_eq!(
        woken,
        second.get().unwrap().to_string(),
        "by the end of the one before"
    );

    end(spool.lease().await, again(NOON + 60_000)).await;
    let woken = woken_by(&spool, false, async || spool.store.release("orders")).await;
    assert_eq!(
        woken,
        second.get().unwrap().to_string(),
        "by an app that answers"
    );

    spool.pass(1);
    end(spool.lease().await, again(NOON + 60_000)).await;
    let retry = async || {
        let archive = DiskArchive::new(spool.path());
        assert!(archive.retry(second.get().unwrap()).await.unwrap());
    };
    let woken = woken_by(&spool, false, retry).await;
    assert_eq!(
        woken,
        second.get().unwrap().to_string(),
        "by another process"
    );
}

#[tokio::test]
async fn who_waits_is_woken_at_once() {
    let spool = Spool::new();
    let changed = spool.store.shared.held.changed(&spool.route);
    let mut change = Box::pin(changed.notified());
    change.as_mut().enable();
    spool.put(0).await;
    assert!(futures_util::poll!(&mut change).is_ready(), "by a put");
    let lease = spool.lease().await;
    let mut change = Box::pin(changed.notified());
    change.as_mut().enable();
    drop(lease);
    assert!(futures_util::poll!(&mut change).is_ready(), "by a lease");
    let lease = spool.lease().await;
    let mut change = Box::pin(changed.notified());
    change.as_mut().enable();
    end(lease, End::Delivered).await;
    assert!(futures_util::poll!(&mut change).is_ready(), "by an end");
}

#[tokio::test]
async fn who_waits_is_woken_when_it_is_time() {
    let spool = Spool::new();
    let id = spool.put(20).await;
    let waiting = spool.store.next(&spool.route, false);
    let passing = async {
        spool.count().await;
        spool.pass(20);
    };
    let (lease, ()) = within(join(waiting, passing)).await;
    assert_eq!(lease.unwrap().info().id, id);
}

#[tokio::test]
async fn dropping_the_wait_leases_nothing() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    spool.look(false).await.unwrap();
    let mut waiting = spool.store.next(&spool.route, false);
    // It is being read, or is there already.
    let _ = futures_util::poll!(&mut waiting);
    spool.count().await;
    drop(waiting);
    assert_eq!(spool.next_id().await, Some(id));
}

#[tokio::test]
async fn an_attempt_that_failed_is_counted_and_told() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    end(spool.lease().await, again(NOON)).await;
    let lease = spool.lease().await;
    assert_eq!(lease.info().attempts, 1);
    let archive = DiskArchive::new(spool.path());
    let (listed, _) = archive.show(id).await.unwrap().unwrap();
    assert_eq!(listed.last_error.as_deref(), Some("status 503"));
    assert_eq!(listed.next_at, Some(Timestamp::from_millis(NOON)));
    let too_old = End::Dead {
        error: None,
        was_tried: false,
    };
    end(lease, too_old).await;
    let (listed, _) = archive.show(id).await.unwrap().unwrap();
    assert_eq!((listed.attempts, listed.next_at), (1, None));
    assert_eq!(listed.last_error.as_deref(), Some("status 503"));
}

#[tokio::test]
async fn an_event_whose_end_cannot_be_written_is_not_delivered_again() {
    let spool = Spool::new();
    spool.put(0).await;
    let later = spool.put(1).await;
    let last = spool.put(2).await;
    let lease = spool.lease().await;
    let (file, away) = (spool.path().join("spool.db"), spool.path().join("away"));
    fs::rename(&file, &away).unwrap();
    assert!(is_failed(&lease.end(End::Delivered).await));
    assert!(spool.look(false).await.is_err());
    spool.pass(1);
    let next = spool.look(true).await.unwrap();
    assert_eq!(next.info().id, later, "the first one has ended");
    assert!(is_failed(&next.end(again(NOON)).await));
    assert!(spool.look(false).await.is_err());
    spool.pass(1);
    assert!(
        spool.look(true).await.is_err(),
        "the second one has not ended"
    );
    assert_eq!(spool.next_id().await, Some(last));
    assert_eq!(spool.count().await, 3);
    fs::rename(&away, &file).unwrap();
    spool.until_count(2).await;
    let lease = spool.lease().await;
    assert_eq!((lease.info().id, lease.info().attempts), (later, 1));
}

#[tokio::test]
async fn what_an_operator_drops_meanwhile_stays_dropped() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    let lease = spool.lease().await;
    let archive = DiskArchive::new(spool.path());
    assert!(archive.drop_event(id).await.unwrap());
    assert!(lease.load().await.is_err());
    end(lease, again(NOON)).await;
    assert_eq!(spool.count().await, 0);
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_while_it_is_used() {
    let spool = Spool::new();
    spool.put(0).await;
    let lease = spool.lease().await;
    super::super::tidy::bring_in(&super::connect(spool.path())).unwrap();
    *spool.store.shared.lock_reading() = None;
    super::opening::garble(&spool.path().join("spool.db"));
    assert!(is_failed(&spool.store.totals().await));
    until(async || spool.store.totals().await.is_ok()).await;
    assert_eq!(spool.count().await, 0);
    assert_eq!(super::names(spool.path(), "spool.db.set-aside-").len(), 3);
    let id = spool.put(0).await;
    end(lease, End::Delivered).await;
    assert_eq!(
        spool.next_id().await,
        Some(id),
        "the lease was of another database"
    );
}

#[tokio::test]
async fn another_file_that_takes_the_place_of_the_database_is_used() {
    let other = Spool::new();
    other.put(0).await;
    let other = other.close();
    let spool = Spool::new();
    spool.put(0).await;
    let lease = spool.lease().await;
    spool.put(0).await;
    let path = |name| spool.path().join(name);
    fs::rename(path("spool.db"), path("before")).unwrap();
    fs::rename(path("spool.db-wal"), path("before-wal")).unwrap();
    fs::remove_file(path("spool.db-shm")).unwrap();
    fs::copy(other.path().join("spool.db"), path("spool.db")).unwrap();
    spool.put(0).await;
    end(lease, End::Delivered).await;
    assert_eq!(spool.count().await, 2);
    assert!(
        spool.look(true).await.is_ok(),
        "none of this one was leased"
    );
}
