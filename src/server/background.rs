//! What is done besides serving: housekeeping, reloading, and saying what the log left out.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;

use super::tasks::Tasks;

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A service of Pingora's server that runs tasks which must always run.
pub(crate) struct Background {
    tasks: Tasks,
    /// Behind a lock because a service is shared, and what is run is not.
    work: Mutex<Vec<(&'static str, Work)>>,
}

impl Background {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self {
            tasks,
            work: Mutex::default(),
        }
    }

    fn list(&mut self) -> &mut Vec<(&'static str, Work)> {
        self.work.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a task by its name.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.list().push((name, Box::pin(task)));
    }
}

#[async_trait]
impl Service for Background {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        for (name, task) in std::mem::take(self.list()) {
            self.tasks.spawn(name, task);
        }
    }

    fn name(&self) -> &str {
        "background"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
