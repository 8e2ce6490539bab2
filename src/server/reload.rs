//! Taking over a changed configuration while serving.
//!
//! `SIGHUP` asks for it, or a change of the file, of a secret's file or of a certificate's, where
//! `watch` is set. A configuration is read and judged whole before anything changes; one that does not
//! validate changes nothing. Then routes, secrets and limits are exchanged at once, and requests that
//! have begun end by what they began with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::server::max_connections;
use super::watch::Watch;
use crate::active::Site;
use crate::config::{self, Config, Loaded, LogFormat, Options, Secrets, Severity};
use crate::edge::shared::Shared;
use crate::observe::log::{self, LevelHandle};
use crate::verify::Timestamp;

/// How often watched files are looked at. A change is taken over once it has rested for as long.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// How long reading it and the files that it names may take: a pipe that nobody writes never ends.
const READING: Duration = Duration::from_secs(5);

/// What cannot change while the process runs.
#[derive(Debug, PartialEq, Eq)]
struct Fixed {
    listen: Vec<std::net::SocketAddr>,
    admin: std::net::SocketAddr,
    threads: usize,
    format: LogFormat,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.server.listen.clone(),
            admin: config.admin,
            threads: config.server.threads,
            format: config.log.format,
        }
    }

    /// The keys in which another configuration differs.
    fn changed(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            ("server.listen", self.listen != other.listen),
            ("admin.listen", self.admin != other.admin),
            ("server.threads", self.threads != other.threads),
            ("log.format", self.format != other.format),
        ];
        let changed = keys.into_iter().filter(|(_, is_changed)| *is_changed);
        changed.map(|(key, _)| key).collect()
    }
}

/// Reloads the configuration of a server that is serving.
pub(crate) struct Reloader {
    file: PathBuf,
    shared: Arc<Shared>,
    level: LevelHandle,
    fixed: Fixed,
    options: Options,
    watch: Watch,
}

impl Reloader {
    /// A reloader of `file`, which `config` was read from with the files that it names.
    pub(crate) fn new(
        file: &Path,
        named_files: &[PathBuf],
        config: &Config,
        shared: Arc<Shared>,
        level: LevelHandle,
    ) -> Self {
        Self {
            file: file.to_owned(),
            shared,
            level,
            fixed: Fixed::of(config),
            options: Options {
                secrets: Secrets::Read,
                providers: config.providers,
            },
            watch: Watch::new(file, named_files),
        }
    }

    /// Reloads whenever there is a reason to.
    pub(crate) async fn run(mut self, mut hangup: Signal) {
        let mut ticks: Interval = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                asked = hangup.recv() => match asked {
                    Some(()) => self.reload("SIGHUP").await,
                    None => return,
                },
                _ = ticks.tick() => {
                    let is_watching = self.shared.site.load().server.watch;
                    if is_watching && self.watch.has_settled_anew() {
                        self.reload("file").await;
                    }
                }
            }
        }
    }

    async fn reload(&mut self, cause: &'static str) {
        let file = self.file.clone();
        let options = self.options;
        let loading = tokio::task::spawn_blocking(move || config::load(&file, options));
        match timeout(READING, loading).await {
            Ok(Ok(Ok(loaded))) => self.take_over(loaded, cause),
            Ok(Ok(Err(error))) => self.refuse(cause, &error.to_string()),
            Ok(Err(_)) => self.refuse(cause, "reading it was interrupted"),
            Err(_) => self.refuse(
                cause,
                "it, or a file that it names, could not be read in time",
            ),
        }
    }

    fn take_over(&mut self, loaded: Loaded, cause: &'static str) {
        self.watch = Watch::new(&self.file, &loaded.files);
        let Some(config) = loaded.config else {
            for finding in &loaded.findings {
                if finding.severity == Severity::Error {
                    tracing::error!(event = "config_error", "{finding}");
                }
            }
            return self.refuse(cause, "it has errors, and nothing was changed");
        };
        log::warn_of(&loaded.findings);
        let shared = &self.shared;
        let site = Site::new(&config, &shared.services.metrics, Some(&shared.site.load()));
        shared.site.store(Arc::new(site));
        shared
            .services
            .budget
            .set_max(config.server.max_buffered_bytes);
        let max_connections = max_connections(config.server.max_connections);
        shared.connections.set_max(max_connections);
        self.level.set(config.log.level);
        shared.services.metrics.count_reload(true);
        shared
            .services
            .metrics
            .set_last_reload(Timestamp::from(SystemTime::now()));
        tracing::info!(
            event = "config_reloaded",
            cause,
            routes = config.routes.len(),
            "the changed configuration is in use"
        );
        for key in self.fixed.changed(&Fixed::of(&config)) {
            tracing::warn!(
                event = "config_needs_restart",
                key,
                "it cannot change while running, and is applied at the next start"
            );
        }
    }

    fn refuse(&self, cause: &'static str, error: &str) {
        self.shared.services.metrics.count_reload(false);
        tracing::error!(
            event = "config_refused",
            cause,
            file = %self.file.display(),
            error,
            "the configuration that was in use stays so"
        );
    }
}
