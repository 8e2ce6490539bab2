//! Listening, serving, and stopping without losing what was accepted.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::accept::accept;
use super::admin::{self, Admin};
use super::capacity::Capacity;
use super::drain::drain;
use super::housekeeping::keep_house;
use super::listen::{StartError, listen};
use super::tasks::Tasks;
use crate::active::ActiveConfig;
use crate::config::Config;
use crate::edge::connections::Connections;
use crate::edge::shared::Shared;
use crate::exchange::Services;
use crate::observe::metrics::Metrics;
use crate::os::descriptors::Descriptors;
use crate::request::budget::Budget;
use crate::upstream::connect::Connector;
use crate::verify::Timestamp;
use crate::wipe;

/// A server that listens and has not begun to serve.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    admin: TcpListener,
    stop: watch::Sender<bool>,
    tasks: Tasks,
}

impl Server {
    /// Takes the configured addresses. Needs a runtime around it.
    ///
    /// # Errors
    /// [`StartError`] where an address is in use, or is none of this host.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let listeners = config
            .server
            .listen
            .iter()
            .map(|address| listen(*address, "server.listen"))
            .collect::<Result<Vec<_>, _>>()?;
        let admin = listen(config.admin, "admin.listen")?;
        let metrics = Arc::new(Metrics::new()?);
        metrics.set_last_reload(Timestamp::from(SystemTime::now()));
        let (stop, shutdown) = watch::channel(false);
        let tasks = Tasks::new(shutdown.clone());
        let capacity = Capacity::of_process(config.server.max_connections);
        let descriptors = Descriptors::new(capacity.app_connections);
        let connector = Arc::new(Connector::new(Arc::clone(&descriptors)));
        let kept: Weak<Connector> = Arc::downgrade(&connector);
        descriptors.set_kept(kept);
        let connections = Connections::new(capacity.connections, metrics.connections.clone());
        let active = wipe::on_own_stack(|| Arc::new(ActiveConfig::new(config, &metrics, None)));
        let shared = Shared {
            active: ArcSwap::new(active),
            services: Services {
                budget: Budget::new(config.server.max_buffered_bytes),
                connector,
                descriptors,
                unfinished_uploads: TaskTracker::new(),
                metrics,
            },
            connections,
            shutdown,
        };
        Ok(Self {
            shared: Arc::new(shared),
            listeners,
            admin,
            stop,
            tasks,
        })
    }

    /// The owner of the tasks that live as long as the server.
    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// What the server's parts share.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The addresses taken for senders, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let taken = self.listeners.iter();
        taken
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// The address taken for operators.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_addr().ok()
    }

    /// Serves until `stopping` resolves, then lets what is in flight end within the grace time.
    /// Returns whether everything ended by itself.
    pub async fn serve(self, stopping: impl Future<Output = ()>) -> bool {
        let admin = Admin::new(self.shared(), self.tasks());
        for address in self.addresses() {
            tracing::info!(
                event = "listening",
                listener = "server",
                address = %address,
                "listening for senders"
            );
        }
        if let Some(address) = self.admin_address() {
            tracing::info!(
                event = "listening",
                listener = "admin",
                address = %address,
                "listening for operators"
            );
        }
        let (shared, tasks) = (self.shared, self.tasks);
        let accepting: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| tasks.spawn("accepting", accept(listener, Arc::clone(&shared))))
            .collect();
        tasks.spawn("admin address", admin::serve(self.admin, admin));
        tasks.spawn("housekeeping", keep_house(Arc::clone(&shared)));
        stopping.await;
        tracing::info!(
            event = "stopping",
            "no new connections are taken; requests in flight end within shutdown_grace"
        );
        let _ = self.stop.send(true);
        for task in accepting {
            let _ = task.await;
        }
        let is_drained = drain(&shared).await;
        tasks.abort();
        tracing::info!(event = "stopped", is_drained, "the server has stopped");
        is_drained
    }
}

/// The number of worker threads that a configuration asks for.
pub(crate) fn threads(config: &Config) -> usize {
    match config.server.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}
