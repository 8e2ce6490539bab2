//! Room on the disk that is kept for delivering, for when the disk is full.
//!
//! To delete an event is to write, too: to the log, and when that is brought into the database; that SQLite uses the
//! room of its log again does not suffice. A file is kept that is as large as both may grow by, and removed when the end
//! of an attempt has no room. Until it can be made again no events are stored, or they would take what was kept for
//! those that wait.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::files::Files;

const NAME: &str = "spool.reserve";
/// What the log may hold when it is brought into the database, which then grows by all of it, and as much again for
/// what is written meanwhile.
pub(super) const BYTES: u64 = 8 << 20;
const PIECE: usize = 64 << 10;

/// Makes the file, or sees that it is there.
pub(super) fn make(files: &Files) -> io::Result<()> {
    let file = files.open(NAME)?;
    if file.metadata()?.len() == BYTES {
        return Ok(());
    }
    let made = fill(&file);
    if made.is_err() {
        release(&files.directory);
    }
    made
}

fn fill(file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, BYTES) {
        Err(Errno::OPNOTSUPP) => write(file),
        other => Ok(other?),
    }
}

/// For file systems that cannot reserve room.
fn write(mut file: &File) -> io::Result<()> {
    let piece = vec![0; PIECE];
    let mut written = 0;
    while written < BYTES {
        file.write_all(&piece)?;
        written = written.saturating_add(PIECE as u64);
    }
    file.sync_all()
}

/// Removes the file. Where that fails it was not there, or the end of the attempt waits on.
pub(super) fn release(directory: &Path) {
    let _ = fs::remove_file(directory.join(NAME));
}
