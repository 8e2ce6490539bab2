//! Opening a database: what is there is looked at, and what cannot be used is set aside and named.
//!
//! A spool of a newer program is left as it is, and so is what a predecessor of this process still uses: then the
//! spool is not opened.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, ErrorCode};

use super::failures::{self, Kind};
use super::files::Files;
use super::{reserve, schema};
use crate::verify::Timestamp;

/// How long a database is looked through for damage at most.
const LOOK: Duration = Duration::from_secs(1);
/// How many of SQLite's steps are between two looks at the time.
const STEPS: i32 = 1_000;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the spool's directory {directory} cannot be used: {source}")]
    Directory {
        directory: PathBuf,
        source: io::Error,
    },
    #[error(
        "another process uses the spool in {directory}: stop it, or give this one a directory of its own in spool.directory"
    )]
    InUse { directory: PathBuf },
    #[error(
        "{file} was made by a newer hookward (its version is {version}, this program knows up to {known}): \
         start that one, or name another directory in spool.directory"
    )]
    Newer {
        file: PathBuf,
        version: i64,
        known: i64,
    },
    #[error(
        "{file} cannot be used ({reason}), and a process that still serves has it open: stop that one first"
    )]
    Shared { file: PathBuf, reason: String },
    #[error("the spool cannot be opened: {0}")]
    Database(String),
    #[error("there is no thread for the spool: {0}")]
    Thread(io::Error),
}

/// Why a file is not used.
enum Unfit {
    /// It is no spool, or not sound.
    SetAside(String),
    Newer(i64),
    Failed(Error),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        match failures::kind(&error) {
            Kind::Damaged => Self::SetAside(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

/// Opens the database to write to it, and makes it where there is none. What is unfit is set aside, unless another
/// process has it open.
pub(super) fn open(
    files: &Files,
    is_shared: bool,
    now: Timestamp,
) -> Result<Connection, OpenError> {
    let directory = |source| OpenError::Directory {
        directory: files.directory.clone(),
        source,
    };
    files.make_database().map_err(directory)?;
    let reason = match look(files) {
        Err(Unfit::SetAside(reason)) => reason,
        looked => return ready(files, looked),
    };
    if is_shared {
        return Err(OpenError::Shared {
            file: files.database.clone(),
            reason,
        });
    }
    let begun = set_aside(files, &reason, now).map_err(directory)?;
    ready(files, begun)
}

/// Sets the database aside, says so, and begins another one. Nobody of this process has it open.
fn set_aside(files: &Files, reason: &str, now: Timestamp) -> io::Result<Result<Connection, Unfit>> {
    let kept = files.set_aside(now)?;
    report(&files.database, &kept, reason);
    files.make_database()?;
    Ok(look(files))
}

/// The same while the program runs, for a reason that came to light then.
pub(super) fn begin_anew(
    files: &Files,
    reason: &str,
    now: Timestamp,
) -> Result<Connection, OpenError> {
    let begun = set_aside(files, reason, now).map_err(|source| OpenError::Directory {
        directory: files.directory.clone(),
        source,
    })?;
    ready(files, begun)
}

fn report(file: &Path, kept: &Path, reason: &str) {
    tracing::error!(
        event = "spool_set_aside",
        file = %file.display(),
        kept_as = %kept.display(),
        reason,
        "the spool's database cannot be used and was set aside; a new one is begun. Events in it are not delivered: \
         recover them with sqlite3 (.recover), or remove the file"
    );
}

fn ready(files: &Files, looked: Result<Connection, Unfit>) -> Result<Connection, OpenError> {
    match looked {
        Ok(connection) => Ok(connection),
        Err(Unfit::Newer(version)) => Err(OpenError::Newer {
            file: files.database.clone(),
            version,
            known: schema::VERSION,
        }),
        Err(Unfit::Failed(error)) => Err(OpenError::Database(failures::in_words(files, &error))),
        // What was just begun.
        Err(Unfit::SetAside(reason)) => Err(OpenError::Database(format!(
            "{}: {reason}",
            files.database.display()
        ))),
    }
}

fn look(files: &Files) -> Result<Connection, Unfit> {
    match look_once(files) {
        // Even to open a database takes a little room.
        Err(Unfit::Failed(error)) if failures::kind(&error) == Kind::Full => {
            reserve::release(&files.directory);
            look_once(files)
        }
        looked => looked,
    }
}

fn look_once(files: &Files) -> Result<Connection, Unfit> {
    let mut connection = schema::connect(&files.database)?;
    let is_ours = schema::application_id(&connection)? == schema::APPLICATION_ID;
    if is_ours {
        let version = schema::version(&connection)?;
        if version > schema::VERSION {
            return Err(Unfit::Newer(version));
        }
        look_through(&connection)?;
    } else if schema::is_empty(&connection)? {
        schema::prepare(&connection)?;
    } else {
        return Err(Unfit::SetAside("it is no spool of hookward".to_owned()));
    }
    schema::log_ahead(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Looks for damage for a while.
fn look_through(connection: &Connection) -> Result<(), Unfit> {
    let began = Instant::now();
    connection.progress_handler(STEPS, Some(move || began.elapsed() > LOOK))?;
    let found = connection.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(Unfit::SetAside(found)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
