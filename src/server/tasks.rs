//! The tasks that must run as long as the server does. One that ends too soon is logged, and `/readyz` says
//! so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// Starts tasks that must not end before the server stops, and remembers those that did.
#[derive(Clone)]
pub(crate) struct Tasks {
    stopping: watch::Receiver<bool>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// The names of those that ended and should not have.
    ended: Vec<&'static str>,
    started: Vec<AbortHandle>,
}

impl Tasks {
    /// No tasks yet. `stopping` says when they may end.
    pub(crate) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self {
            stopping,
            known: Arc::default(),
        }
    }

    /// Starts a task. If it panics, or ends while the server is not stopping, that is logged as
    /// `event="task_ended"` and listed by [`Self::ended`].
    ///
    /// The returned handle is done once the task is.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let running = tokio::spawn(task);
        self.lock().started.push(running.abort_handle());
        let owner = self.clone();
        tokio::spawn(async move {
            let panicked = running.await.is_err_and(|error| error.is_panic());
            if panicked || !*owner.stopping.borrow() {
                owner.lock().ended.push(name);
                tracing::error!(
                    event = "task_ended",
                    task = name,
                    panicked,
                    "a part of hookward that must always run has ended; restart hookward"
                );
            }
        })
    }

    /// The tasks that ended and should not have.
    pub(crate) fn ended(&self) -> Vec<&'static str> {
        self.lock().ended.clone()
    }

    /// Ends all tasks that still run.
    pub(crate) fn abort(&self) {
        for task in self.lock().started.drain(..) {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_too_soon_is_remembered() {
        let (stop, stopping) = watch::channel(false);
        let tasks = Tasks::new(stopping);
        tasks.spawn("returns", async {}).await.unwrap();
        let panics = tasks.spawn("panics", async { panic!("as told") });
        panics.await.unwrap();
        assert_eq!(tasks.ended(), ["returns", "panics"]);
        stop.send(true).unwrap();
        tasks.spawn("stops", async {}).await.unwrap();
        let aborted = tasks.spawn("is aborted", std::future::pending());
        tasks.abort();
        aborted.await.unwrap();
        assert_eq!(tasks.ended(), ["returns", "panics"]);
    }
}
