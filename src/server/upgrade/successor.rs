//! The successor's side of a hand-over.

use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{FILES_MADE, GO_ON, SERVES, VARIABLE, read_byte, write_byte};
use crate::os::handover;

/// How long the predecessor may take for each of its steps.
const STEP: Duration = Duration::from_secs(10);

/// The process whose successor this is.
pub(crate) struct Predecessor {
    channel: UnixStream,
}

/// The process whose successor this is, if it is one, and its sockets.
///
/// # Errors
/// Where there should be one and it says nothing sensible.
pub(crate) fn predecessor() -> std::io::Result<Option<(Predecessor, handover::Named)>> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(None);
    }
    let channel = std::io::stdin().as_fd().try_clone_to_owned()?;
    let channel = UnixStream::from(channel);
    channel.set_read_timeout(Some(STEP))?;
    channel.set_write_timeout(Some(STEP))?;
    let sockets = handover::receive(&channel)?;
    Ok(Some((Predecessor { channel }, sockets)))
}

impl Predecessor {
    /// Tells it that this process serves, and waits until it has made way. Blocks for a moment.
    ///
    /// # Errors
    /// Where it has gone, or does not answer.
    pub(crate) fn take_over(&self) -> std::io::Result<()> {
        write_byte(&self.channel, SERVES)?;
        match read_byte(&self.channel)? {
            GO_ON => Ok(()),
            _ => Err(Error::from(ErrorKind::InvalidData)),
        }
    }

    /// Tells it that the files say which process serves now.
    pub(crate) fn files_made(&self) {
        // One that has gone needs not know.
        let _ = write_byte(&self.channel, FILES_MADE);
    }
}
