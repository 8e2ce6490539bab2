//! Events on the disk of this machine, in an SQLite database.
//!
//! An SQLite database, because operators can look into it with a tool that they have, and what it survives is
//! documented and tested. One thread writes and one reads; everybody else hands them what they want and waits:
//!
//! - [`writer`] puts what waits into one transaction ([`batch`]), so that many events share one wait for the disk;
//! - [`reader`] finds the next event ([`due`]), reads requests and sums, and notices changes of other processes.
//!
//! Leases are in memory ([`held`]): with the process they are gone, and its events are free. Two processes may use a
//! spool at once while one follows the other, and only one of them delivers ([`locks`]). A disk of this machine is
//! needed: locks and the log do not work on one that is behind a network.

mod archive;
mod batch;
mod due;
mod failures;
mod files;
mod held;
mod lease;
mod link;
mod locks;
mod opening;
mod reader;
mod reserve;
mod rows;
mod schema;
mod shared;
#[cfg(test)]
mod tests;
mod tidy;
mod writer;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

pub(crate) use archive::DiskArchive;
use due::Found;
use files::Files;
use held::Held;
pub(crate) use locks::Role;
use locks::{Delivering, Turn};
pub(crate) use opening::OpenError;
use shared::{Operation, Put, Shared, ended};
use writer::Writer;

use super::clock::Clock;
use super::event::Event;
use super::store::{Answer, Lease, Store, StoreError, Totals};

/// How often it is tried to deliver while another process does.
const TURN: Duration = Duration::from_millis(100);
/// How long the end of the store waits for its threads.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// A spool on the disk. Dropping it waits a moment for what is still to be written.
pub(crate) struct DiskStore {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Closed once both threads have ended.
    ended: Mutex<Receiver<()>>,
}

impl DiskStore {
    /// Opens the spool in a directory, and makes what is not there. It takes up to a second and more, in which the
    /// database is looked through.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub(crate) fn open(
        directory: &Path,
        max_bytes: u64,
        clock: Clock,
        role: Role,
    ) -> Result<Arc<Self>, OpenError> {
        let files = Files::in_directory(directory);
        let unusable = |source| OpenError::Directory {
            directory: directory.to_owned(),
            source,
        };
        files.make_directory().map_err(unusable)?;
        let taken = locks::take(&files, role).map_err(unusable)?;
        let taken = taken.ok_or_else(|| OpenError::InUse {
            directory: directory.to_owned(),
        })?;
        let delivering = Delivering::open(&files).map_err(unusable)?;
        let connection = opening::open(&files, taken.is_shared, clock.now())?;
        // Of what a process left that the disk failed, the system may show more than is on the disk, as in `link`. Where
        // that cannot be settled now, it is before anything is written.
        let is_settled = taken.is_shared || matches!(tidy::bring_in(&connection), Ok(true));
        let connection = is_settled.then_some(connection);
        let identity = files.identity().map_err(unusable)?;
        let ((operations, to_write), (jobs, to_read)) = (channel(), channel());
        let held = Held::new(delivering);
        let shared = Shared::new(files, clock, held, taken.lock, operations, jobs);
        shared.set_max_bytes(max_bytes);
        let shared = Arc::new(shared);
        let writer = Writer::new(Arc::clone(&shared), to_write, connection, identity);
        let (running, ended) = channel();
        let mut store = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
            ended: Mutex::new(ended),
        };
        store.start("hookward-writes", running.clone(), move || writer.run())?;
        store.start("hookward-reads", running, move || {
            reader::run(&shared, &to_read)
        })?;
        Ok(Arc::new(store))
    }

    fn start(
        &mut self,
        name: &str,
        running: Sender<()>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), OpenError> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        let started = thread.spawn(move || {
            work();
            drop(running);
        });
        self.threads.push(started.map_err(OpenError::Thread)?);
        Ok(())
    }

    /// Waits until this process may deliver.
    async fn turn(&self) -> Result<(), StoreError> {
        loop {
            let turn = self.shared.held.begin_delivering().map_err(|error| {
                let directory = self.shared.files.directory.display();
                StoreError::Failed(format!("the lock for delivering in {directory}: {error}"))
            })?;
            match turn {
                Turn::Now => return Ok(()),
                Turn::Later => sleep(TURN).await,
                Turn::Never => std::future::pending().await,
            }
        }
    }

    async fn put_now(&self, event: Event) -> Result<(), StoreError> {
        let puts = Arc::clone(&self.shared.puts);
        let place = puts.acquire_owned().await.map_err(|_| ended())?;
        let (answer, answered) = oneshot::channel();
        self.shared.write(Operation::Put(Put {
            event,
            answer,
            _place: place,
        }));
        let kept = answered.await.unwrap_or_else(|_| Err(ended()))?;
        kept.confirm();
        Ok(())
    }

    async fn next_of(
        &self,
        route: &Arc<str>,
        in_order: bool,
    ) -> Result<Box<dyn Lease>, StoreError> {
        let changed = self.shared.held.changed(route);
        loop {
            self.turn().await?;
            let mut change = pin!(changed.notified());
            // What changes while it is looked counts.
            change.as_mut().enable();
            let (shared, name) = (Arc::clone(&self.shared), Arc::clone(route));
            let look = move |connection: &_| due::next(connection, &shared, &name, in_order);
            match self.shared.read(look).await? {
                Found::Leased(lease) => return Ok(Box::new(lease)),
                Found::Nothing(pause) => tokio::select! {
                    () = change => {}
                    () = sleep(pause) => {}
                },
            }
        }
    }
}

impl Store for DiskStore {
    fn kind(&self) -> &'static str {
        "disk"
    }

    fn max_bytes(&self) -> Option<u64> {
        Some(self.shared.max_bytes())
    }

    fn put(&self, event: Event) -> Answer<'_, ()> {
        Box::pin(self.put_now(event))
    }

    fn next<'a>(&'a self, route: &'a Arc<str>, in_order: bool) -> Answer<'a, Box<dyn Lease>> {
        Box::pin(self.next_of(route, in_order))
    }

    fn release(&self, route: &str) {
        self.shared.held.release(route, self.shared.clock.now());
    }

    fn totals(&self) -> Answer<'_, Totals> {
        Box::pin(self.shared.read(rows::totals))
    }

    /// Once the attempts that were begun have ended, or their leases were dropped, another process may deliver.
    fn stop_delivering(&self) {
        self.shared.held.stop_delivering();
    }

    /// A successor that is handed it may open the spool while this process still uses it.
    fn lock(&self) -> Option<BorrowedFd<'_>> {
        Some(self.shared.lock.as_fd())
    }

    fn set_max_bytes(&self, max_bytes: u64) {
        self.shared.set_max_bytes(max_bytes);
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.shared.close();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Nothing is ever sent. A disk that takes longer is not waited for.
        if let Err(std::sync::mpsc::RecvTimeoutError::Disconnected) = ended.recv_timeout(LAST_WRITE)
        {
            for thread in self.threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}
