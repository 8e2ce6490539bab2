//! What an upgrade needs: the files by which a process is asked for a successor, and successors, which are no children
//! of the test.

use std::path::{Path, PathBuf};

use super::eventually;

/// The files by which a process is asked for a successor, and the keys that name them.
pub(crate) struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    pub(crate) fn keys(&self) -> String {
        let (pid, socket) = (self.pid_file(), self.directory.path().join("upgrade"));
        format!("pid_file = {pid:?}\nupgrade_socket = {socket:?}\n")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.directory.path().join("pid")
    }

    /// The process that serves.
    pub(crate) fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.pid_file()).unwrap();
        text.trim().parse().unwrap()
    }
}

/// Ends a process that is no child of the test.
pub(crate) struct Successor(pub(crate) u32);

impl Successor {
    pub(crate) fn is_there(&self) -> bool {
        Path::new(&format!("/proc/{}", self.0)).exists()
    }

    pub(crate) fn stop(&self) {
        signal(self.0, "TERM");
        eventually("the successor to end", || (!self.is_there()).then_some(()));
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if self.is_there() {
            signal(self.0, "KILL");
        }
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
