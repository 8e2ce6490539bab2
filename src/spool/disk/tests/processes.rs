//! Two processes in one directory. A lock belongs to an open file, so two stores of this process are as good.

use super::{End, OpenError, Role, Spool, end, event, look, open, within};
use crate::spool::store::Store;

fn successor(spool: &Spool) -> std::sync::Arc<super::DiskStore> {
    let lock = spool.store.lock().unwrap().try_clone_to_owned().unwrap();
    open(spool.path(), &spool.now, Role::Successor(lock)).unwrap()
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let spool = Spool::new();
    let refused = open(spool.path(), &spool.now, Role::Alone);
    let Err(error @ OpenError::InUse { .. }) = refused else {
        panic!("it is refused");
    };
    let text = error.to_string();
    assert!(text.contains(spool.path().to_str().unwrap()), "{text}");
    let spool = Spool::in_directory(spool.close());
    spool.put(0).await;
}

#[tokio::test]
async fn a_successor_delivers_once_its_predecessor_has_ended_its_attempts() {
    let spool = Spool::new();
    let first = spool.put(0).await;
    let attempt = spool.lease().await;
    let successor = successor(&spool);
    let second = event(&spool.route, spool.now());
    let second_id = second.id;
    successor.put(second).await.unwrap();
    let mut next = successor.next(&spool.route, false);
    assert!(futures_util::poll!(&mut next).is_pending());
    assert!(
        !successor
            .shared
            .held
            .begin_delivering()
            .is_ok_and(|turn| turn == super::super::Turn::Now)
    );

    spool.store.stop_delivering();
    assert!(futures_util::poll!(spool.store.next(&spool.route, false)).is_pending());
    let mut waits = spool.store.next(&spool.route, false);
    assert!(futures_util::poll!(&mut waits).is_pending());
    assert_eq!(spool.store.shared.held.lease(7), None);
    let turn = successor.shared.held.begin_delivering().unwrap();
    assert_ne!(turn, super::super::Turn::Now, "an attempt is on its way");
    end(attempt, super::again(spool.now() + 1)).await;
    spool.pass(1);
    let lease = within(next).await.unwrap();
    assert_eq!(lease.info().id, second_id);
    let lease = look(&successor, &spool.route, false).await.unwrap();
    assert_eq!((lease.info().id, lease.info().attempts), (first, 1));
    spool.put(0).await;
    assert!(futures_util::poll!(&mut waits).is_pending());
    end(lease, End::Delivered).await;
}

#[tokio::test]
async fn the_lock_stays_with_the_successor() {
    let spool = Spool::new();
    let successor = successor(&spool);
    let now = std::sync::Arc::clone(&spool.now);
    let directory = spool.close();
    let refused = open(directory.path(), &now, Role::Alone);
    assert!(matches!(refused, Err(OpenError::InUse { .. })));
    drop(successor);
    super::open_alone(directory.path(), &now);
}

#[tokio::test]
async fn a_lock_of_another_directory_is_none() {
    let (spool, other) = (Spool::new(), Spool::new());
    let lock = other.store.lock().unwrap().try_clone_to_owned().unwrap();
    let refused = open(spool.path(), &spool.now, Role::Successor(lock));
    assert!(matches!(refused, Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn a_successor_does_not_set_aside_what_its_predecessor_uses() {
    let spool = Spool::new();
    super::connect(spool.path())
        .pragma_update(None, "application_id", 7)
        .unwrap();
    let lock = spool.store.lock().unwrap().try_clone_to_owned().unwrap();
    let refused = open(spool.path(), &spool.now, Role::Successor(lock));
    assert!(matches!(refused, Err(OpenError::Shared { .. })));
    spool.put(0).await;
}
