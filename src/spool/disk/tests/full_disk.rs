//! A full disk: a small file system of this test's own, in a process and a mount namespace of its own, so that nothing
//! of it is left behind. Where the system does not permit that, it says so and tests nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::{End, NOON, Spool, end, event_of, until};
use crate::spool::store::Store;

/// Where the small file system is.
const VARIABLE: &str = "HOOKWARD_TEST_SMALL_DISK";
const IN_CHILD: &str = "spool::disk::tests::full_disk::in_a_small_file_system";

#[test]
fn on_a_full_disk_what_waits_is_delivered_and_room_comes_back() {
    let point = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=32m,mode=700 tmpfs \"$0\" || exit 77; exec \"$@\"";
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(point.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", IN_CHILD, "--ignored", "--nocapture"])
        .env(VARIABLE, point.path())
        .output();
    match child {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        }
        other => eprintln!("no small file system can be had here, nothing was tested: {other:?}"),
    }
}

/// Takes all room that is left.
fn fill(directory: &Path) {
    let mut file = File::create(directory.join("ballast")).unwrap();
    for piece in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![1; piece]).is_ok() {}
    }
}

#[tokio::test]
#[ignore = "runs in a file system that another test makes"]
async fn in_a_small_file_system() {
    let directory = std::env::var(VARIABLE).expect("it is run by another test");
    let directory = Path::new(&directory);
    for (events, body) in [(usize::MAX, 100_000), (1_000, 100), (10, 500_000)] {
        fill_and_deliver(directory, events, body).await;
    }
}

/// Stores so many events, or until there is no room, has somebody else fill the disk, and delivers them.
async fn fill_and_deliver(directory: &Path, events: usize, body: usize) {
    let spool = Spool::in_directory(tempfile::tempdir_in(directory).unwrap());
    let put = || {
        spool
            .store
            .put(event_of(&spool.route, NOON, vec![b'x'; body]))
    };
    let mut stored = 0;
    while stored < events && put().await.is_ok() {
        stored += 1;
    }
    assert!(stored > 0);
    fill(directory);
    assert_eq!(spool.count().await, stored as u64);
    let mut delivered = 0;
    while let Ok(lease) = spool.look(false).await {
        lease.load().await.unwrap();
        end(lease, End::Delivered).await;
        delivered += 1;
        // Those that come now must not take the room of those that wait.
        let mut further = 0;
        while delivered % 50 == 1 && further < 100 && put().await.is_ok() {
            further += 1;
        }
        stored += further;
    }
    assert_eq!(delivered, stored);
    assert_eq!(spool.count().await, 0);
    if stored > 10 {
        // What they took is there for others, though the disk is as full as before of what is not ours.
        until(async || put().await.is_ok()).await;
    }
    fs::remove_file(directory.join("ballast")).unwrap();
    until(async || put().await.is_ok()).await;
    drop(spool);
}
