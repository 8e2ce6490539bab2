//! Giving room back to the disk that events have left behind, in small steps.

use rusqlite::{Connection, Result};

/// So many free pages are kept for the events that come next.
pub(super) const KEPT: i64 = 1_000;
/// How many steps are made one after the other on a full disk.
pub(super) const AT_ONCE: u32 = 16;
/// How many pages are given back in one step. As many others move.
const STEP: i64 = 200;

/// Gives a few pages back where more than so many are free. Returns whether there are more.
pub(super) fn give_back(connection: &Connection, kept: i64) -> Result<bool> {
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let beyond = free.saturating_sub(kept);
    if beyond <= 0 {
        return Ok(false);
    }
    let sql = format!("PRAGMA incremental_vacuum({})", beyond.min(STEP));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    // One row for each page.
    while rows.next()?.is_some() {}
    Ok(beyond > STEP)
}

/// Brings the log into the database, and makes it empty. `false` where somebody read in it for too long.
pub(super) fn bring_in(connection: &Connection) -> Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| {
        let is_busy: bool = row.get(0)?;
        Ok(!is_busy)
    })
}
