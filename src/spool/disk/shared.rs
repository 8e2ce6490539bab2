//! What the threads of a store, its leases and its callers share, and what the one that writes is asked for.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::failures::{self, Kind};
use super::files::Files;
use super::held::{Held, Key};
use super::schema;
use crate::spool::clock::Clock;
use crate::spool::event::Event;
use crate::spool::store;
use crate::spool::store::StoreError;

/// How many events wait to be written at most. Who comes then waits outside.
const MAX_PUTS: usize = 1_024;
/// How many wait for something to be read.
const MAX_READS: usize = 256;

/// What the thread that writes is asked for.
pub(super) enum Operation {
    Put(Put),
    End(End),
    /// What was read of the database of this generation is damaged.
    Damaged {
        generation: u64,
        reason: String,
    },
    /// This is the last one.
    Close,
}

/// An event to be stored.
pub(super) struct Put {
    pub(super) event: Event,
    pub(super) answer: oneshot::Sender<Result<Kept, StoreError>>,
    /// Its place among those that wait.
    pub(super) _place: OwnedSemaphorePermit,
}

/// The end of an attempt to be written.
pub(super) struct End {
    pub(super) key: Key,
    pub(super) route: Arc<str>,
    pub(super) end: store::End,
    pub(super) answer: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// An event that was stored, and whose sender is still to be told. Dropping it takes the event out again.
pub(super) struct Kept {
    shared: Arc<Shared>,
    key: Key,
    route: Arc<str>,
    is_wanted: bool,
}

impl Kept {
    pub(super) fn new(shared: &Arc<Shared>, key: Key, route: &Arc<str>) -> Self {
        Self {
            shared: Arc::clone(shared),
            key,
            route: Arc::clone(route),
            is_wanted: false,
        }
    }

    /// Its sender learns of it: from now on it can be delivered.
    pub(super) fn confirm(mut self) {
        self.is_wanted = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_wanted {
            self.shared.free(self.key, &self.route);
        } else {
            self.shared
                .end(self.key, &self.route, store::End::Delivered, None);
        }
    }
}

/// What the thread that reads is to do.
pub(super) enum Job {
    Read(Box<dyn FnOnce() + Send>),
    Close,
}

pub(super) struct Shared {
    pub(super) files: Files,
    pub(super) clock: Clock,
    pub(super) held: Held,
    pub(super) puts: Arc<Semaphore>,
    reads: Semaphore,
    max_bytes: AtomicU64,
    operations: Sender<Operation>,
    jobs: Sender<Job>,
    /// What is read with. Whoever takes the database away locks it meanwhile.
    reading: Mutex<Option<Connection>>,
    /// The lock of the spool: gone with the last who uses it.
    pub(super) lock: OwnedFd,
}

impl Shared {
    pub(super) fn new(
        files: Files,
        clock: Clock,
        held: Held,
        lock: OwnedFd,
        operations: Sender<Operation>,
        jobs: Sender<Job>,
    ) -> Self {
        Self {
            files,
            clock,
            held,
            puts: Arc::new(Semaphore::new(MAX_PUTS)),
            reads: Semaphore::new(MAX_READS),
            max_bytes: AtomicU64::new(0),
            operations,
            jobs,
            reading: Mutex::new(None),
            lock,
        }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_max_bytes(&self, max_bytes: u64) {
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
    }

    /// Hands an operation to the thread that writes. Where that has ended, whoever waits for the answer is told so by
    /// its being dropped.
    pub(super) fn write(&self, operation: Operation) {
        let _ = self.operations.send(operation);
    }

    /// Has the end of an attempt written, or an event forgotten that was given up.
    pub(super) fn end(
        &self,
        key: Key,
        route: &Arc<str>,
        end: store::End,
        answer: Option<oneshot::Sender<Result<(), StoreError>>>,
    ) {
        self.held.end(key, !matches!(end, store::End::Again { .. }));
        self.write(Operation::End(End {
            key,
            route: Arc::clone(route),
            end,
            answer,
        }));
    }

    /// Lets go of an event, for whoever waits for it.
    pub(super) fn free(&self, key: Key, route: &str) {
        self.held.free(key);
        self.held.notify(route);
    }

    /// Has something read by the thread that does it.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // It is never closed.
        let _place = self.reads.acquire().await;
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(self);
        let job = Job::Read(Box::new(move || {
            // What nobody wants to know any more is not looked for.
            if !answer.is_closed() {
                let _ = answer.send(shared.read_now(work));
            }
        }));
        let _ = self.jobs.send(job);
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Reads something on this thread.
    pub(super) fn read_now<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut reading = self.lock_reading();
        let result = match reading.take() {
            Some(connection) => Ok(connection),
            None => schema::connect_to_read(&self.files.database),
        };
        let result = result.and_then(|connection| work(reading.insert(connection)));
        result.map_err(|error| {
            match failures::kind(&error) {
                Kind::Damaged => self.write(Operation::Damaged {
                    generation: self.held.generation(),
                    reason: error.to_string(),
                }),
                Kind::Broken => *reading = None,
                Kind::Full | Kind::Busy | Kind::Other => {}
            }
            failures::failed(&self.files, &error)
        })
    }

    /// While this is held nothing is read. The connection is to be dropped when the database goes.
    pub(super) fn lock_reading(&self) -> MutexGuard<'_, Option<Connection>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets both threads end, once they have done what they were asked for.
    pub(super) fn close(&self) {
        let _ = self.jobs.send(Job::Close);
        self.write(Operation::Close);
    }
}

/// A thread has ended, as the store does.
pub(super) fn ended() -> StoreError {
    StoreError::Failed("the spool is closed".to_owned())
}
