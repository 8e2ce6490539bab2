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
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::capacity::Capacity;
use super::load::load_again;
use super::loader::Loader;
use super::notify;
use super::watch::Watch;
use crate::active::ActiveConfig;
use crate::config::{
    Config, Finding, ListenAddress, LogFormat, Options, Secrets, Severity, SpoolConfig,
};
use crate::edge::shared::Shared;
use crate::observe::log::{self, LevelHandle};
use crate::status::Status;
use crate::verify::Timestamp;
use crate::wipe;

/// How often watched files are looked at. A change is taken over once the files stay the same for as long.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// How long reading the configuration, and the files that it names, may take: a file system may never
/// answer.
const READING: Duration = Duration::from_secs(5);

/// How many threads read configurations. One is enough; the others serve while it hangs.
const LOADERS: usize = 4;

/// The stack, in bytes, of the thread that looks at files.
const LOOKING_STACK_BYTES: usize = 128 << 10;

/// What cannot change while the process runs.
#[derive(Debug, PartialEq, Eq)]
struct Fixed {
    listen: Vec<ListenAddress>,
    tls_listen: Option<Vec<std::net::SocketAddr>>,
    admin: std::net::SocketAddr,
    threads: usize,
    format: LogFormat,
    pid_file: Option<PathBuf>,
    upgrade_socket: Option<PathBuf>,
    spool: Option<SpoolConfig>,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.server.listen.clone(),
            tls_listen: config.server.tls.as_ref().map(|tls| tls.listen.clone()),
            admin: config.admin.listen,
            threads: config.server.threads,
            format: config.log.format,
            pid_file: config.server.pid_file.clone(),
            upgrade_socket: config.server.upgrade_socket.clone(),
            spool: config.spool.clone().map(SpoolConfig::without_limit),
        }
    }

    /// The keys in which another configuration differs.
    fn changed(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            ("server.listen", self.listen != other.listen),
            ("server.tls.listen", self.tls_listen != other.tls_listen),
            ("admin.listen", self.admin != other.admin),
            ("server.threads", self.threads != other.threads),
            ("log.format", self.format != other.format),
            ("server.pid_file", self.pid_file != other.pid_file),
            (
                "server.upgrade_socket",
                self.upgrade_socket != other.upgrade_socket,
            ),
            ("spool", self.spool != other.spool),
        ];
        let changed = keys.into_iter().filter(|(_, is_changed)| *is_changed);
        changed.map(|(key, _)| key).collect()
    }
}

/// Reloads the configuration of a server that is serving.
pub(crate) struct Reloader {
    file: PathBuf,
    shared: Arc<Shared>,
    status: Arc<Status>,
    level: LevelHandle,
    fixed: Fixed,
    options: Options,
    watch: Watch,
    threads: Threads,
}

/// The threads of a [`Reloader`], which are started before they are needed.
pub(crate) struct Threads {
    loader: Loader,
    watcher: Loader,
}

impl Threads {
    /// Starts them.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self {
            loader: Loader::start("hookward-config", LOADERS, wipe::DEEP_STACK_BYTES)?,
            // A thread of its own: a look that hangs must not delay the reload that may put it right.
            watcher: Loader::start("hookward-watch", 1, LOOKING_STACK_BYTES)?,
        })
    }
}

impl Reloader {
    /// A reloader of `file`, which `config` was read from. `watch` saw its files before that.
    pub(crate) fn new(
        file: &Path,
        watch: Watch,
        config: &Config,
        shared: Arc<Shared>,
        status: Arc<Status>,
        level: LevelHandle,
        threads: Threads,
    ) -> Self {
        Self {
            file: file.to_owned(),
            shared,
            status,
            level,
            fixed: Fixed::of(config),
            options: Options {
                secrets: Secrets::Read,
                providers: config.providers,
            },
            watch,
            threads,
        }
    }

    /// Reloads whenever there is a reason to.
    pub(crate) async fn run(mut self, mut hangup: Signal) {
        let mut looks: Interval = interval(WATCH_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let cause = tokio::select! {
                asked = hangup.recv() => match asked {
                    Some(()) => "SIGHUP",
                    None => return,
                },
                () = self.changed(&mut looks) => "file",
            };
            notify::reloading();
            self.reload(cause).await;
            notify::ready();
        }
    }

    /// Returns once the files have changed and are watched.
    async fn changed(&mut self, looks: &mut Interval) {
        loop {
            looks.tick().await;
            if !self.is_watching() {
                continue;
            }
            let look = self.watch.look();
            // Files that cannot be looked at now are looked at later.
            if let Ok(now) = self.threads.watcher.run(READING, look).await
                && self.watch.has_settled_anew(now)
            {
                return;
            }
        }
    }

    fn is_watching(&self) -> bool {
        self.shared.active.load().server.watch
    }

    async fn reload(&mut self, cause: &'static str) {
        let (file, known) = (self.file.clone(), self.watch.others());
        let is_watched = self.is_watching();
        let options = self.options;
        let load = move || wipe::deep(|| load_again(&file, options, &known, is_watched));
        let loaded = match self.threads.loader.run(READING, load).await {
            Ok(Ok((loaded, watch))) => {
                self.watch = watch;
                loaded
            }
            Ok(Err(error)) => return self.refuse(cause, &error),
            Err(unanswered) => return self.refuse(cause, &unanswered.to_string()),
        };
        let Some(config) = loaded.config else {
            let is_error = |finding: &&Finding| finding.severity == Severity::Error;
            let errors: Vec<&Finding> = loaded.findings.iter().filter(is_error).collect();
            for error in &errors {
                tracing::error!(event = "config_error", "{error}");
            }
            self.status.refused(&first_of(&errors));
            return self.log_refusal(cause, "it has errors, and nothing was changed");
        };
        log::warn_of(&loaded.findings);
        let metrics = Arc::clone(&self.shared.services.metrics);
        let previous = self.shared.active.load_full();
        let build = move || {
            let active =
                wipe::deep(|| Arc::new(ActiveConfig::new(&config, &metrics, Some(&previous))));
            (config, active)
        };
        match self.threads.loader.run(READING, build).await {
            Ok((config, active)) => self.take_over(&config, active, cause),
            Err(unanswered) => self.refuse(cause, &unanswered.to_string()),
        }
    }

    fn take_over(&self, config: &Config, active: Arc<ActiveConfig>, cause: &'static str) {
        let shared = &self.shared;
        let now = Timestamp::from(SystemTime::now());
        self.status.applied(&active, now);
        shared.active.store(active);
        shared
            .services
            .budget
            .set_max(config.server.max_buffered_bytes);
        wipe::deep(|| shared.services.diagnosis.renew(config));
        shared.services.recorder.set(config.record.clone());
        shared.services.replay.set(config.replay.clone());
        if let Some(SpoolConfig::Disk(disk)) = &config.spool {
            shared.services.spool.set_max_bytes(disk.max_bytes);
        }
        let capacity = Capacity::of_process(config.server.max_connections);
        shared.connections.set_limits(capacity.connections);
        shared
            .services
            .descriptors
            .set_count(capacity.app_connections);
        self.level.set(config.log.level);
        let certificates = config.server.tls.as_ref().map(|tls| &*tls.certificates);
        let metrics = &shared.services.metrics;
        metrics.set_certificates(certificates.unwrap_or_default());
        metrics.limits.set(config, capacity.connections.max);
        metrics.count_reload(true);
        metrics.set_last_reload(now);
        tracing::info!(
            event = "config_reloaded",
            cause,
            routes = config.routes.len(),
            "the changed configuration is in use"
        );
        for key in self.fixed.changed(&Fixed::of(config)) {
            tracing::warn!(
                event = "config_needs_restart",
                key,
                "it cannot change while running, and is applied at the next start"
            );
        }
    }

    fn refuse(&self, cause: &'static str, error: &str) {
        self.status.refused(error);
        self.log_refusal(cause, error);
    }

    fn log_refusal(&self, cause: &'static str, error: &str) {
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

/// The first error, and how many there are besides.
fn first_of(errors: &[&Finding]) -> String {
    match errors {
        [] => "it has errors".to_owned(),
        [first] => first.to_string(),
        [first, others @ ..] => format!("{first}; and {} more", others.len()),
    }
}
