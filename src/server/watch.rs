//! Finds out whether files have changed and are not being written any more.
//!
//! The files are looked at again and again, instead of relying on notifications. That works for every file
//! system and every way of replacing a file, such as the directory behind a symbolic link that Kubernetes
//! exchanges. A change counts once the files have stayed the same for a second look, so
//! that a half-written file is not read.
//!
//! Looking can block where a file system does not answer, so it is done elsewhere than where the
//! looks are compared: see [`Watch::look`].

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are watched.
#[derive(Clone)]
pub struct Watch {
    files: Arc<[PathBuf]>,
    /// The state of the files before they were read.
    known: Look,
    /// Their state at the last look.
    last: Look,
}

/// The state of files at one time; `None` for a file that was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look(Vec<Option<Fingerprint>>);

/// What tells one state of a file from another, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watch {
    /// Watches `file` and `others`, which are about to be read. Looks at them, which may block.
    pub(crate) fn new(file: &Path, others: &[PathBuf]) -> Self {
        let files = distinct(Some(file), others);
        let known = look(&files);
        Self {
            last: known.clone(),
            files,
            known,
        }
    }

    /// The files besides the first.
    pub(crate) fn others(&self) -> Vec<PathBuf> {
        self.files.iter().skip(1).cloned().collect()
    }

    /// Whether all of these are watched.
    pub(crate) fn knows_all(&self, others: &[PathBuf]) -> bool {
        let watched: HashSet<&PathBuf> = self.files.iter().collect();
        others.iter().all(|other| watched.contains(other))
    }

    /// From now on watches `others` besides the first file. One that was not watched before counts as
    /// one that was not there.
    pub(crate) fn keep_only(&mut self, others: &[PathBuf]) {
        let files = distinct(self.files.first().map(PathBuf::as_path), others);
        let seen = |look: &Look| {
            let seen: HashMap<_, _> = self.files.iter().zip(&look.0).collect();
            let of_file = |file| seen.get(file).copied().copied().flatten();
            Look(files.iter().map(of_file).collect())
        };
        (self.known, self.last) = (seen(&self.known), seen(&self.last));
        self.files = files;
    }

    /// A function that looks at the files. It may block.
    pub(crate) fn look(&self) -> impl FnOnce() -> Look + Send + 'static {
        let files = Arc::clone(&self.files);
        move || look(&files)
    }

    /// Whether the files differ from what was known, and are the same as at the last look.
    pub(crate) fn has_settled_anew(&mut self, now: Look) -> bool {
        let is_settled = now == self.last;
        let is_new = now != self.known;
        if is_settled && is_new {
            self.known = now;
            return true;
        }
        self.last = now;
        false
    }
}

/// The files in their order, each once: many routes may share a secret's file.
fn distinct(first: Option<&Path>, others: &[PathBuf]) -> Arc<[PathBuf]> {
    let mut seen = HashSet::new();
    let all = first.into_iter().chain(others.iter().map(PathBuf::as_path));
    all.filter(|file| seen.insert(*file))
        .map(Path::to_owned)
        .collect()
}

fn look(files: &[PathBuf]) -> Look {
    let fingerprint = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Fingerprint {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    };
    Look(files.iter().map(fingerprint).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_settled_anew(watch: &mut Watch) -> bool {
        let now = watch.look()();
        watch.has_settled_anew(now)
    }

    #[test]
    fn a_change_counts_once_and_when_it_rests() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        let other = directory.path().join("b");
        std::fs::write(&file, "1").unwrap();
        let mut watch = Watch::new(&file, std::slice::from_ref(&other));
        assert!(!has_settled_anew(&mut watch));
        std::fs::write(&file, "22").unwrap();
        assert!(!has_settled_anew(&mut watch), "it may still be written");
        std::fs::write(&file, "333").unwrap();
        assert!(!has_settled_anew(&mut watch));
        assert!(has_settled_anew(&mut watch));
        assert!(!has_settled_anew(&mut watch), "it was told of");
        std::fs::write(&other, "new").unwrap();
        has_settled_anew(&mut watch);
        assert!(has_settled_anew(&mut watch), "a file that was missing");
    }

    #[test]
    fn an_exchanged_link_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for folder in ["old", "new"] {
            std::fs::create_dir(path(folder)).unwrap();
            std::fs::write(path(folder).join("secret"), "same").unwrap();
        }
        std::os::unix::fs::symlink(path("old"), path("data")).unwrap();
        let mut watch = Watch::new(&path("data").join("secret"), &[]);
        std::os::unix::fs::symlink(path("new"), path("next")).unwrap();
        std::fs::rename(path("next"), path("data")).unwrap();
        has_settled_anew(&mut watch);
        assert!(has_settled_anew(&mut watch));
    }
}
