//! The tables, and how connections to them are set up.
//!
//! What is searched is in `events`, and the requests are beside it: looking for the next event reads no bodies. The
//! sums in `totals` are kept by triggers, so that they are right whoever changes events, an operator with another
//! program included, and cost the same with ten events and with a hundred thousand.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result, Transaction, TransactionBehavior};

/// What says that a database is a spool: `hkwd`.
pub(super) const APPLICATION_ID: i32 = 0x686b_7764;
/// The version of the tables that this program knows.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;
/// How long a connection waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The write-ahead log is made so small again after more was in it at once.
const LOG_BYTES: i64 = 8 << 20;

/// What makes each version of the one before it; the first of an empty database.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 32),
    route TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    received_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    waiting_since INTEGER NOT NULL,
    is_its_own INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    is_retried INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL,
    last_error TEXT
) STRICT;
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    head BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE totals (
    route TEXT NOT NULL,
    state TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (route, state)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_time ON events (route, next_at) WHERE state = 'waiting';
CREATE INDEX waiting_by_place ON events (route) WHERE state = 'waiting';
CREATE INDEX waiting_for_app ON events (route, waiting_since) WHERE state = 'waiting' AND is_its_own = 0;
CREATE INDEX dead_by_place ON events (state) WHERE state = 'dead';
CREATE TRIGGER event_added AFTER INSERT ON events BEGIN
    INSERT INTO totals VALUES (new.route, new.state, 1, new.bytes)
        ON CONFLICT DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER event_removed AFTER DELETE ON events BEGIN
    DELETE FROM requests WHERE seq = old.seq;
    UPDATE totals SET events = events - 1, bytes = bytes - old.bytes
        WHERE route = old.route AND state = old.state;
    DELETE FROM totals WHERE route = old.route AND state = old.state AND events = 0;
END;
CREATE TRIGGER event_changed AFTER UPDATE OF route, state, bytes ON events BEGIN
    UPDATE totals SET events = events - 1, bytes = bytes - old.bytes
        WHERE route = old.route AND state = old.state;
    INSERT INTO totals VALUES (new.route, new.state, 1, new.bytes)
        ON CONFLICT DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
    DELETE FROM totals WHERE route = old.route AND state = old.state AND events = 0;
END;
"];

/// Opens a database that is there, to read and write.
pub(super) fn connect(file: &Path) -> Result<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // An event is answered for once it is written: the commit waits for the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    Ok(connection)
}

/// Opens a database that is there, only to read.
pub(super) fn connect_to_read(file: &Path) -> Result<Connection> {
    open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(file: &Path, access: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    // The last connection would remove the write-ahead log by its name, also where that is the one of another
    // database by now, because this one was set aside.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // What a statement may have to undo is kept in memory: another disk may be full too.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Whether there is nothing in a database.
pub(super) fn is_empty(connection: &Connection) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    connection.query_row(sql, (), |row| row.get(0))
}

pub(super) fn application_id(connection: &Connection) -> Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

pub(super) fn version(connection: &Connection) -> Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes an empty database one that tables can be made in.
pub(super) fn prepare(connection: &Connection) -> Result<()> {
    // Room that a burst took is given back, a little at a time.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// Has changes written to a log first, which many commits share one way to the disk in, and readers read beside.
pub(super) fn log_ahead(connection: &Connection) -> Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// Brings the tables to the present version.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let version = usize::try_from(version(&transaction)?).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(migration)?;
    }
    if version < MIGRATIONS.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}
