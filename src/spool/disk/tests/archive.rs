//! The commands, beside a store and without one.

use super::{NOON, Spool, connect, end, event, within};
use crate::spool::archive::{Archive, PAGE, State};
use crate::spool::disk::DiskArchive;
use crate::spool::event::EventId;
use crate::spool::store::{End, Store};

fn dead() -> End {
    End::Dead {
        error: Some("status 404".to_owned()),
        was_tried: true,
    }
}

#[tokio::test]
async fn what_is_not_there_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    for directory in [directory.path().to_owned(), directory.path().join("none")] {
        let archive = DiskArchive::new(&directory);
        assert!(archive.list(0).await.unwrap().is_empty());
        assert!(archive.show(EventId::fresh()).await.unwrap().is_none());
        assert!(!archive.retry(EventId::fresh()).await.unwrap());
        assert_eq!(archive.retry_dead().await.unwrap(), 0);
    }
    assert_eq!(super::names(directory.path(), "").len(), 0);
}

#[tokio::test]
async fn events_are_listed_page_by_page_while_others_are_stored() {
    let spool = Spool::new();
    let puts = (0..PAGE + 5).map(|_| spool.store.put(event(&spool.route, NOON + 7)));
    for put in futures_util::future::join_all(puts).await {
        put.unwrap();
    }
    let archive = DiskArchive::new(spool.path());
    let writing = async {
        for _ in 0..20 {
            spool.put(0).await;
        }
    };
    let listing = async {
        let mut listed = archive.list(0).await.unwrap();
        assert_eq!(listed.len(), PAGE);
        let behind = listed.last().unwrap().place;
        listed.extend(archive.list(behind).await.unwrap());
        listed
    };
    let (listed, ()) = within(futures_util::future::join(listing, writing)).await;
    assert!(listed.len() >= PAGE + 5);
    assert!(listed.windows(2).all(|pair| pair[0].place < pair[1].place));
    let first = &listed[0];
    assert_eq!(
        (&*first.route, first.state, first.attempts),
        ("orders", State::Waiting, 0)
    );
    assert_eq!(first.next_at.unwrap().as_millis(), NOON + 7);
    let (shown, request) = archive.show(first.id).await.unwrap().unwrap();
    assert_eq!(&shown, first);
    assert_eq!(request.bytes(), first.bytes);
}

#[tokio::test]
async fn without_a_server_events_are_listed_too() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    let directory = spool.close();
    let archive = DiskArchive::new(directory.path());
    assert_eq!(archive.list(0).await.unwrap()[0].id, id);
    assert!(archive.drop_event(id).await.unwrap());
    assert!(!archive.drop_event(id).await.unwrap());
    let spool = Spool::in_directory(directory);
    assert_eq!(spool.count().await, 0);
}

#[tokio::test]
async fn a_retried_event_is_due_whether_it_waits_or_is_dead() {
    let spool = Spool::new();
    let archive = DiskArchive::new(spool.path());
    let waiting = spool.put(60_000).await;
    assert!(archive.retry(waiting).await.unwrap());
    let lease = spool.lease().await;
    assert_eq!((lease.info().id, lease.info().is_retried), (waiting, false));
    end(lease, dead()).await;
    assert!(spool.look(false).await.is_err());
    assert!(archive.retry(waiting).await.unwrap());
    let lease = spool.lease().await;
    assert_eq!((lease.info().attempts, lease.info().is_retried), (1, true));
    end(lease, super::again(NOON)).await;
    assert!(
        !spool.lease().await.info().is_retried,
        "it was tried once more"
    );
    assert!(!archive.retry(EventId::fresh()).await.unwrap());
}

#[tokio::test]
async fn all_dead_letters_are_retried() {
    let spool = Spool::new();
    let waiting = spool.put(60_000).await;
    for _ in 0..3 {
        spool.put(0).await;
        end(spool.lease().await, dead()).await;
    }
    let archive = DiskArchive::new(spool.path());
    let total = spool.store.totals().await.unwrap();
    assert_eq!((total.routes[0].waiting, total.routes[0].dead), (1, 3));
    assert_eq!(archive.retry_dead().await.unwrap(), 3);
    assert_eq!(archive.retry_dead().await.unwrap(), 0);
    let total = spool.store.totals().await.unwrap();
    assert_eq!((total.routes[0].waiting, total.routes[0].dead), (4, 0));
    let listed = archive.list(0).await.unwrap();
    let left = listed.iter().find(|listed| listed.id == waiting).unwrap();
    assert_eq!(left.next_at.unwrap().as_millis(), NOON + 60_000);
}

#[tokio::test]
async fn a_file_of_somebody_elses_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    connect(directory.path())
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let archive = DiskArchive::new(directory.path());
    let refused = archive.list(0).await.unwrap_err().to_string();
    assert!(refused.contains("is no spool of hookward"), "{refused}");
}
