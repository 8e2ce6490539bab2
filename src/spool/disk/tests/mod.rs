//! The store on real files. What is due is asked of [`due`](super::due) as the store does, so that no test waits for
//! time to pass; waking is tested with [`Store::next`].

#![allow(clippy::arithmetic_side_effects)]

mod archive;
mod at_once;
mod due;
mod durable;
mod full_disk;
mod leases;
mod many;
mod opening;
mod processes;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use tempfile::TempDir;

use super::due::{Found, next};
use super::{DiskStore, OpenError, Role};
use crate::handoff::Stored;
use crate::spool::clock::Clock;
use crate::spool::event::{Event, EventId};
use crate::spool::store::{End, Lease, Store, StoreError};
use crate::verify::Timestamp;

const ROOM: u64 = 1 << 30;
/// Whatever is waited for comes long before.
const LIMIT: Duration = Duration::from_secs(30);
/// What time it is at first.
const NOON: u64 = 1_800_000_000_000;

/// A store in a directory of its own, and the time that it goes by.
struct Spool {
    directory: TempDir,
    store: Arc<DiskStore>,
    now: Arc<AtomicU64>,
    route: Arc<str>,
}

impl Spool {
    fn new() -> Self {
        Self::in_directory(tempfile::tempdir().unwrap())
    }

    fn in_directory(directory: TempDir) -> Self {
        let now = Arc::new(AtomicU64::new(NOON));
        let store = open_alone(directory.path(), &now);
        Self {
            directory,
            store,
            now,
            route: "orders".into(),
        }
    }

    /// Lets time pass.
    fn pass(&self, millis: u64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Stores an event that is due after so long.
    async fn put(&self, pause: u64) -> EventId {
        let event = event(&self.route, self.now() + pause);
        let id = event.id;
        self.store.put(event).await.unwrap();
        id
    }

    /// The next event, or how long there is none.
    async fn look(&self, in_order: bool) -> Result<Box<dyn Lease>, Duration> {
        look(&self.store, &self.route, in_order).await
    }

    async fn lease(&self) -> Box<dyn Lease> {
        self.look(false).await.unwrap()
    }

    async fn next_id(&self) -> Option<EventId> {
        self.look(false).await.ok().map(|lease| lease.info().id)
    }

    async fn count(&self) -> u64 {
        let totals = self.store.totals().await.unwrap();
        totals
            .routes
            .iter()
            .map(|route| route.waiting + route.dead)
            .sum()
    }

    /// Waits until there are so many events.
    async fn until_count(&self, count: u64) {
        until(async || self.count().await == count).await;
    }

    /// Ends the store. What is in the directory can be opened again.
    fn close(self) -> TempDir {
        drop(self.store);
        self.directory
    }
}

fn open(directory: &Path, now: &Arc<AtomicU64>, role: Role) -> Result<Arc<DiskStore>, OpenError> {
    let now = Arc::clone(now);
    let clock = Clock::of(move || Timestamp::from_millis(now.load(Ordering::SeqCst)));
    DiskStore::open(directory, ROOM, clock, role)
}

/// Opens a store that nobody else uses. A process that another test begins holds the lock of the one before for a
/// moment, until it has become another program.
fn open_alone(directory: &Path, now: &Arc<AtomicU64>) -> Arc<DiskStore> {
    let began = std::time::Instant::now();
    loop {
        match open(directory, now, Role::Alone) {
            Err(OpenError::InUse { .. }) if began.elapsed() < LIMIT => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

async fn look(
    store: &DiskStore,
    route: &Arc<str>,
    in_order: bool,
) -> Result<Box<dyn Lease>, Duration> {
    store.turn().await.unwrap();
    let (shared, name) = (Arc::clone(&store.shared), Arc::clone(route));
    let found = store
        .shared
        .read(move |connection| next(connection, &shared, &name, in_order));
    match found.await.unwrap() {
        Found::Leased(lease) => Ok(Box::new(lease)),
        Found::Nothing(pause) => Err(pause),
    }
}

fn event(route: &Arc<str>, due_at: u64) -> Event {
    event_of(route, due_at, b"{}".to_vec())
}

fn event_of(route: &Arc<str>, due_at: u64, body: Vec<u8>) -> Event {
    let head = Bytes::from_static(b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n");
    Event {
        id: EventId::fresh(),
        route: Arc::clone(route),
        received_at: Timestamp::from_millis(NOON),
        due_at: Timestamp::from_millis(due_at),
        request: Stored::read_back(head, Bytes::from(body)),
    }
}

/// The attempt failed, and the next one is due then.
fn again(at: u64) -> End {
    End::Again {
        at: Timestamp::from_millis(at),
        error: "status 503".to_owned(),
        is_its_own: false,
    }
}

async fn end(lease: Box<dyn Lease>, end: End) {
    lease.end(end).await.unwrap();
}

/// The database, as another process has it.
fn connect(directory: &Path) -> Connection {
    let connection = Connection::open(directory.join("spool.db")).unwrap();
    connection.busy_timeout(LIMIT).unwrap();
    connection
}

/// What is in the directory, copied by another process: this one would lose its locks by opening the files.
fn copy(directory: &Path) -> TempDir {
    let copied = tempfile::tempdir().unwrap();
    run(std::process::Command::new("cp")
        .arg("-a")
        .arg(directory.join("."))
        .arg(copied.path()));
    copied
}

fn run(command: &mut std::process::Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// The names of files in a directory that begin so.
fn names(directory: &Path, start: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

/// Waits until something is so. It comes about beside this.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .expect("it comes about");
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work)
        .await
        .expect("it comes about")
}

fn is_failed<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Failed(_)))
}
