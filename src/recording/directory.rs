//! The directory of recorded requests: how many there are, how large and how old.
//!
//! It may hold anything else: what is not called as ours, or is no regular file, is left alone. Nothing is
//! written into a file that was there before, nor through a link: a file gets its name once it is complete,
//! and what has no name yet begins with a dot. Files are for their owner alone.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::name::{Name, UNFINISHED};
use super::queue::Entry;
use crate::config::RecordConfig;

/// The directory is looked at again after so long: a successor of this process may write to it too.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// A file that was not complete after so long was left by a process that ended.
const ABANDONED_MILLIS: u64 = 60_000;

/// The directory, and what is known to be in it.
pub(super) struct Directory {
    config: RecordConfig,
    /// The complete files with their sizes in bytes, the oldest first.
    files: BTreeMap<Name, u64>,
    bytes: u64,
    looked_at: Option<Instant>,
    number: u32,
}

impl Directory {
    pub(super) fn new(config: RecordConfig) -> Self {
        Self {
            config,
            files: BTreeMap::new(),
            bytes: 0,
            looked_at: None,
            // Two processes that write at once must not choose the same names.
            number: rand::random(),
        }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.config.directory
    }

    /// Removes what is too old, and what is beyond the limits. `now` in milliseconds since the epoch. Returns
    /// for how long there is nothing more to do.
    pub(super) fn tidy(&mut self, now: u64) -> io::Result<Duration> {
        self.look(now)?;
        self.remove_old(now)?;
        self.make_room(0, 0)?;
        let oldest = self.files.keys().next().map(|name| {
            let age = Duration::from_millis(now.saturating_sub(name.millis));
            self.config.max_age.saturating_sub(age)
        });
        let soonest = Duration::from_millis(100);
        Ok(oldest.map_or(LOOK_AGAIN, |left| left.clamp(soonest, LOOK_AGAIN)))
    }

    /// Writes a request. Old ones go first, so that there are never more than the limits say.
    pub(super) fn keep(&mut self, entry: &Entry, now: u64) -> io::Result<()> {
        let mut directory = DirBuilder::new();
        directory.recursive(true).mode(0o700);
        directory.create(&self.config.directory)?;
        self.look(now)?;
        self.remove_old(now)?;
        let bytes = entry.file_bytes();
        if bytes > self.config.max_bytes {
            let message = "the request is larger than record.max_bytes";
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        self.make_room(1, bytes)?;
        self.number = self.number.wrapping_add(1);
        let name = Name::new(entry.at, &entry.route, entry.reason, self.number);
        let unfinished = self.unfinished(&name);
        let written = write(&unfinished, entry)
            .and_then(|()| fs::rename(&unfinished, self.config.directory.join(name.to_string())));
        if let Err(error) = written {
            // Where it cannot be removed either, it goes once it is old.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.files.insert(name, bytes);
        Ok(())
    }

    fn unfinished(&self, name: &Name) -> PathBuf {
        self.config.directory.join(format!("{UNFINISHED}{name}"))
    }

    /// Looks at what is there, unless that was done a moment ago.
    fn look(&mut self, now: u64) -> io::Result<()> {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Ok(());
        }
        self.files.clear();
        self.bytes = 0;
        let entries = match fs::read_dir(&self.config.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // Of the entry itself, not of what a link leads to.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let file_name = entry.file_name();
            let Some(text) = file_name.to_str().filter(|_| metadata.is_file()) else {
                continue;
            };
            if let Some(name) = Name::parse(text) {
                self.bytes = self.bytes.saturating_add(metadata.len());
                self.files.insert(name, metadata.len());
            } else if let Some(name) = text.strip_prefix(UNFINISHED).and_then(Name::parse)
                && now.saturating_sub(name.millis) > ABANDONED_MILLIS
            {
                let _ = fs::remove_file(entry.path());
            }
        }
        self.looked_at = Some(Instant::now());
        Ok(())
    }

    fn remove_old(&mut self, now: u64) -> io::Result<()> {
        let max_age = u64::try_from(self.config.max_age.as_millis()).unwrap_or(u64::MAX);
        while let Some((name, _)) = self.files.first_key_value()
            && now.saturating_sub(name.millis) > max_age
        {
            self.remove_first()?;
        }
        Ok(())
    }

    /// Removes the oldest until so many more files, of so many bytes, are within the limits.
    fn make_room(&mut self, files: usize, bytes: u64) -> io::Result<()> {
        while !self.files.is_empty()
            && (self.files.len().saturating_add(files) > self.config.max_requests
                || self.bytes.saturating_add(bytes) > self.config.max_bytes)
        {
            self.remove_first()?;
        }
        Ok(())
    }

    fn remove_first(&mut self) -> io::Result<()> {
        let Some(first) = self.files.first_entry() else {
            return Ok(());
        };
        let file = self.config.directory.join(first.key().to_string());
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.bytes = self.bytes.saturating_sub(first.remove());
        Ok(())
    }
}

/// Writes a file that is not there yet.
fn write(path: &std::path::Path, entry: &Entry) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&entry.head)?;
    entry
        .body
        .iter()
        .try_for_each(|piece| file.write_all(piece))
}
