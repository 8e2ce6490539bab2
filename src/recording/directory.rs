//! The directory of recorded requests: how many there are, how large and how old.
//!
//! It may hold anything else: what is not called as ours, or is no regular file, is left alone. Nothing is
//! written into a file that was there before, nor through a link: a file gets its name once it is complete,
//! and what has no name yet begins with a dot. Files are for their owner alone.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::name::{Name, UNFINISHED};
use super::queue::Entry;
use crate::config::RecordConfig;

/// The directory is looked at again after so long: a successor of this process may write to it too.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Of at most so many files it is looked before each is written, where somebody else has changed something.
const FEW_FILES: usize = 1_000;
/// A file that was not complete, and that nobody has written to for so long, was left by a process that ended.
const ABANDONED: Duration = Duration::from_secs(60);
/// A file that says it is of so long after now was named while the clock was ahead.
const AHEAD_MILLIS: u64 = 60_000;

/// The directory, and what is known to be in it.
pub(super) struct Directory {
    config: RecordConfig,
    /// The complete files with their sizes in bytes, those that go first in front.
    files: BTreeMap<Place, u64>,
    bytes: u64,
    looked_at: Option<Instant>,
    /// When the directory was changed last, as far as that is known here.
    changed: Option<SystemTime>,
    /// Since when this looks after it.
    since: Instant,
    /// A file that could not be removed.
    stuck: Option<(PathBuf, io::Error)>,
    number: u32,
}

/// The place of a file in the order in which they go.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// When its request came, in milliseconds since the epoch; 0 where the clock was ahead then: such a file is older
    /// than it says, and must not outlive those that are named after it.
    millis: u64,
    name: Name,
}

impl Place {
    fn of(name: Name, now: u64) -> Self {
        let is_ahead = name.millis > now.saturating_add(AHEAD_MILLIS);
        let millis = if is_ahead { 0 } else { name.millis };
        Self { millis, name }
    }
}

impl Directory {
    pub(super) fn new(config: RecordConfig) -> Self {
        Self {
            config,
            files: BTreeMap::new(),
            bytes: 0,
            looked_at: None,
            changed: None,
            since: Instant::now(),
            stuck: None,
            // Two processes that write at once must not choose the same names.
            number: rand::random(),
        }
    }

    /// A file that was to go and could not be removed, since this was last asked.
    pub(super) fn take_stuck(&mut self) -> Option<(PathBuf, io::Error)> {
        self.stuck.take()
    }

    /// Removes what is too old, and what is beyond the limits. `now` in milliseconds since the epoch. Returns
    /// for how long there is nothing more to do.
    pub(super) fn tidy(&mut self, now: u64) -> io::Result<Duration> {
        self.look(now)?;
        self.remove_old(now);
        self.make_room(0, 0);
        self.changed = self.modified();
        let oldest = self.files.keys().next();
        let oldest = oldest.map(|file| self.config.max_age.saturating_sub(self.age(file, now)));
        let soonest = Duration::from_millis(100);
        Ok(oldest.map_or(LOOK_AGAIN, |left| left.clamp(soonest, LOOK_AGAIN)))
    }

    /// Writes a request with this head. Old ones go first, so that there are never more than the limits say.
    pub(super) fn keep(&mut self, entry: &Entry, head: &[u8], now: u64) -> io::Result<()> {
        let mut directory = DirBuilder::new();
        directory.recursive(true).mode(0o700);
        directory.create(&self.config.directory)?;
        self.look(now)?;
        self.remove_old(now);
        let pieces = std::iter::once(head).chain(entry.body.iter().map(|piece| &**piece));
        let bytes = pieces
            .clone()
            .map(<[u8]>::len)
            .fold(0, usize::saturating_add);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > self.config.max_bytes {
            let message = "the request is larger than record.max_bytes";
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        self.make_room(1, bytes);
        self.number = self.number.wrapping_add(1);
        let name = Name::new(
            entry.at.as_millis(),
            &entry.route,
            entry.reason,
            self.number,
        );
        let unfinished = self.unfinished(&name);
        let written = write(&unfinished, pieces)
            .and_then(|()| fs::rename(&unfinished, self.config.directory.join(name.to_string())));
        if let Err(error) = written {
            // Where it cannot be removed either, it goes once it is old.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.files.insert(Place::of(name, now), bytes);
        self.changed = self.modified();
        Ok(())
    }

    /// When the directory was changed last.
    fn modified(&self) -> Option<SystemTime> {
        fs::metadata(&self.config.directory).ok()?.modified().ok()
    }

    fn unfinished(&self, name: &Name) -> PathBuf {
        self.config.directory.join(format!("{UNFINISHED}{name}"))
    }

    /// Looks at what is there, unless that was done a moment ago and nobody else has changed anything since: a
    /// predecessor or another replica may write to it as well.
    fn look(&mut self, now: u64) -> io::Result<()> {
        let is_recent = self.looked_at.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if is_recent && (self.files.len() > FEW_FILES || self.changed == self.modified()) {
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
                self.files.insert(Place::of(name, now), metadata.len());
            } else if text
                .strip_prefix(UNFINISHED)
                .and_then(Name::parse)
                .is_some()
                && metadata.modified().is_ok_and(is_abandoned)
            {
                let _ = fs::remove_file(entry.path());
            }
        }
        self.looked_at = Some(Instant::now());
        Ok(())
    }

    /// How old a file is. One that was named while the clock was ahead is as old as can be known here.
    fn age(&self, file: &Place, now: u64) -> Duration {
        if file.millis < file.name.millis {
            return self.since.elapsed();
        }
        Duration::from_millis(now.saturating_sub(file.millis))
    }

    fn remove_old(&mut self, now: u64) {
        while let Some((file, _)) = self.files.first_key_value()
            && self.age(file, now) > self.config.max_age
        {
            self.remove_first();
        }
    }

    /// Removes the oldest until so many more files, of so many bytes, are within the limits.
    fn make_room(&mut self, files: usize, bytes: u64) {
        while !self.files.is_empty()
            && (self.files.len().saturating_add(files) > self.config.max_requests
                || self.bytes.saturating_add(bytes) > self.config.max_bytes)
        {
            self.remove_first();
        }
    }

    /// One that cannot be removed counts no more, or nothing would be kept because of it: others go in its place, and
    /// it is tried again at the next look.
    fn remove_first(&mut self) {
        let Some((file, bytes)) = self.files.pop_first() else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(bytes);
        let path = self.config.directory.join(file.name.to_string());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => self.stuck = Some((path, error)),
            _ => {}
        }
    }
}

/// Whether nobody can be writing any more to a file that was written to then.
fn is_abandoned(written: SystemTime) -> bool {
    match SystemTime::now().duration_since(written) {
        Ok(age) => age > ABANDONED,
        // The clock was ahead.
        Err(ahead) => ahead.duration() > ABANDONED,
    }
}

/// Writes a file that is not there yet.
fn write<'a>(path: &Path, mut pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    pieces.try_for_each(|piece| file.write_all(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with files of these times, and what looks after it with at most two of them.
    fn with_files(times: &[u64]) -> (tempfile::TempDir, Directory) {
        let guard = tempfile::tempdir().unwrap();
        for millis in times {
            fs::write(guard.path().join(name_of(*millis)), "x").unwrap();
        }
        let directory = Directory::new(RecordConfig {
            directory: guard.path().to_owned(),
            max_requests: 2,
            max_bytes: 1 << 20,
            max_age: Duration::from_secs(3_600),
        });
        (guard, directory)
    }

    fn name_of(millis: u64) -> String {
        format!("{millis}-r-bad_request-1.http")
    }

    fn names(guard: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(guard.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn those_of_a_clock_that_was_ahead_go_first() {
        let now = 1_800_000_000_000;
        let ahead = now + 86_400_000;
        let (guard, mut directory) = with_files(&[ahead, now - 2, now - 1, now + 1_000]);
        directory.tidy(now).unwrap();
        assert_eq!(names(&guard), [name_of(now - 1), name_of(now + 1_000)]);
    }

    #[test]
    fn those_of_a_clock_that_was_ahead_do_not_go_for_their_age_at_once() {
        let now = 1_800_000_000_000;
        let ahead = now + 86_400_000;
        let (guard, mut directory) = with_files(&[ahead]);
        directory.tidy(now).unwrap();
        assert_eq!(names(&guard), [name_of(ahead)]);
    }

    #[test]
    fn one_that_cannot_be_removed_is_told_and_stops_nothing() {
        let now = 1_800_000_000_000;
        let (guard, mut directory) = with_files(&[now, now + 1, now + 2, now + 3]);
        directory.look(now).unwrap();
        let first = guard.path().join(name_of(now));
        fs::remove_file(&first).unwrap();
        fs::create_dir(&first).unwrap();
        directory.make_room(1, 1);
        assert_eq!(names(&guard), [name_of(now), name_of(now + 3)]);
        let (file, _) = directory.take_stuck().unwrap();
        assert_eq!(file, first);
        assert!(directory.take_stuck().is_none());
    }
}
