//! Opens the store that a configuration names.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::Work;
use super::archive::Archive;
use super::clock::Clock;
use super::disk::{DiskArchive, DiskStore, Role};
use super::nats::{self, Login, NatsArchive, NatsStore, Settings};
use super::store::{Store, StoreError};
use crate::config::{NatsConfig, NatsLogin, SpoolConfig};

/// A store that is open.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    /// Where it is, for the log.
    pub(super) place: String,
    /// What it has to do besides.
    pub(super) work: Option<Work>,
}

/// Opens a store for delivering. `lock` is the lock of a predecessor that has it open.
pub(super) fn open(
    config: &SpoolConfig,
    clock: Clock,
    lock: Option<OwnedFd>,
) -> Result<Opened, String> {
    match config {
        SpoolConfig::Disk(config) => {
            let role = lock.map_or(Role::Alone, Role::Successor);
            let store = DiskStore::open(&config.directory, config.max_bytes, clock, role);
            Ok(Opened {
                store: store.map_err(|error| error.to_string())?,
                place: config.directory.display().to_string(),
                work: None,
            })
        }
        SpoolConfig::Nats(config) => {
            let settings = settings(config);
            let place = settings.to_string();
            let (store, keeper) = NatsStore::new(settings, clock);
            Ok(Opened {
                store: Arc::new(store),
                place,
                work: Some(Box::pin(keeper.run())),
            })
        }
    }
}

/// Opens a store for those who look into it.
///
/// # Errors
/// [`StoreError`] where it is not reached.
pub(crate) async fn open_archive(config: &SpoolConfig) -> Result<Box<dyn Archive>, StoreError> {
    Ok(match config {
        SpoolConfig::Disk(config) => Box::new(DiskArchive::new(&config.directory)),
        SpoolConfig::Nats(config) => {
            let settings = settings(config);
            let archive = NatsArchive::connect(&settings, Clock::of_system()).await;
            Box::new(archive.map_err(|error| {
                StoreError::Failed(format!("the spool's NATS {settings} (spool.url): {error}"))
            })?)
        }
    })
}

/// Asks a NATS whether events could be kept there, and makes nothing. Returns how many bytes an event may have.
///
/// # Errors
/// [`StoreError`] where it is not reached, or cannot be used.
pub(crate) async fn try_out(config: &NatsConfig) -> Result<u64, StoreError> {
    nats::try_out(&settings(config)).await
}

fn settings(config: &NatsConfig) -> Settings {
    let urls = config.servers.urls().collect();
    Settings {
        needs_tls: config.servers.needs_tls(),
        login: config.servers.login().map(|login| match login {
            NatsLogin::Password { user, password } => Login::Password {
                user: user.clone(),
                password: password.clone(),
            },
            NatsLogin::Token(token) => Login::Token(token.clone()),
        }),
        credentials: config.credentials.clone(),
        ..Settings::new(urls, &config.stream, config.replicas)
    }
}
