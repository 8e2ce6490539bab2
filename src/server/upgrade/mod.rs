//! Handing over to a successor: the program now installed, which serves by the same configuration and on the
//! same sockets, while this process ends what it has begun.
//!
//! Pingora has a transfer of its own. It goes by a socket with a path that everybody may write to, gives up
//! with a panic, tells neither side whether the other serves, and stops the old process even if nobody came.
//! Here the sockets go over the successor's standard input, which nobody else can reach, and this process
//! serves on until the successor says that it does.

mod control;
mod successor;

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

pub(crate) use control::{Control, remove_files};
pub use control::{UpgradeError, ask};
pub(crate) use successor::{Predecessor, predecessor};

use super::notify;
use super::sockets::Bound;
use super::spooling;
use crate::os::handover;
use crate::spool::Spool;

/// How long a successor may take until it serves: above all, to read its configuration.
const BEGINNING: Duration = Duration::from_secs(60);

/// How long a successor may take to say which process serves.
const FILES: Duration = Duration::from_secs(5);

/// How often, and how many times, it is looked whether a process has ended.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 50;

/// What the two processes say to each other.
const SERVES: u8 = b'S';
const GO_ON: u8 = b'G';
const FILES_MADE: u8 = b'F';

/// The variable by which a process knows that it is a successor.
const VARIABLE: &str = "HOOKWARD_SUCCESSOR";

/// Why there is no successor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{program} cannot be started: {source}")]
    Start {
        program: String,
        source: std::io::Error,
    },
    #[error("the sockets cannot be handed over: {0}")]
    Sockets(std::io::Error),
    #[error("the successor ended before it served ({0}); its messages say why")]
    Ended(String),
    #[error("this process stops")]
    Stopping,
    #[error("the successor did not serve within a minute, and was ended")]
    TooSlow,
}

/// Starts successors.
pub(crate) struct Upgrader {
    program: PathBuf,
    config: PathBuf,
    /// Not held on to: a process that stops closes them.
    sockets: [Weak<[Bound]>; 2],
    /// Whose lock goes with them.
    spool: Weak<Spool>,
    /// Notified once a successor serves.
    handed_over: Arc<Notify>,
    shutdown: watch::Receiver<bool>,
}

impl Upgrader {
    /// Of a process that serves by the configuration `config` on these sockets.
    ///
    /// # Errors
    /// Where the system does not say which program this is.
    pub(crate) fn new(
        config: &Path,
        sockets: [&Arc<[Bound]>; 2],
        spool: &Arc<Spool>,
        handed_over: Arc<Notify>,
        shutdown: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            // Asked now: once the program is replaced, the system only knows the file that it was.
            program: std::env::current_exe()?,
            config: config.to_owned(),
            sockets: sockets.map(Arc::downgrade),
            spool: Arc::downgrade(spool),
            handed_over,
            shutdown,
        })
    }

    /// Starts a successor and waits until it serves; then this process is told to end. Returns the
    /// successor's process id.
    ///
    /// # Errors
    /// [`Failed`], and nothing has changed.
    pub(crate) async fn upgrade(&self) -> Result<u32, Failed> {
        let (channel, theirs) = StdUnixStream::pair().map_err(Failed::Sockets)?;
        let mut child = self.start(theirs)?;
        let mut shutdown = self.shutdown.clone();
        let handing_over = async {
            tokio::select! {
                biased;
                // A process that stops without a successor was told to.
                _ = shutdown.wait_for(|is_stopping| *is_stopping) => Err(Failed::Stopping),
                result = self.hand_over(channel, &mut child) => result,
            }
        };
        match handing_over.await {
            Ok(()) => {
                let pid = child.id();
                self.handed_over.notify_one();
                Ok(pid)
            }
            Err(failed) => {
                // It may have ended already.
                let _ = child.kill();
                let _ = child.wait();
                Err(failed)
            }
        }
    }

    fn start(&self, channel: StdUnixStream) -> Result<Child, Failed> {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--config"])
            .arg(&self.config)
            .env(VARIABLE, "1")
            .stdin(Stdio::from(OwnedFd::from(channel)));
        command.spawn().map_err(|source| Failed::Start {
            program: self.program.display().to_string(),
            source,
        })
    }

    fn send_sockets(&self, channel: &StdUnixStream) -> std::io::Result<()> {
        let held: Option<Vec<_>> = self.sockets.iter().map(Weak::upgrade).collect();
        // A process that stops has none any more.
        let held = held.ok_or(std::io::ErrorKind::NotConnected)?;
        let sockets = || held.iter().flat_map(|some| some.iter());
        let mut names: Vec<String> = sockets().map(Bound::name).collect();
        let mut descriptors: Vec<_> = sockets().map(AsFd::as_fd).collect();
        let spool = self.spool.upgrade();
        if let Some(lock) = spool.as_ref().and_then(|spool| spool.lock()) {
            names.push(spooling::LOCK.to_owned());
            descriptors.push(lock);
        }
        handover::send(channel, &names, &descriptors)
    }

    async fn hand_over(&self, channel: StdUnixStream, child: &mut Child) -> Result<(), Failed> {
        self.send_sockets(&channel).map_err(Failed::Sockets)?;
        channel.set_nonblocking(true).map_err(Failed::Sockets)?;
        let mut channel = UnixStream::from_std(channel).map_err(Failed::Sockets)?;
        match timeout(BEGINNING, channel.read_u8()).await {
            Ok(Ok(SERVES)) => {}
            Ok(_) => return Err(Failed::Ended(ending(child).await)),
            Err(_) => return Err(Failed::TooSlow),
        }
        // A service manager takes no message from the successor before it knows of it.
        notify::main_process(child.id());
        // If it has ended in this very moment, nobody can know.
        let _ = channel.write_u8(GO_ON).await;
        // Whoever waits for an upgrade may look at the file with the process id next.
        let _ = timeout(FILES, channel.read_u8()).await;
        Ok(())
    }
}

/// How a process ended that has closed its side. One that has not ended a second later is left to its end.
async fn ending(child: &mut Child) -> String {
    for _ in 0..LOOKS {
        match child.try_wait() {
            Ok(Some(status)) => return status.to_string(),
            Ok(None) => sleep(LOOK).await,
            Err(error) => return error.to_string(),
        }
    }
    "it still ran".to_owned()
}

/// Reads one byte of a predecessor, or tells it one.
fn read_byte(mut channel: &StdUnixStream) -> std::io::Result<u8> {
    let mut byte = [0];
    channel.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

fn write_byte(mut channel: &StdUnixStream, byte: u8) -> std::io::Result<()> {
    channel.write_all(&[byte])
}
