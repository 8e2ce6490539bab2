//! Which event is next.
//!
//! Those whose time has come go first, by that time. Then those that the app's answering again released, by how long
//! they have waited since their last attempt: an index gives them in that order without a look at the others. Times so
//! far ahead that no attempt was ever put off as long were written before the clock went back.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Result, Row, params};

use super::held::Access;
use super::lease::DiskLease;
use super::rows;
use super::shared::Shared;
use crate::spool::store::Info;
use crate::verify::Timestamp;

/// No attempt is put off for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(65 * 60);
/// It is looked again after so long, whatever was expected: the clock may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked at once for another one, where others changed the one that was found.
const TRIES: u32 = 8;

/// What there is for a route.
pub(super) enum Found {
    Leased(DiskLease),
    /// Nothing for so long, if nothing changes.
    Nothing(Duration),
}

/// An event that may be next.
struct Candidate {
    seq: i64,
    next_at: i64,
    attempts: i64,
}

fn candidate(row: &Row<'_>) -> Result<Candidate> {
    Ok(Candidate {
        seq: row.get("seq")?,
        next_at: row.get("next_at")?,
        attempts: row.get("attempts")?,
    })
}

/// Looks for the next event of a route, and leases it.
pub(super) fn next(
    connection: &Connection,
    shared: &Arc<Shared>,
    route: &Arc<str>,
    in_order: bool,
) -> Result<Found> {
    for _ in 0..TRIES {
        let now = shared.clock.now();
        let found = if in_order {
            first(connection, shared, route, now)?
        } else {
            due(connection, shared, route, now)?
        };
        let candidate = match found {
            Ok(candidate) => candidate,
            Err(pause) => return Ok(Found::Nothing(pause.min(LOOK_AGAIN))),
        };
        let Some(key) = shared.held.lease(candidate.seq) else {
            return Ok(Found::Nothing(LOOK_AGAIN));
        };
        let lease = DiskLease::guard(shared, key, route);
        // It was free, but what was read of it may be from before its last attempt ended. From now on it stays as it
        // is, but for operators.
        if let Some(info) = unchanged(connection, &candidate)? {
            return Ok(Found::Leased(lease.of(info)));
        }
    }
    Ok(Found::Nothing(Duration::from_millis(1)))
}

fn unchanged(connection: &Connection, candidate: &Candidate) -> Result<Option<Info>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM events WHERE seq = ? AND state = 'waiting' AND next_at = ? AND attempts = ?",
        rows::INFO
    ))?;
    let Candidate {
        seq,
        next_at,
        attempts,
    } = candidate;
    let read = statement.query_row(params![seq, next_at, attempts], rows::info);
    read.optional()
}

/// The event that came first, if it is due and nobody has it; else how long until it is.
fn first(
    connection: &Connection,
    shared: &Shared,
    route: &Arc<str>,
    now: Timestamp,
) -> Result<std::result::Result<Candidate, Duration>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, next_at, attempts, is_its_own, waiting_since FROM events INDEXED BY waiting_by_place \
         WHERE route = ? AND state = 'waiting' ORDER BY seq",
    )?;
    let mut rows = statement.query([&**route])?;
    while let Some(row) = rows.next()? {
        let candidate = candidate(row)?;
        match shared.held.access(candidate.seq) {
            Access::Gone => continue,
            Access::Held => break,
            Access::Free => {}
        }
        let waiting_since: i64 = row.get("waiting_since")?;
        let is_its_own: bool = row.get("is_its_own")?;
        let released_at = shared.held.released_at(route).map(rows::millis);
        let is_released = !is_its_own && released_at.is_some_and(|at| waiting_since <= at);
        let pause = until(candidate.next_at, now);
        if pause.is_zero() || pause > LONGEST_PAUSE || is_released {
            return Ok(Ok(candidate));
        }
        return Ok(Err(pause));
    }
    Ok(Err(LOOK_AGAIN))
}

/// The event that is due for the longest time, of those that nobody has; else how long until there is one.
fn due(
    connection: &Connection,
    shared: &Shared,
    route: &Arc<str>,
    now: Timestamp,
) -> Result<std::result::Result<Candidate, Duration>> {
    let due = connection.prepare_cached(
        "SELECT seq, next_at, attempts FROM events INDEXED BY waiting_by_time \
         WHERE route = ? AND state = 'waiting' AND next_at <= ? ORDER BY next_at, seq",
    )?;
    if let Some(found) = free(due, shared, params![&**route, rows::millis(now)])? {
        return Ok(Ok(found));
    }
    if let Some(released_at) = shared.held.released_at(route) {
        let released = connection.prepare_cached(
            "SELECT seq, next_at, attempts FROM events INDEXED BY waiting_for_app \
             WHERE route = ? AND state = 'waiting' AND is_its_own = 0 AND waiting_since <= ? \
             ORDER BY waiting_since, seq",
        )?;
        if let Some(found) = free(
            released,
            shared,
            params![&**route, rows::millis(released_at)],
        )? {
            return Ok(Ok(found));
        }
    }
    let ahead = connection.prepare_cached(
        "SELECT seq, next_at, attempts FROM events INDEXED BY waiting_by_time \
         WHERE route = ? AND state = 'waiting' AND next_at > ? ORDER BY next_at, seq",
    )?;
    let too_far = rows::millis(now.after(LONGEST_PAUSE));
    if let Some(found) = free(ahead, shared, params![&**route, too_far])? {
        return Ok(Ok(found));
    }
    let mut soonest = connection.prepare_cached(
        "SELECT next_at FROM events INDEXED BY waiting_by_time \
         WHERE route = ? AND state = 'waiting' AND next_at > ? ORDER BY next_at LIMIT 1",
    )?;
    let soonest = soonest.query_row(params![&**route, rows::millis(now)], |row| row.get(0));
    let pause = soonest.optional()?.map(|next_at| until(next_at, now));
    Ok(Err(pause.unwrap_or(LOOK_AGAIN)))
}

/// The first of these that nobody has.
fn free(
    mut statement: CachedStatement<'_>,
    shared: &Shared,
    params: impl Params,
) -> Result<Option<Candidate>> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let candidate = candidate(row)?;
        if shared.held.access(candidate.seq) == Access::Free {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn until(next_at: i64, now: Timestamp) -> Duration {
    let left = next_at.saturating_sub(rows::millis(now));
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}
