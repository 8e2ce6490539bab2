//! Whether files have changed, and come to rest.
//!
//! The files are looked at again and again instead of being told of: that works for every file system
//! and for whatever way of replacing a file, such as the directory behind a symbolic link that
//! Kubernetes exchanges. A change counts once the files have stayed the same for a second look, so
//! that a half-written file is not read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that are watched.
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    /// What the files were when they were read.
    known: Vec<Option<Print>>,
    /// What they were at the last look.
    last: Vec<Option<Print>>,
}

/// What tells one state of a file from another, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watch {
    /// Watches `file` and `others`, which have just been read.
    pub(crate) fn new(file: &Path, others: &[PathBuf]) -> Self {
        let mut files = vec![file.to_owned()];
        files.extend_from_slice(others);
        let known = look(&files);
        Self {
            last: known.clone(),
            files,
            known,
        }
    }

    /// Whether the files are other than they were, and the same as at the last look.
    pub(crate) fn has_settled_anew(&mut self) -> bool {
        let now = look(&self.files);
        let is_settled = now == self.last;
        let is_new = now != self.known;
        self.last.clone_from(&now);
        if is_settled && is_new {
            self.known = now;
        }
        is_settled && is_new
    }
}

fn look(files: &[PathBuf]) -> Vec<Option<Print>> {
    let print = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Print {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    };
    files.iter().map(print).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_and_when_it_rests() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        let other = directory.path().join("b");
        std::fs::write(&file, "1").unwrap();
        let mut watch = Watch::new(&file, std::slice::from_ref(&other));
        assert!(!watch.has_settled_anew());
        std::fs::write(&file, "22").unwrap();
        assert!(!watch.has_settled_anew(), "it may still be written");
        std::fs::write(&file, "333").unwrap();
        assert!(!watch.has_settled_anew());
        assert!(watch.has_settled_anew());
        assert!(!watch.has_settled_anew(), "it was told of");
        std::fs::write(&other, "new").unwrap();
        watch.has_settled_anew();
        assert!(watch.has_settled_anew(), "a file that was missing");
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
        watch.has_settled_anew();
        assert!(watch.has_settled_anew());
    }
}
