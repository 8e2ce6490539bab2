//! What the commands see and change of a spool, while another process may use it.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::files::Files;
use super::{failures, rows, schema};
use crate::handoff::Stored;
use crate::spool::archive::{Archive, Listed, PAGE};
use crate::spool::event::EventId;
use crate::spool::store::{Answer, StoreError};

/// So many dead letters are retried in one transaction: whoever delivers waits for it.
const AT_ONCE: i64 = 1_000;
/// Has an event tried at once.
const RETRY: &str = "UPDATE events SET is_retried = (state = 'dead' OR is_retried), state = 'waiting', next_at = 0, is_its_own = 0";

/// The events of a directory.
#[derive(Clone)]
pub(crate) struct DiskArchive {
    files: Files,
}

impl DiskArchive {
    /// Of a directory, which need not be there yet.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            files: Files::in_directory(directory),
        }
    }

    /// Does something with the database on a thread that may wait. Where there is none yet, there are no events.
    fn with<T: Default + Send + 'static>(
        &self,
        connect: fn(&Path) -> rusqlite::Result<Connection>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let files = self.files.clone();
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                if let Err(error) = files.identity()
                    && error.kind() == ErrorKind::NotFound
                {
                    return Ok(T::default());
                }
                let failed = |error| failures::failed(&files, &error);
                let mut connection = connect(&files.database).map_err(failed)?;
                if !is_known(&connection, &files)? {
                    return Ok(T::default());
                }
                work(&mut connection).map_err(failed)
            });
            let failed = |error: tokio::task::JoinError| StoreError::Failed(error.to_string());
            done.await.map_err(failed)?
        })
    }
}

/// Whether there are tables, and of the version that this program knows.
fn is_known(connection: &Connection, files: &Files) -> Result<bool, StoreError> {
    let failed = |error| failures::failed(files, &error);
    let file = files.database.display();
    let version = schema::version(connection).map_err(failed)?;
    if schema::application_id(connection).map_err(failed)? != schema::APPLICATION_ID {
        if schema::is_empty(connection).map_err(failed)? {
            return Ok(false);
        }
        return Err(StoreError::Failed(format!(
            "{file} is no spool of hookward"
        )));
    }
    if version == schema::VERSION {
        return Ok(true);
    }
    Err(StoreError::Failed(format!(
        "{file} has version {version}, and this program knows {}: use the hookward that serves with it",
        schema::VERSION
    )))
}

impl Archive for DiskArchive {
    fn list(&self, behind: u64) -> Answer<'_, Vec<Listed>> {
        self.with(schema::connect_to_read, move |connection| {
            let mut statement = connection.prepare(&format!(
                "SELECT {} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                rows::LISTED
            ))?;
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let listed = statement.query_map([rows::number(behind), page], rows::listed)?;
            listed.collect()
        })
    }

    fn show(&self, id: EventId) -> Answer<'_, Option<(Listed, Stored)>> {
        self.with(schema::connect_to_read, move |connection| {
            // Both as of one moment.
            let transaction = connection.transaction()?;
            let sql = format!("SELECT {} FROM events WHERE id = ?", rows::LISTED);
            let listed = transaction.query_row(&sql, [id.to_string()], rows::listed);
            let Some(listed) = listed.optional()? else {
                return Ok(None);
            };
            let request = rows::request(&transaction, rows::number(listed.place))?;
            Ok(request.map(|request| (listed, request)))
        })
    }

    fn retry(&self, id: EventId) -> Answer<'_, bool> {
        self.with(schema::connect, move |connection| {
            let changed = connection.execute(&format!("{RETRY} WHERE id = ?"), [id.to_string()])?;
            Ok(changed > 0)
        })
    }

    fn retry_dead(&self) -> Answer<'_, u64> {
        self.with(schema::connect, |connection| {
            let mut count: u64 = 0;
            // Those that have died once more meanwhile are behind.
            let mut behind: i64 = 0;
            loop {
                let last: Option<i64> = connection.query_row(
                    "SELECT max(seq) FROM (SELECT seq FROM events INDEXED BY dead_by_place \
                     WHERE state = 'dead' AND seq > ? ORDER BY seq LIMIT ?)",
                    [behind, AT_ONCE],
                    |row| row.get(0),
                )?;
                let Some(last) = last else {
                    return Ok(count);
                };
                let changed = connection.execute(
                    &format!("{RETRY} WHERE state = 'dead' AND seq > ? AND seq <= ?"),
                    params![behind, last],
                )?;
                count = count.saturating_add(u64::try_from(changed).unwrap_or(u64::MAX));
                behind = last;
            }
        })
    }

    fn drop_event(&self, id: EventId) -> Answer<'_, bool> {
        self.with(schema::connect, move |connection| {
            let sql = "DELETE FROM events WHERE id = ?";
            Ok(connection.execute(sql, [id.to_string()])? > 0)
        })
    }
}
