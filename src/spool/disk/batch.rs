//! Operations that share one transaction, and so one wait for the disk.

use std::sync::mpsc::Receiver;

use rusqlite::{Connection, Savepoint, Transaction, TransactionBehavior};

use super::failures::{self, Kind};
use super::held::Key;
use super::rows;
use super::shared::Shared;
use super::shared::{End, Operation, Put};
use crate::spool::store::StoreError;

/// So many operations share a transaction at most.
const MAX_OPERATIONS: usize = 512;
/// So many bytes of requests.
const MAX_BYTES: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Batch {
    pub(super) ends: Vec<End>,
    pub(super) puts: Vec<Put>,
    /// The database of this generation is damaged, for this reason.
    pub(super) damaged: Option<(u64, String)>,
    pub(super) is_last: bool,
    bytes: u64,
}

impl Batch {
    pub(super) fn push(&mut self, operation: Operation) {
        match operation {
            Operation::Put(put) => {
                self.bytes = self.bytes.saturating_add(put.event.request.bytes());
                self.puts.push(put);
            }
            Operation::End(end) => self.ends.push(end),
            Operation::Damaged { generation, reason } => self.damaged = Some((generation, reason)),
            Operation::Close => self.is_last = true,
        }
    }

    /// Takes what waits, as far as it goes into one transaction.
    pub(super) fn fill(&mut self, operations: &Receiver<Operation>) {
        while self.ends.len().saturating_add(self.puts.len()) < MAX_OPERATIONS
            && self.bytes < MAX_BYTES
            && let Ok(operation) = operations.try_recv()
        {
            self.push(operation);
        }
    }

    /// Writes all of it in one transaction, into which comes what waits once it has begun. Says of each event where it
    /// is, or why it is not stored.
    ///
    /// # Errors
    /// Nothing of it is written.
    pub(super) fn write(
        &mut self,
        connection: &mut Connection,
        shared: &Shared,
        waiting: &Receiver<Operation>,
    ) -> rusqlite::Result<Vec<Stored>> {
        let begun = Transaction::new(connection, TransactionBehavior::Immediate);
        self.fill(waiting);
        write(begun?, shared, &self.ends, &self.puts)
    }
}

/// What became of an event.
pub(super) type Stored = Result<Key, StoreError>;

/// Writes these operations alone.
pub(super) fn write_only(
    connection: &mut Connection,
    shared: &Shared,
    ends: &[End],
    puts: &[Put],
) -> rusqlite::Result<Vec<Stored>> {
    let begun = Transaction::new(connection, TransactionBehavior::Immediate)?;
    write(begun, shared, ends, puts)
}

fn write(
    mut transaction: Transaction<'_>,
    shared: &Shared,
    ends: &[End],
    puts: &[Put],
) -> rusqlite::Result<Vec<Stored>> {
    let now = shared.clock.now();
    let generation = shared.held.generation();
    // Those of another database have gone with it.
    for end in ends.iter().filter(|end| end.key.generation == generation) {
        rows::end(&transaction, end.key.seq, &end.end, now)?;
    }
    let mut stored = Vec::with_capacity(puts.len());
    let written = put_all(&mut transaction, shared, puts, &mut stored);
    let written = written.and_then(|()| transaction.commit());
    if let Err(error) = written {
        for key in stored.into_iter().flatten() {
            shared.held.free(key);
        }
        return Err(error);
    }
    Ok(stored)
}

fn put_all(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    puts: &[Put],
    stored: &mut Vec<Stored>,
) -> rusqlite::Result<()> {
    if puts.is_empty() {
        return Ok(());
    }
    let mut bytes = rows::bytes(transaction)?;
    for put in puts {
        let added = bytes.saturating_add(put.event.request.bytes());
        let result = if put.answer.is_closed() {
            // Nobody waits for it any more.
            Err(StoreError::Slow)
        } else if added > shared.max_bytes() {
            Err(StoreError::Full)
        } else {
            put_one(transaction, shared, put)?
        };
        if result.is_ok() {
            bytes = added;
        }
        stored.push(result);
    }
    Ok(())
}

/// Stores an event, or undoes what there is of it, and of nothing else.
///
/// # Errors
/// What is wrong is not the event.
fn put_one(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    put: &Put,
) -> rusqlite::Result<Stored> {
    let mut savepoint: Savepoint<'_> = transaction.savepoint()?;
    match rows::insert(&savepoint, &put.event, shared.clock.now()) {
        Ok(seq) => {
            savepoint.commit()?;
            // Before the commit: nobody is to have it before its sender knows that it is stored.
            Ok(Ok(shared.held.add(seq)))
        }
        Err(error) if failures::kind(&error) == Kind::Other => {
            savepoint.rollback()?;
            Ok(Err(failures::failed(&shared.files, &error)))
        }
        Err(error) => Err(error),
    }
}
