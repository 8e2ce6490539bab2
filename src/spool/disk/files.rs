//! The files of a spool: their names, their modes, and moving a database aside.
//!
//! No database file is opened here while SQLite has it open: closing any descriptor of a file drops the locks that
//! the process holds on it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::verify::Timestamp;

const OWNER_ONLY: u32 = 0o600;
/// What the names of a database's files end in.
/// The database comes last: where the others cannot be renamed, it is still the one that they belong to.
const OF_DATABASE: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// SQLite takes a file of one byte for an empty one.
const SMALLEST_PAGE: usize = 512;

/// Where the files of a spool are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) directory: PathBuf,
    pub(super) database: PathBuf,
}

/// Which file a path leads to: its device and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

impl Files {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            database: directory.join("spool.db"),
        }
    }

    /// Makes the directory where there is none.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        if self.directory.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        match self.directory.parent() {
            // The directory of a path of one part.
            Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
            Some(parent) => sync(parent),
            None => Ok(()),
        }
    }

    /// Makes the database's file where there is none. SQLite gives its other files the same mode.
    pub(super) fn make_database(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let made = options
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&self.database);
        let is_new = match made {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        self.keep_log()?;
        if is_new {
            return sync(&self.directory);
        }
        // One that was copied here may have another mode.
        for suffix in OF_DATABASE {
            let path = with_suffix(&self.database, suffix);
            match fs::metadata(&path) {
                Ok(metadata) if metadata.mode() & 0o777 != OWNER_ONLY => {
                    fs::set_permissions(&path, Permissions::from_mode(OWNER_ONLY))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// SQLite removes the log of a database that is empty, and what is in the log may be all that there is. So that it
    /// reads the log first, an empty database beside one gets a page of nothing: it is replaced by what is in the log,
    /// or it is no database.
    fn keep_log(&self) -> io::Result<()> {
        let has_content = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() > 0);
        if !has_content(&self.database) && has_content(&with_suffix(&self.database, "-wal")) {
            fs::write(&self.database, [0; SMALLEST_PAGE])?;
        }
        Ok(())
    }

    /// Which file is the database now.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        fs::metadata(&self.database).map(|metadata| Identity::of(&metadata))
    }

    /// Gives the database and its companions another name. Returns the database's. Nobody may have it open.
    pub(super) fn set_aside(&self, now: Timestamp) -> io::Result<PathBuf> {
        let kept = self.set_aside_name(now);
        for suffix in OF_DATABASE {
            let renamed = fs::rename(
                with_suffix(&self.database, suffix),
                with_suffix(&kept, suffix),
            );
            match renamed {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync(&self.directory)?;
        Ok(kept)
    }

    fn set_aside_name(&self, now: Timestamp) -> PathBuf {
        let millis = now.as_millis()..;
        let mut names =
            millis.map(|millis| with_suffix(&self.database, &format!(".set-aside-{millis}")));
        let free = names.find(|name| !name.exists());
        free.unwrap_or_else(|| with_suffix(&self.database, ".set-aside"))
    }

    /// Opens a file that only its owner may read, and makes it where there is none.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(OWNER_ONLY).open(self.directory.join(name))
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    text.into()
}

/// Has what was made or renamed in a directory survive the end of the machine.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
