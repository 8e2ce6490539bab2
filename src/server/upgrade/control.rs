//! Asking the process that serves for a successor: by a signal, or by its `upgrade_socket`, over which it also
//! says how that went.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::geteuid;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::Signal;
use tokio::time::timeout;

use super::Predecessor;
use super::Upgrader;
use crate::server::notify;
use crate::server::sockets::{StartError, bind_unix};

/// How long the one who asked may take to read the answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the answer may take. Longer than a successor has to begin.
const WAITING: Duration = Duration::from_secs(90);
/// A longer answer is none.
const MAX_ANSWER_BYTES: u64 = 4 << 10;
const DONE: &str = "ok ";
const FAILED: &str = "error ";

/// Why an upgrade was not made, for the one who asked for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// Nobody can be asked.
    #[error("no hookward answers at {socket}: {source}")]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The process that serves says that it has no successor.
    #[error("{0}; the process that serves goes on")]
    Refused(String),
}

/// Asks the process that listens at `socket` for a successor. Returns the successor's process id, as text. May
/// block for as long as a successor takes to begin.
///
/// # Errors
/// [`UpgradeError`], and the process that served serves on.
pub fn ask(socket: &Path) -> Result<String, UpgradeError> {
    let unreachable = |source| UpgradeError::Unreachable {
        socket: socket.to_owned(),
        source,
    };
    let stream = StdUnixStream::connect(socket).map_err(unreachable)?;
    stream
        .set_read_timeout(Some(WAITING))
        .map_err(unreachable)?;
    let mut answer = String::new();
    std::io::Read::read_to_string(
        &mut std::io::Read::take(&stream, MAX_ANSWER_BYTES),
        &mut answer,
    )
    .map_err(unreachable)?;
    match answer.trim_end().strip_prefix(DONE) {
        Some(pid) => Ok(pid.to_owned()),
        None => {
            let error = answer.trim_end().strip_prefix(FAILED);
            let error = error.unwrap_or("it ended without an answer");
            Err(UpgradeError::Refused(error.to_owned()))
        }
    }
}

/// What says which process serves, and where it can be asked for a successor.
pub(crate) struct Control {
    pub(crate) upgrader: Upgrader,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) upgrade_socket: Option<PathBuf>,
    pub(crate) predecessor: Option<Predecessor>,
}

impl Control {
    /// Serves those who ask, once the process does.
    pub(crate) async fn run(self, mut quit: Signal) {
        if let Some(predecessor) = &self.predecessor
            && let Err(error) = predecessor.take_over()
        {
            tracing::warn!(
                event = "predecessor_gone",
                error = %error,
                "the process that this one succeeds did not say that it makes way"
            );
        }
        notify::ready();
        let listener = match self.make_files() {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(event = "control_failed", error = %error, "hookward upgrade cannot be used");
                None
            }
        };
        if let Some(predecessor) = &self.predecessor {
            predecessor.files_made();
        }
        loop {
            let asker = tokio::select! {
                asked = quit.recv() => match asked {
                    Some(()) => None,
                    None => return,
                },
                asker = accept(listener.as_ref()) => Some(asker),
            };
            if let Some(asker) = &asker
                && !may_ask(asker)
            {
                continue;
            }
            let answer = self.upgrade().await;
            if let Some(asker) = asker {
                let _ = timeout(ANSWER, tell(asker, answer)).await;
            }
        }
    }

    /// Makes the files that say which process serves.
    fn make_files(&self) -> Result<Option<UnixListener>, StartError> {
        if let Some(file) = &self.pid_file {
            write_pid(file).map_err(|source| StartError::File {
                file: file.display().to_string(),
                key: "server.pid_file",
                source,
            })?;
        }
        let Some(socket) = &self.upgrade_socket else {
            return Ok(None);
        };
        let listen = || {
            if self.predecessor.is_some() {
                // The predecessor still listens there, and is not asked any more.
                let _ = std::fs::remove_file(socket);
            }
            let listener = bind_unix(socket)?;
            std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        };
        listen().map(Some).map_err(|source| StartError::File {
            file: socket.display().to_string(),
            key: "server.upgrade_socket",
            source,
        })
    }

    async fn upgrade(&self) -> String {
        tracing::info!(event = "upgrading", "a successor is started");
        match self.upgrader.upgrade().await {
            Ok(pid) => {
                tracing::info!(event = "upgraded", pid, "the successor serves");
                format!("{DONE}{pid}\n")
            }
            Err(failed) => {
                tracing::error!(event = "upgrade_failed", error = %failed, "there is no successor");
                format!("{FAILED}{failed}\n")
            }
        }
    }
}

/// Writes the process id in one step, so that nobody reads half of it.
fn write_pid(file: &Path) -> std::io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let mut writing = std::fs::File::create(&new)?;
    writeln!(writing, "{}", std::process::id())?;
    std::fs::rename(&new, file)
}

/// Removes the files of a process that ends without a successor.
pub(crate) fn remove_files(pid_file: Option<&Path>, upgrade_socket: Option<&Path>) {
    for file in [pid_file, upgrade_socket].into_iter().flatten() {
        // If somebody else has removed it, that is as good.
        let _ = std::fs::remove_file(file);
    }
}

async fn accept(listener: Option<&UnixListener>) -> UnixStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((asker, _)) => return asker,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Whether whoever asks is this process's user, or root.
fn may_ask(asker: &UnixStream) -> bool {
    let user = asker.peer_cred().map(|credentials| credentials.uid());
    user.is_ok_and(|user| user == 0 || user == geteuid().as_raw())
}

async fn tell(mut asker: UnixStream, answer: String) {
    let _ = asker.write_all(answer.as_bytes()).await;
}
