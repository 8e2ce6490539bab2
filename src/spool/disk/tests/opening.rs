//! Files that are no spool, or not sound, or of another version.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{OpenError, Role, Spool, names, open, run};

fn with_file(contents: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("spool.db"), contents).unwrap();
    directory
}

/// Overwrites all but the first page, in another process.
pub(super) fn garble(file: &Path) {
    let output = format!("of={}", file.display());
    let arguments = [
        "if=/dev/urandom",
        "bs=4096",
        "seek=1",
        "count=8",
        "conv=notrunc",
        "status=none",
    ];
    run(Command::new("dd").args(arguments).arg(output));
}

/// The one file that was set aside.
fn set_aside(directory: &Path) -> std::path::PathBuf {
    let names = names(directory, "spool.db.set-aside-");
    let mut databases = names
        .iter()
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    let name = databases.next().expect("one was set aside");
    assert_eq!(databases.next(), None);
    directory.join(name)
}

#[tokio::test]
async fn what_is_no_database_is_set_aside() {
    let spool = Spool::in_directory(with_file(
        b"notes of somebody else's, more than a hundred bytes of them: \
        0123456789012345678901234567890123456789012345678901234567890123456789",
    ));
    spool.put(0).await;
    let kept = fs::read(set_aside(spool.path())).unwrap();
    assert!(kept.starts_with(b"notes of"));
}

#[tokio::test]
async fn a_database_of_another_program_is_set_aside_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let theirs = Connection::open(directory.path().join("spool.db")).unwrap();
    theirs
        .execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (7)")
        .unwrap();
    drop(theirs);
    let spool = Spool::in_directory(directory);
    spool.put(0).await;
    let theirs = Connection::open(set_aside(spool.path())).unwrap();
    let seven: i64 = theirs
        .query_row("SELECT x FROM theirs", (), |row| row.get(0))
        .unwrap();
    assert_eq!(seven, 7);
}

#[tokio::test]
async fn a_damaged_spool_is_set_aside() {
    let spool = Spool::new();
    for _ in 0..50 {
        spool.put(0).await;
    }
    let directory = spool.close();
    garble(&directory.path().join("spool.db"));
    let spool = Spool::in_directory(directory);
    assert_eq!(spool.count().await, 0);
    spool.put(0).await;
    let _ = set_aside(spool.path());
}

#[tokio::test]
async fn an_empty_file_is_begun() {
    let spool = Spool::in_directory(with_file(b""));
    spool.put(0).await;
    assert_eq!(names(spool.path(), "spool.db.set-aside").len(), 0);
    let file = fs::metadata(spool.path().join("spool.db")).unwrap();
    assert_eq!(
        file.permissions().mode() & 0o777,
        0o600,
        "it was another one"
    );
}

/// SQLite removes the log of an empty database.
#[tokio::test]
async fn the_log_of_a_database_that_was_lost_is_set_aside() {
    let spool = Spool::new();
    spool.put(0).await;
    let log = fs::read(spool.path().join("spool.db-wal")).unwrap();
    for database in [None, Some(b"")] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("spool.db-wal"), &log).unwrap();
        if let Some(contents) = database {
            fs::write(directory.path().join("spool.db"), contents).unwrap();
        }
        let spool = Spool::in_directory(directory);
        spool.put(0).await;
        let kept = set_aside(spool.path());
        let kept = fs::read(format!("{}-wal", kept.display())).unwrap();
        assert!(kept == log, "it is as it was");
    }
}

#[tokio::test]
async fn a_spool_of_a_newer_program_is_left_alone() {
    let spool = Spool::new();
    spool.put(0).await;
    let directory = spool.close();
    let file = directory.path().join("spool.db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let before = fs::read(&file).unwrap();
    let refused = open(directory.path(), &std::sync::Arc::default(), Role::Alone);
    let Err(error @ OpenError::Newer { version: 2, .. }) = refused else {
        panic!("it is refused");
    };
    assert!(error.to_string().contains("newer hookward"));
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(names(directory.path(), "spool.db.set-aside").len(), 0);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let guard = tempfile::tempdir().unwrap();
    let file = guard.path().join("file");
    fs::write(&file, "x").unwrap();
    let refused = open(&file.join("spool"), &std::sync::Arc::default(), Role::Alone);
    let error = refused.err().expect("it is refused").to_string();
    assert!(error.contains("file/spool cannot be used"), "{error}");
}
