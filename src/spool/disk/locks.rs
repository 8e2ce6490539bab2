//! Who may use a spool, and who delivers from it.
//!
//! Both are `flock` locks, which belong to the open file: a successor that is handed the descriptor holds the lock
//! together with its predecessor, and it is gone with the last of both, however they end.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::files::{Files, Identity};

/// The lock of the process, or of the two at an upgrade, that use the spool.
const USING: &str = "spool.lock";
/// The lock of the process that delivers.
const DELIVERING: &str = "delivering.lock";

/// How a process comes to a spool.
#[derive(Debug)]
pub(crate) enum Role {
    /// It is the only one.
    Alone,
    /// It follows a process that still uses the spool, and that handed it the descriptor of its lock.
    Successor(OwnedFd),
}

/// Takes the lock of the spool. `None` where another process has it.
pub(super) fn take(files: &Files, role: Role) -> io::Result<Option<Taken>> {
    let own = files.open(USING)?;
    if let Role::Successor(inherited) = role {
        let inherited = File::from(inherited);
        // Where the configuration now names another directory, its lock says nothing.
        if Identity::of(&inherited.metadata()?) == Identity::of(&own.metadata()?) {
            return Ok(Some(Taken {
                lock: inherited.into(),
                is_shared: true,
            }));
        }
    }
    let is_taken = try_lock(&own)?;
    Ok(is_taken.then(|| Taken {
        lock: own.into(),
        is_shared: false,
    }))
}

/// The lock of a spool that this process may use.
pub(super) struct Taken {
    pub(super) lock: OwnedFd,
    /// A predecessor uses it too.
    pub(super) is_shared: bool,
}

/// Whether this process delivers.
pub(super) enum Delivering {
    /// Another process may be delivering.
    NotYet(File),
    /// Nobody else does.
    Begun(File),
    /// It makes no further attempts, and ends those that it has begun. Until then it has the lock.
    Stopping { _lock: File },
    /// It has delivered for the last time.
    Stopped,
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    Later,
    Never,
}

impl Delivering {
    pub(super) fn open(files: &Files) -> io::Result<Self> {
        files.open(DELIVERING).map(Self::NotYet)
    }

    /// Takes the lock if nobody has it.
    pub(super) fn begin(&mut self) -> io::Result<Turn> {
        match std::mem::replace(self, Self::Stopped) {
            Self::NotYet(lock) => {
                let is_taken = try_lock(&lock);
                let (state, turn) = match is_taken {
                    Ok(true) => (Self::Begun(lock), Ok(Turn::Now)),
                    Ok(false) => (Self::NotYet(lock), Ok(Turn::Later)),
                    Err(error) => (Self::NotYet(lock), Err(error)),
                };
                *self = state;
                turn
            }
            Self::Begun(lock) => {
                *self = Self::Begun(lock);
                Ok(Turn::Now)
            }
            other @ (Self::Stopping { .. } | Self::Stopped) => {
                *self = other;
                Ok(Turn::Never)
            }
        }
    }

    /// Whether attempts may begin.
    pub(super) fn is_begun(&self) -> bool {
        matches!(self, Self::Begun(_))
    }

    /// Whether the last attempts are being ended.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(self, Self::Stopping { .. })
    }

    /// Lets no further attempts begin.
    pub(super) fn stop(&mut self) {
        *self = match std::mem::replace(self, Self::Stopped) {
            Self::Begun(lock) => Self::Stopping { _lock: lock },
            other @ Self::Stopping { .. } => other,
            Self::NotYet(_) | Self::Stopped => Self::Stopped,
        };
    }

    /// The last attempt has ended: where no further ones begin, another process may deliver.
    pub(super) fn let_go(&mut self) {
        if matches!(self, Self::Stopping { .. }) {
            *self = Self::Stopped;
        }
    }
}

fn try_lock(file: &impl AsFd) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
