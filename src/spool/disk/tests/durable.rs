//! What survives the end of the process, and of the machine.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;

use super::{Spool, again, copy, end, names};
use crate::spool::store::Store;

#[tokio::test]
async fn what_was_stored_is_there_after_the_process_was_killed() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    end(spool.lease().await, again(spool.now())).await;
    let _held = spool.lease().await;
    let survivor = Spool::in_directory(copy(spool.path()));
    let lease = survivor.lease().await;
    assert_eq!((lease.info().id, lease.info().attempts), (id, 1));
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    let spool = Spool::in_directory(spool.close());
    assert_eq!(spool.next_id().await, Some(id));
}

/// The disk may have failed the process that wrote it: what is written behind it could be lost with it.
#[tokio::test]
async fn a_log_that_was_left_is_brought_in_before_anything_is_written() {
    let spool = Spool::new();
    let id = spool.put(0).await;
    let log = |spool: &Spool| fs::metadata(spool.path().join("spool.db-wal")).unwrap();
    assert!(log(&spool).len() > 0);
    let survivor = Spool::in_directory(copy(spool.path()));
    assert_eq!(log(&survivor).len(), 0);
    assert_eq!(survivor.next_id().await, Some(id));
}

#[tokio::test]
async fn a_torn_log_loses_only_what_is_torn() {
    let spool = Spool::new();
    let first = spool.put(0).await;
    let log = |directory: &std::path::Path| directory.join("spool.db-wal");
    let whole = fs::metadata(log(spool.path())).unwrap().len();
    spool.put(1).await;

    let cut = copy(spool.path());
    let file = OpenOptions::new()
        .write(true)
        .open(log(cut.path()))
        .unwrap();
    file.set_len(whole + 5_000).unwrap();
    let garbled = copy(spool.path());
    let mut bytes = fs::read(log(garbled.path())).unwrap();
    let behind = usize::try_from(whole).unwrap();
    bytes[behind..].fill(0xa5);
    fs::write(log(garbled.path()), bytes).unwrap();

    for torn in [cut, garbled] {
        let survivor = Spool::in_directory(torn);
        assert_eq!(survivor.count().await, 1);
        assert_eq!(survivor.next_id().await, Some(first));
        survivor.put(0).await;
        assert_eq!(names(survivor.path(), "spool.db.set-aside").len(), 0);
    }
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("a/b");
    let now = std::sync::Arc::default();
    let store = super::open(&directory, &now, super::Role::Alone).unwrap();
    store.put(super::event(&"orders".into(), 0)).await.unwrap();
    store.totals().await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files = names(&directory, "");
    for name in ["spool.db", "spool.db-wal", "spool.db-shm", "spool.lock"] {
        assert!(files.iter().any(|file| file == name), "{name} in {files:?}");
    }
    for name in files {
        assert_eq!(mode(&directory.join(&name)), 0o600, "{name}");
    }
}
