//! The connection that is written with, to the database that is there now.
//!
//! It is opened anew after the disk failed, and where another file has taken the place of the database. One that turns
//! out to be damaged is set aside, and another one begun.

use std::sync::Arc;

use rusqlite::Connection;

use super::failures::{self, Kind};
use super::files::{Files, Identity};
use super::shared::Shared;
use super::{opening, tidy};
use crate::spool::store::StoreError;

/// Why nothing was written.
pub(super) struct Trouble {
    pub(super) kind: Kind,
    pub(super) error: StoreError,
}

impl Trouble {
    fn of(files: &Files, error: &rusqlite::Error) -> Self {
        Self {
            kind: failures::kind(error),
            error: failures::failed(files, error),
        }
    }

    fn broken(error: String) -> Self {
        Self {
            kind: Kind::Broken,
            error: StoreError::Failed(error),
        }
    }
}

pub(super) struct Link {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    identity: Identity,
    /// A damaged database is set aside once: where the next one is damaged too, it is the disk.
    may_set_aside: bool,
}

impl Link {
    /// `connection`: none where the log is still to be brought in.
    pub(super) fn new(
        shared: Arc<Shared>,
        connection: Option<Connection>,
        identity: Identity,
    ) -> Self {
        Self {
            shared,
            connection,
            identity,
            may_set_aside: true,
        }
    }

    /// Does something with the connection.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Trouble> {
        // After a fault in the work it is gone, and its transaction with it.
        let mut connection = self.connect()?;
        let result = work(&mut connection);
        let result = result.map_err(|error| Trouble::of(&self.shared.files, &error));
        if !matches!(&result, Err(trouble) if trouble.kind == Kind::Broken) {
            self.connection = Some(connection);
        }
        result
    }

    fn connect(&mut self) -> Result<Connection, Trouble> {
        let files = &self.shared.files;
        let identity = files.identity().map_err(|error| {
            let file = files.database.display();
            Trouble::broken(format!(
                "{file} is gone ({error}): put it back, or restart hookward"
            ))
        })?;
        if identity != self.identity {
            // Another process set it aside, or somebody has put another one there.
            let mut reading = self.shared.lock_reading();
            *reading = None;
            self.connection = None;
            self.identity = identity;
            self.shared.held.renew();
        }
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connection = opening::open(files, true, self.shared.clock.now())
            .map_err(|error| Trouble::broken(error.to_string()))?;
        // Where the disk failed to write the log, what the system shows of it may not be on the disk, and what is
        // written behind it would be lost with it. In the database it is written once more.
        match tidy::bring_in(&connection) {
            Ok(true) => Ok(connection),
            Ok(false) => Err(Trouble::broken(format!(
                "{} is read for too long: end the program that has a transaction open in it",
                files.database.display()
            ))),
            Err(error) => Err(Trouble::of(files, &error)),
        }
    }

    /// Sets the database aside and begins another one.
    pub(super) fn begin_anew(&mut self, reason: &str) -> Result<(), ()> {
        if !std::mem::replace(&mut self.may_set_aside, false) {
            return Err(());
        }
        let mut reading = self.shared.lock_reading();
        *reading = None;
        self.connection = None;
        self.shared.held.renew();
        let files = &self.shared.files;
        let begun = opening::begin_anew(files, reason, self.shared.clock.now());
        let begun = begun
            .map_err(|error| error.to_string())
            .and_then(|connection| {
                let identity = files.identity().map_err(|error| error.to_string())?;
                Ok((connection, identity))
            });
        match begun {
            Ok((connection, identity)) => {
                self.connection = Some(connection);
                self.identity = identity;
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    event = "spool_failed",
                    error,
                    "no new database can be begun"
                );
                Err(())
            }
        }
    }
}
