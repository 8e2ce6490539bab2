//! hookward on Pingora's server: what listens for senders and operators, and what runs beside, are its
//! services; it makes their threads.
//!
//! Of what Pingora does, three things are done otherwise, and their modules say why: sockets are taken before
//! its services start ([`super::sockets`]), a connection is let in before the next is accepted
//! ([`super::door`]), and stopping loses nothing ([`super::stop`]).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server as PingoraServer};
use tokio::sync::{Mutex, Notify, watch};
use tokio_util::task::TaskTracker;

use super::admin::Admin;
use super::background::Background;
use super::capacity::Capacity;
use super::door::Door;
use super::housekeeping::keep_house;
use super::inherited::Inherited;
use super::listener::Wanted;
use super::listening::Listening;
use super::senders::Senders;
use super::sockets::{Bound, StartError};
use super::spooling;
use super::stop::{Stop, StopSignals, wait_for_cut};
use super::tasks::Tasks;
use super::upgrade::Upgrader;
use crate::active::ActiveConfig;
use crate::config::Config;
use crate::diagnosis::{self, Diagnosing};
use crate::edge::connections::Connections;
use crate::edge::shared::Shared;
use crate::exchange::Services;
use crate::observe::metrics::Metrics;
use crate::observe::recent::Recent;
use crate::os::descriptors::Descriptors;
use crate::recording::{self, Recording};
use crate::replay::Replay;
use crate::request::budget::Budget;
use crate::request::turns::Turns;
use crate::status::Status;
use crate::upstream::connect::Connector;
use crate::verify::Timestamp;
use crate::wipe;

/// A server that listens and has not begun to serve.
pub struct Server {
    shared: Arc<Shared>,
    status: Arc<Status>,
    sockets: Arc<[Bound]>,
    admin: Arc<[Bound]>,
    /// Notified once a successor serves.
    handed_over: Arc<Notify>,
    has_successor: Arc<AtomicBool>,
    threads: usize,
    stopping: watch::Sender<bool>,
    tasks: Tasks,
    background: Background,
    recording: Recording,
    diagnosing: Diagnosing,
}

impl Server {
    /// Takes the configured addresses.
    ///
    /// # Errors
    /// [`StartError`] where an address is in use, or is none of this host.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        Self::bind_with(config, None, Inherited::default())
    }

    /// The same, with the file that the configuration was read from, and the sockets that this process was given.
    pub(crate) fn bind_with(
        config: &Config,
        file: Option<&Path>,
        mut inherited: Inherited,
    ) -> Result<Self, StartError> {
        let (senders, admin) = Wanted::of(config);
        let mut sockets = Vec::new();
        for wanted in senders {
            sockets.push(Bound::take(wanted, &mut inherited)?);
        }
        let admin = Bound::take(admin, &mut inherited)?;
        let lock = inherited.take_named(spooling::LOCK);
        inherited.warn_of_rest();
        let metrics = Arc::new(Metrics::new()?);
        let (spool, storing) = spooling::open(config.spool.as_ref(), lock, &metrics.spool)?;
        let now = Timestamp::from(SystemTime::now());
        metrics.set_last_reload(now);
        if let Some(tls) = &config.server.tls {
            metrics.set_certificates(&tls.certificates);
        }
        let (recorder, recording) = recording::start(config.record.clone(), Arc::clone(&metrics))
            .map_err(StartError::Runtime)?;
        let recent = Arc::new(Recent::default());
        let of_diagnosis = Arc::clone(&recent);
        let (diagnosis, diagnosing) = wipe::on_own_stack(|| diagnosis::start(config, of_diagnosis))
            .map_err(StartError::Runtime)?;
        let (replay, keeping) = Replay::start(config.replay.clone(), Arc::clone(&metrics));
        let (stopping, shutdown) = watch::channel(false);
        let tasks = Tasks::new(shutdown.clone());
        let capacity = Capacity::of_process(config.server.max_connections);
        metrics.limits.set(config, capacity.connections.max);
        let descriptors = Descriptors::new(capacity.app_connections);
        let connector = Arc::new(Connector::new(Arc::clone(&descriptors)));
        let kept: Weak<Connector> = Arc::downgrade(&connector);
        descriptors.set_kept(kept);
        let connections = Connections::new(capacity.connections, metrics.connections.clone());
        let active = wipe::on_own_stack(|| Arc::new(ActiveConfig::new(config, &metrics, None)));
        let status = Arc::new(Status::new(&active, Arc::clone(&metrics), file, now));
        let shared = Shared {
            active: ArcSwap::new(active),
            services: Services {
                budget: Budget::new(config.server.max_buffered_bytes),
                turns: Turns::new(threads(config)),
                connector,
                descriptors,
                diagnosis,
                recorder,
                replay: Arc::new(replay),
                spool,
                unfinished_uploads: TaskTracker::new(),
                metrics,
                recent,
            },
            connections,
            shutdown,
        };
        let mut background = Background::new(tasks.clone());
        background.add("replay store", keeping);
        let shared = Arc::new(shared);
        spooling::run(&mut background, &shared, storing);
        Ok(Self {
            shared,
            status,
            sockets: sockets.into(),
            admin: Arc::new([admin]),
            handed_over: Arc::default(),
            has_successor: Arc::default(),
            threads: threads(config),
            stopping,
            background,
            tasks,
            recording,
            diagnosing,
        })
    }

    /// What the server's parts share.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What is remembered for the status.
    pub(crate) fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// The addresses of the network taken for senders, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let sockets = self.sockets.iter();
        sockets.filter_map(Bound::socket_address).collect()
    }

    /// The address taken for operators.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.iter().find_map(Bound::socket_address)
    }

    /// Whether a successor serves, once this process has ended.
    pub(crate) fn has_successor(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_successor)
    }

    /// What starts successors of this process, which serves by the configuration `file`.
    ///
    /// # Errors
    /// [`StartError::Runtime`] where the system does not say which program this is.
    pub(crate) fn upgrader(&self, file: &Path) -> Result<Upgrader, StartError> {
        let handed_over = Arc::clone(&self.handed_over);
        let sockets = [&self.sockets, &self.admin];
        let spool = &self.shared.services.spool;
        let shutdown = self.shared.shutdown.clone();
        Upgrader::new(file, sockets, spool, handed_over, shutdown).map_err(StartError::Runtime)
    }

    /// Runs `task` beside serving. It must not end before the server stops.
    pub(crate) fn run_beside(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.background.add(name, task);
    }

    /// Serves until `stopping` resolves, then lets what is in flight end within the grace time. Returns
    /// whether everything ended by itself. Blocks, and makes its own threads.
    pub fn serve(self, stopping: impl Future<Output = ()> + Send + 'static) -> bool {
        self.serve_until(StopSignals {
            drain: Box::pin(stopping),
            at_once: Box::pin(std::future::pending()),
        })
    }

    /// Like [`Self::serve`], and stops at once where that is asked for: then `true` is returned.
    pub(crate) fn serve_until(mut self, signals: StopSignals) -> bool {
        self.log_addresses();
        let (closing, closed) = watch::channel(false);
        let door = Door::new(self.shared());
        let lost = Arc::new(Notify::new());
        let senders = Listening::new(
            "accepting",
            Senders::new(self.shared(), Arc::clone(&door), &self.sockets),
            Arc::clone(&self.sockets),
            self.threads,
            closed,
            self.tasks.clone(),
            Arc::clone(&lost),
        );
        let (admin_closing, admin_closed) = watch::channel(false);
        let admin = Admin::new(self.shared(), self.status(), self.tasks.clone());
        let house = keep_house(self.shared(), self.status(), admin.spare());
        self.background.add("housekeeping", house);
        let operators = Listening::new(
            "admin address",
            admin,
            self.admin,
            1,
            admin_closed,
            self.tasks.clone(),
            Arc::clone(&lost),
        );
        let is_as_asked = Arc::new(OnceLock::new());
        let replay = Arc::clone(&self.shared.services.replay);
        let connections = Arc::clone(&self.shared.connections);
        let stop = Stop {
            shared: self.shared,
            door: Arc::clone(&door),
            tasks: self.tasks,
            signals: Mutex::new(signals),
            stopping: self.stopping,
            closing,
            admin_closing,
            sockets: Mutex::new(Some(self.sockets)),
            handed_over: self.handed_over,
            lost,
            has_successor: self.has_successor,
            is_as_asked: Arc::clone(&is_as_asked),
        };
        let mut server = PingoraServer::new_with_opt_and_conf(None, settings());
        server.add_service(senders.filtered(door));
        server.add_service(operators);
        server.add_service(self.background);
        server.run(RunArgs {
            shutdown_signal: Box::new(stop),
        });
        wait_for_cut(&connections);
        replay.finish();
        // Nothing is refused any more.
        drop(self.diagnosing);
        drop(self.recording);
        is_as_asked.get().copied().unwrap_or(false)
    }

    fn log_addresses(&self) {
        for socket in self.sockets.iter() {
            tracing::info!(
                event = "listening",
                listener = if socket.is_tls() { "server.tls" } else { "server" },
                address = %socket.address(),
                "listening for senders"
            );
        }
        for socket in self.admin.iter() {
            tracing::info!(
                event = "listening",
                listener = "admin",
                address = %socket.address(),
                "listening for operators"
            );
        }
    }
}

/// Pingora's own settings. Its services say themselves how many threads they need.
fn settings() -> ServerConf {
    ServerConf {
        // Its own timers wake the process a hundred times a second, also when it has nothing to do.
        fast_timeout_to_tokio_threshold_seconds: Some(0),
        ..ServerConf::default()
    }
}

/// The number of worker threads that a configuration asks for.
fn threads(config: &Config) -> usize {
    match config.server.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}
