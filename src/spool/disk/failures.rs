//! What SQLite and the system say, in words that tell what to do.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};
use rustix::fs::{StatVfs, statvfs};

use super::files::Files;
use super::reserve;
use crate::spool::store::StoreError;

/// A disk with more than this is not full, whatever was kept and is being made use of.
const ROOM: u64 = 4 * reserve::BYTES;

/// What an error means for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no room on the disk, or it takes nothing for another reason.
    Full,
    /// The file is no sound database.
    Damaged,
    /// The disk or the file does not do what it should: it may after it was opened again.
    Broken,
    /// Another process has it for now.
    Busy,
    Other,
}

/// Sorts an error.
pub(super) fn kind(error: &Error) -> Kind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Kind::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Kind::Damaged,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Busy,
        // How a quota, a disk that is read-only by now, and a full one at the file that is mapped into memory, show.
        Some(ErrorCode::SystemIoFailure)
            if matches!(
                error.sqlite_extended_error_code(),
                Some(ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_WRITE)
            ) =>
        {
            Kind::Full
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            Kind::Broken
        }
        _ => Kind::Other,
    }
}

/// The error as the caller of a store gets it.
pub(super) fn failed(files: &Files, error: &Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::TooBig) {
        return StoreError::TooLarge("SQLite keeps at most 1 GB in one place".to_owned());
    }
    StoreError::Failed(in_words(files, error))
}

/// There is no room for events.
pub(super) fn no_room(directory: &Path) -> StoreError {
    StoreError::Failed(format!(
        "{}; until then events are delivered and not stored",
        takes_nothing(directory)
    ))
}

/// Why a disk takes nothing more, as far as it can be told. SQLite says the same of a quota and of a file system that
/// is read-only by now.
fn takes_nothing(directory: &Path) -> String {
    let disk = directory.display();
    let has_room = |found: StatVfs| found.f_bavail.saturating_mul(found.f_frsize) > ROOM;
    if statvfs(directory).is_ok_and(has_room) {
        format!(
            "the disk of {disk} has room and takes nothing: see whether it is read-only, broken or has a quota, and mend it"
        )
    } else {
        format!("the disk of {disk} is full: make room on it")
    }
}

/// The error, where it is, and what to do.
pub(super) fn in_words(files: &Files, error: &Error) -> String {
    let file = files.database.display();
    let directory = files.directory.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => {
            format!("{file} cannot be written to: make {directory} and its files writable")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "{file} cannot be opened: see that it is there, and that this user may read and write {directory}"
        ),
        _ => match kind(error) {
            Kind::Full => takes_nothing(&files.directory),
            Kind::Damaged => format!("{file} is damaged"),
            Kind::Busy => format!(
                "{file} is in use for too long: end the program that has a transaction open in it"
            ),
            Kind::Broken => format!("{file}: {error}; look at the disk and the system's log"),
            Kind::Other => format!("{file}: {error}"),
        },
    }
}
