//! Listening, serving, and stopping without losing what was accepted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::accept::{ACCEPT_PAUSE, accept};
use super::admin;
use crate::active::Site;
use crate::config::Config;
use crate::edge::connections::Connections;
use crate::edge::shared::Shared;
use crate::exchange::Services;
use crate::observe::metrics::{Metrics, NONE};
use crate::os::descriptors::raise_descriptor_limit;
use crate::request::budget::Budget;
use crate::upstream::connect::Connector;
use crate::verify::Timestamp;

/// How many connections the system may hold for us until we accept them.
const BACKLOG: u32 = 4_096;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// The address, as configured.
        address: SocketAddr,
        /// The configuration key it comes from.
        key: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The metrics cannot be registered.
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The async runtime cannot be started.
    #[error("cannot start the worker threads: {0}")]
    Runtime(std::io::Error),
}

/// A server that listens and has not begun to serve.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    admin: TcpListener,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Takes the configured addresses. Needs a runtime around it.
    ///
    /// # Errors
    /// [`StartError`] where an address is taken or cannot be.
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
        let max_connections = max_connections(config.server.max_connections);
        let connections = Connections::new(max_connections, metrics.connections.clone());
        let services = Services {
            budget: Budget::new(config.server.max_buffered_bytes),
            connector: Connector::new(),
            connections: Arc::clone(&connections),
            metrics: Arc::clone(&metrics),
        };
        let shared = Shared {
            site: ArcSwap::from_pointee(Site::new(config, &metrics, None)),
            services,
            connections,
            shutdown,
        };
        Ok(Self {
            shared: Arc::new(shared),
            listeners,
            admin,
            stop,
        })
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
        let accepting: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| {
                let shared = Arc::clone(&self.shared);
                tokio::spawn(accept(listener, shared))
            })
            .collect();
        let admin = tokio::spawn(accept_admin(self.admin, Arc::clone(&self.shared)));
        let housekeeping = tokio::spawn(keep_house(Arc::clone(&self.shared)));
        stopping.await;
        tracing::info!(
            event = "stopping",
            "no new connections are taken; requests in flight end within shutdown_grace"
        );
        let _ = self.stop.send(true);
        for task in accepting {
            let _ = task.await;
        }
        let grace = self.shared.site.load().server.shutdown_grace;
        let closed = tokio::time::timeout(grace, self.shared.connections.closed()).await;
        let is_drained = closed.is_ok() || !self.shared.connections.is_any_busy();
        if !is_drained {
            tracing::warn!(event = "shutdown_grace_over", "requests in flight were cut");
        }
        admin.abort();
        housekeeping.abort();
        tracing::info!(event = "stopped", is_drained, "the server has stopped");
        is_drained
    }
}

/// As many connections as were asked for and the limit of open files has room for. A quarter of it is
/// kept for connections to apps: an event that was verified must not be lost for want of one.
pub(crate) fn max_connections(wanted: usize) -> usize {
    let Some(limit) = raise_descriptor_limit() else {
        return wanted;
    };
    let possible = usize::try_from(limit.saturating_sub(limit / 4)).unwrap_or(usize::MAX);
    if possible < wanted {
        tracing::warn!(
            event = "max_connections_lowered",
            max_connections = wanted,
            now = possible,
            open_files = limit,
            "raise the limit of open files, or lower max_connections"
        );
    }
    wanted.min(possible)
}

/// The number of worker threads that a configuration asks for.
pub(crate) fn threads(config: &Config) -> usize {
    match config.server.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, StartError> {
    let take = || -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() {
            tokio::net::TcpSocket::new_v4()?
        } else {
            tokio::net::TcpSocket::new_v6()?
        };
        // A restart must not wait for connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    take().map_err(|source| StartError::Listen {
        address,
        key,
        source,
    })
}

async fn accept_admin(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(admin::serve(Arc::clone(&shared), stream));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Once a second, lets go of connections to apps that are of no use any more, and says how many
/// refusals the log left out.
async fn keep_house(shared: Arc<Shared>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        shared.services.connector.sweep().await;
        let site = shared.site.load_full();
        for route in &site.all_routes {
            route.log_limits.next_second(&route.name);
        }
        site.unrouted.next_second(NONE);
    }
}
