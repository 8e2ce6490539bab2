//! The thread that writes: what came while one transaction was on its way to the disk shares the next one.
//!
//! Nothing that goes wrong ends it. A put that cannot be written is answered so, and is its sender's again. The end of
//! an attempt cannot be taken back, so it is kept, the event stays leased, and it is written when that works again. On
//! a full disk ends go before puts, and use the [`reserve`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::batch::{Batch, Stored, write_only};
use super::failures::{self, Kind};
use super::files::Identity;
use super::link::{Link, Trouble};
use super::shared::Shared;
use super::shared::{End, Kept, Operation, Put};
use super::{reserve, tidy};
use crate::spool::store::StoreError;

/// How often it is tried again to write what could not be written, and to make room.
const AGAIN: Duration = Duration::from_secs(1);
/// How long to wait where there is nothing of that.
const IDLE: Duration = Duration::from_secs(60);

/// What is known of room that events left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Tidy,
    /// Events have gone since it was looked.
    Left,
    /// It is being given back.
    BeingGivenBack,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    waiting: Receiver<Operation>,
    link: Link,
    /// The ends of attempts that could not be written.
    unwritten: Vec<End>,
    /// There is room for them on a full disk.
    has_reserve: bool,
    room: Room,
    cared_at: Instant,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        waiting: Receiver<Operation>,
        connection: Option<Connection>,
        identity: Identity,
    ) -> Self {
        let has_reserve = reserve::make(&shared.files).is_ok();
        Self {
            link: Link::new(Arc::clone(&shared), connection, identity),
            shared,
            waiting,
            unwritten: Vec::new(),
            has_reserve,
            // A process before this one may have left some.
            room: Room::Left,
            cared_at: Instant::now(),
        }
    }

    /// Writes what comes, until it is closed.
    pub(super) fn run(mut self) {
        loop {
            let is_last = match self.waiting.recv_timeout(self.patience()) {
                Ok(operation) => self.guarded(|writer| writer.turn(operation)),
                Err(RecvTimeoutError::Timeout) => self.guarded(Self::tidy),
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if is_last {
                break;
            }
            if self.cared_at.elapsed() >= AGAIN {
                self.guarded(Self::care);
            }
        }
        while let Ok(operation) = self.waiting.try_recv() {
            self.guarded(|writer| writer.turn(operation));
        }
        self.guarded(Self::care);
        // Only so that the next process has less to read.
        self.bring_in();
    }

    /// A fault ends only what brought it to light: those who wait for an answer are told so by its being dropped. It
    /// is logged as any panic is.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> bool) -> bool {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        done.unwrap_or(false)
    }

    fn patience(&self) -> Duration {
        match self.room {
            Room::BeingGivenBack => Duration::ZERO,
            Room::Left => AGAIN,
            Room::Tidy if self.unwritten.is_empty() && self.has_reserve => IDLE,
            Room::Tidy => AGAIN,
        }
    }

    /// Writes an operation, and what waits by then. Returns whether it was the last one.
    fn turn(&mut self, first: Operation) -> bool {
        let mut batch = Batch::default();
        batch.push(first);
        if !self.has_reserve {
            // What there is of room is for those that wait already.
            batch.fill(&self.waiting);
            for put in std::mem::take(&mut batch.puts) {
                let _ = put.answer.send(Err(self.no_room()));
            }
        }
        if !batch.ends.is_empty() || !batch.puts.is_empty() {
            self.write(&mut batch);
        }
        if let Some((generation, reason)) = batch.damaged.take()
            && generation == self.shared.held.generation()
        {
            // What could not be done is said to those who ask next.
            let _ = self.link.begin_anew(&reason);
        }
        batch.is_last
    }

    fn write(&mut self, batch: &mut Batch) {
        let mut result = self.attempt(batch);
        if let Err(Trouble {
            kind: Kind::Damaged,
            error,
        }) = &result
            && self.link.begin_anew(&error.to_string()).is_ok()
        {
            result = self.attempt(batch);
        }
        let ends = std::mem::take(&mut batch.ends);
        let puts = std::mem::take(&mut batch.puts);
        if !ends.is_empty() {
            self.room = Room::Left;
        }
        match result {
            Ok(stored) => {
                self.ends_written(ends);
                for (put, stored) in puts.into_iter().zip(stored) {
                    self.answer(put, stored);
                }
            }
            Err(Trouble {
                kind: Kind::Full, ..
            }) => {
                self.write_ends(ends);
                for put in puts {
                    self.write_alone(put);
                }
            }
            Err(trouble) => {
                self.ends_unwritten(ends, &trouble);
                for put in puts {
                    self.answer(put, Err(trouble.error.clone()));
                }
            }
        }
    }

    fn attempt(&mut self, batch: &mut Batch) -> Result<Vec<Stored>, Trouble> {
        let (shared, waiting) = (&self.shared, &self.waiting);
        let result = self
            .link
            .with(|connection| batch.write(connection, shared, waiting));
        if matches!(&result, Err(trouble) if trouble.kind == Kind::Broken) {
            // Those that wait would fail in the same way, one after the other.
            batch.fill(waiting);
        }
        result
    }

    fn write_only(&mut self, ends: &[End], puts: &[Put]) -> Result<Vec<Stored>, Trouble> {
        let shared = &self.shared;
        self.link
            .with(|connection| write_only(connection, shared, ends, puts))
    }

    /// Stores an event where several had no room together.
    fn write_alone(&mut self, put: Put) {
        if !self.has_reserve {
            let error = self.no_room();
            return self.answer(put, Err(error));
        }
        let put = [put];
        let stored = match self.write_only(&[], &put) {
            Ok(mut stored) => stored.pop().unwrap_or_else(|| Err(self.no_room())),
            Err(trouble) if trouble.kind == Kind::Full => Err(self.no_room()),
            Err(trouble) => Err(trouble.error),
        };
        let [put] = put;
        self.answer(put, stored);
    }

    fn answer(&self, put: Put, stored: Stored) {
        let route = &put.event.route;
        let kept = stored.map(|key| Kept::new(&self.shared, key, route));
        // What nobody waits for is dropped, and so taken out again.
        let _ = put.answer.send(kept);
    }

    fn no_room(&self) -> StoreError {
        failures::no_room(&self.shared.files.directory)
    }

    /// Writes ends, if need be with the room that was kept for it.
    fn write_ends(&mut self, ends: Vec<End>) {
        if ends.is_empty() {
            return;
        }
        let mut result = self.write_only(&ends, &[]);
        if matches!(&result, Err(trouble) if trouble.kind == Kind::Full) {
            reserve::release(&self.shared.files.directory);
            self.has_reserve = false;
            self.bring_in();
            result = self.write_only(&ends, &[]);
        }
        match result {
            Ok(_) => self.ends_written(ends),
            Err(trouble) => self.ends_unwritten(ends, &trouble),
        }
    }

    fn ends_written(&self, ends: Vec<End>) {
        for end in ends {
            self.shared.free(end.key, &end.route);
            if let Some(answer) = end.answer {
                let _ = answer.send(Ok(()));
            }
        }
    }

    fn ends_unwritten(&mut self, ends: Vec<End>, trouble: &Trouble) {
        for mut end in ends {
            if let Some(answer) = end.answer.take() {
                let _ = answer.send(Err(trouble.error.clone()));
            }
            self.unwritten.push(end);
        }
    }

    /// Tries again what did not work.
    fn care(&mut self) -> bool {
        self.cared_at = Instant::now();
        let unwritten = std::mem::take(&mut self.unwritten);
        let there_were_some = !unwritten.is_empty();
        self.write_ends(unwritten);
        if there_were_some && self.unwritten.is_empty() {
            // While there were too many, nobody got an event.
            self.shared.held.notify_all();
        }
        if !self.has_reserve {
            self.give_back_all();
            self.has_reserve = reserve::make(&self.shared.files).is_ok();
        }
        false
    }

    /// Gives back a little of the room that nobody needs.
    fn tidy(&mut self) -> bool {
        if self.room == Room::Tidy {
            return false;
        }
        let given = self
            .link
            .with(|connection| tidy::give_back(connection, tidy::KEPT));
        self.room = match given {
            Ok(true) => Room::BeingGivenBack,
            Ok(false) | Err(_) => {
                self.bring_in();
                Room::Tidy
            }
        };
        false
    }

    /// Gives back what can be given back at once, on a full disk.
    fn give_back_all(&mut self) {
        // What fails here has no room either, and is tried again.
        let _ = self.link.with(|connection| {
            for _ in 0..tidy::AT_ONCE {
                if !tidy::give_back(connection, 0)? {
                    break;
                }
            }
            Ok(())
        });
        self.bring_in();
    }

    /// Brings the log into the database, so that its room is used again.
    fn bring_in(&mut self) {
        // Where that does not work now, the log goes on growing.
        let _ = self.link.with(|connection| tidy::bring_in(connection));
    }
}
