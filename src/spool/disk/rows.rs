//! Events as rows, and back.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};

use crate::handoff::Stored;
use crate::spool::archive::{Listed, State};
use crate::spool::event::{Event, EventId};
use crate::spool::store::{End, Info, RouteTotals, Totals};
use crate::verify::Timestamp;

/// So much of an error is kept.
const ERROR_CHARS: usize = 500;

/// A number as SQLite keeps it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn millis(time: Timestamp) -> i64 {
    number(time.as_millis())
}

fn unsigned(row: &Row<'_>, column: &str) -> Result<u64> {
    row.get(column)
        .map(|value: i64| u64::try_from(value).unwrap_or(0))
}

fn time(row: &Row<'_>, column: &str) -> Result<Timestamp> {
    unsigned(row, column).map(Timestamp::from_millis)
}

fn attempts(row: &Row<'_>) -> Result<u32> {
    unsigned(row, "attempts").map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn id(row: &Row<'_>) -> Result<EventId> {
    let text: String = row.get("id")?;
    text.parse()
        .map_err(|error| Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// What the columns are that [`info`] reads.
pub(super) const INFO: &str = "seq, id, route, received_at, attempts, bytes, is_retried";

pub(super) fn info(row: &Row<'_>) -> Result<Info> {
    Ok(Info {
        id: id(row)?,
        route: row.get::<_, String>("route")?.into(),
        received_at: time(row, "received_at")?,
        attempts: attempts(row)?,
        bytes: unsigned(row, "bytes")?,
        is_retried: row.get("is_retried")?,
    })
}

/// What the columns are that [`listed`] reads.
pub(super) const LISTED: &str =
    "seq, id, route, state, attempts, received_at, next_at, bytes, last_error";

pub(super) fn listed(row: &Row<'_>) -> Result<Listed> {
    let state = match row.get_ref("state")?.as_str()? {
        "dead" => State::Dead,
        _ => State::Waiting,
    };
    let next_at = time(row, "next_at")?;
    Ok(Listed {
        place: unsigned(row, "seq")?,
        id: id(row)?,
        route: row.get::<_, String>("route")?.into(),
        state,
        attempts: attempts(row)?,
        received_at: time(row, "received_at")?,
        next_at: (state == State::Waiting).then_some(next_at),
        bytes: unsigned(row, "bytes")?,
        last_error: row.get("last_error")?,
    })
}

/// Reads the request of an event.
pub(super) fn request(connection: &Connection, seq: i64) -> Result<Option<Stored>> {
    let mut statement =
        connection.prepare_cached("SELECT head, body FROM requests WHERE seq = ?")?;
    let read = |row: &Row<'_>| {
        let (head, body): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        Ok(Stored::read_back(Bytes::from(head), Bytes::from(body)))
    };
    statement.query_row([seq], read).optional()
}

/// Adds an event. Returns its place.
pub(super) fn insert(connection: &Connection, event: &Event, now: Timestamp) -> Result<i64> {
    let mut events = connection.prepare_cached(
        "INSERT INTO events (id, route, state, received_at, next_at, waiting_since, bytes) \
         VALUES (?, ?, 'waiting', ?, ?, ?, ?)",
    )?;
    let seq = events.insert(params![
        event.id.to_string(),
        &*event.route,
        millis(event.received_at),
        millis(event.due_at),
        millis(now),
        number(event.request.bytes()),
    ])?;
    let mut requests =
        connection.prepare_cached("INSERT INTO requests (seq, head, body) VALUES (?, ?, ?)")?;
    let head: &[u8] = event.request.head();
    match event.request.body() {
        [] => requests.execute(params![seq, head, [].as_slice()])?,
        [body] => requests.execute(params![seq, head, &**body])?,
        pieces => requests.execute(params![seq, head, pieces.concat()])?,
    };
    Ok(seq)
}

/// Writes how an attempt ended. An event that an operator has dropped meanwhile stays so.
pub(super) fn end(connection: &Connection, seq: i64, end: &End, now: Timestamp) -> Result<()> {
    match end {
        End::Delivered => {
            let mut statement = connection.prepare_cached("DELETE FROM events WHERE seq = ?")?;
            statement.execute([seq])?;
        }
        End::Again {
            at,
            error,
            is_its_own,
        } => {
            let mut statement = connection.prepare_cached(
                "UPDATE events SET attempts = attempts + 1, is_retried = 0, next_at = ?, waiting_since = ?, \
                 is_its_own = ?, last_error = ? WHERE seq = ?",
            )?;
            let error = cut(error);
            statement.execute(params![millis(*at), millis(now), is_its_own, error, seq])?;
        }
        End::Dead { error, was_tried } => {
            let mut statement = connection.prepare_cached(
                "UPDATE events SET state = 'dead', attempts = attempts + ?, is_retried = 0, \
                 last_error = coalesce(?, last_error) WHERE seq = ?",
            )?;
            statement.execute(params![was_tried, error.as_deref().map(cut), seq])?;
        }
    }
    Ok(())
}

fn cut(error: &str) -> &str {
    let end = error.char_indices().nth(ERROR_CHARS).map(|(end, _)| end);
    end.and_then(|end| error.get(..end)).unwrap_or(error)
}

/// How many bytes all events have.
pub(super) fn bytes(connection: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce(sum(bytes), 0) AS bytes FROM totals";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row((), |row| unsigned(row, "bytes"))
}

pub(super) fn totals(connection: &Connection) -> Result<Totals> {
    let mut totals = Totals::default();
    let mut statement = connection
        .prepare_cached("SELECT route, state, events, bytes FROM totals ORDER BY route")?;
    // Those of one route came one after the other, within the time of a request.
    let mut oldest = connection.prepare_cached(
        "SELECT received_at FROM events WHERE route = ? AND state = 'waiting' ORDER BY seq LIMIT 1",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let route: Arc<str> = row.get::<_, String>("route")?.into();
        if totals.routes.last().is_none_or(|last| last.route != route) {
            totals.routes.push(RouteTotals {
                route: Arc::clone(&route),
                waiting: 0,
                dead: 0,
                oldest: None,
            });
        }
        totals.bytes = totals.bytes.saturating_add(unsigned(row, "bytes")?);
        let Some(last) = totals.routes.last_mut() else {
            continue;
        };
        if row.get_ref("state")?.as_str()? == "dead" {
            last.dead = unsigned(row, "events")?;
        } else {
            last.waiting = unsigned(row, "events")?;
            let read = oldest.query_row([&*route], |row| time(row, "received_at"));
            last.oldest = read.optional()?;
        }
    }
    Ok(totals)
}
