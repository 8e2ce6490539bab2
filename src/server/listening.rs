//! Pingora's listening service on sockets that were taken before, which ends when it is told to and not
//! when Pingora's server is.

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::listeners::ConnectionFilter;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use pingora::services::listening::Service as ListeningService;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

use super::sockets::Bound;
use super::tasks::Tasks;

/// Accepts connections for an app until it is told to close.
pub(crate) struct Listening<A> {
    name: &'static str,
    service: Option<ListeningService<A>>,
    sockets: Arc<[Bound]>,
    threads: usize,
    closing: watch::Receiver<bool>,
    tasks: Tasks,
    /// Notified where it ends and was not told to.
    lost: Arc<Notify>,
}

impl<A: ServerApp + Send + Sync + 'static> Listening<A> {
    /// Listens on `sockets` for `app`, with so many threads, once Pingora's server runs. Accepts until
    /// `closing` says so, and notifies `lost` where it cannot go on until then.
    pub(crate) fn new(
        name: &'static str,
        app: A,
        sockets: Arc<[Bound]>,
        threads: usize,
        closing: watch::Receiver<bool>,
        tasks: Tasks,
        lost: Arc<Notify>,
    ) -> Self {
        let mut service = ListeningService::new(name.to_owned(), app);
        for socket in sockets.iter() {
            service.add_listener(socket.endpoint());
        }
        Self {
            name,
            service: Some(service),
            sockets,
            threads,
            closing,
            tasks,
            lost,
        }
    }

    /// Asks `filter` about each connection before the next is accepted.
    pub(crate) fn filtered(mut self, filter: Arc<dyn ConnectionFilter>) -> Self {
        if let Some(service) = &mut self.service {
            service.set_connection_filter(filter);
        }
        self
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> Service for Listening<A> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        let Some(mut service) = self.service.take() else {
            return;
        };
        if let Some(fds) = &fds {
            for socket in self.sockets.iter() {
                match socket.descriptor() {
                    Ok(descriptor) => fds.lock().add(socket.key(), descriptor),
                    Err(error) => tracing::error!(
                        event = "accept_failed",
                        address = socket.key(),
                        error = %error,
                        "the system gives no descriptor of a listening socket"
                    ),
                }
            }
        }
        let closing = self.closing.clone();
        let serving = async move { service.start_service(fds, closing, listeners_per_fd).await };
        let _ = self.tasks.spawn(self.name, serving).await;
        if !*self.closing.borrow() {
            self.lost.notify_one();
        }
    }

    fn name(&self) -> &str {
        self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(self.threads)
    }
}
