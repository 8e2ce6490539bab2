//! The threads that read configurations, and look whether their files have changed.
//!
//! Reading files can block, and can go on for ever where a file system does not answer. So it is done
//! on threads of its own, and these are started when the server is: a process that cannot get another
//! thread must still be able to take a secret out of use.
//!
//! A thread that does not answer in time is given up on, and another one does the next task. Their
//! number never grows: while all of them wait for files, further tasks are refused with
//! [`Unanswered::NoThread`]. A thread serves again when its file system answers; what it read is
//! dropped then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// Why a task has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It took too long.
    #[error("it, or a file that it names, could not be read in time")]
    TooSlow,
    /// All threads wait for files.
    #[error(
        "all threads that read files still wait for those of earlier attempts, because a file system \
         does not answer; if it stays so, restart hookward"
    )]
    NoThread,
    /// The task panicked, which is logged as `event="panic"`.
    #[error("reading it failed because of a fault in hookward; see the line with event=\"panic\"")]
    Panicked,
}

type Task = Box<dyn FnOnce() + Send>;

/// A fixed number of threads for tasks that may block.
pub(crate) struct Loader {
    workers: Vec<Worker>,
}

struct Worker {
    tasks: SyncSender<Task>,
    is_busy: Arc<AtomicBool>,
}

impl Loader {
    /// Starts the threads, each with this name and a stack of this many bytes.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(name: &str, threads: usize, stack_bytes: usize) -> std::io::Result<Self> {
        let start = |_| Worker::start(name, stack_bytes);
        let workers = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok(Self { workers })
    }

    /// Has a thread do `task`, and waits for its result for at most `limit`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let mut workers = self.workers.iter();
        let idle = workers.find(|worker| !worker.is_busy.swap(true, Ordering::AcqRel));
        let worker = idle.ok_or(Unanswered::NoThread)?;
        let (answer, answered) = oneshot::channel();
        let is_busy = Arc::clone(&worker.is_busy);
        let task: Task = Box::new(move || {
            let done = catch_unwind(AssertUnwindSafe(task));
            is_busy.store(false, Ordering::Release);
            // Nobody receives it if the caller has given up.
            let _ = answer.send(done);
        });
        if worker.tasks.try_send(task).is_err() {
            return Err(Unanswered::NoThread);
        }
        match timeout(limit, answered).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(_)) | Err(_)) => Err(Unanswered::Panicked),
            Err(_) => Err(Unanswered::TooSlow),
        }
    }
}

impl Worker {
    fn start(name: &str, stack_bytes: usize) -> std::io::Result<Self> {
        // A worker that has just finished may be given its next task before it waits for one.
        let (tasks, waiting) = sync_channel(1);
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(stack_bytes)
            .spawn(move || work(&waiting))?;
        Ok(Self {
            tasks,
            is_busy: Arc::default(),
        })
    }
}

fn work(tasks: &Receiver<Task>) {
    while let Ok(task) = tasks.recv() {
        task();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const THREADS: usize = 3;
    const SOON: Duration = Duration::from_millis(1);
    const LATE: Duration = Duration::from_secs(30);

    fn loader() -> Loader {
        Loader::start("test", THREADS, 256 << 10).unwrap()
    }

    #[tokio::test]
    async fn a_panic_of_a_task_does_not_end_its_thread() {
        let loader = loader();
        for _ in 0..THREADS * 2 {
            let panicked = loader.run(LATE, || -> u8 { panic!("as told") }).await;
            assert_eq!(panicked, Err(Unanswered::Panicked));
        }
        assert_eq!(loader.run(LATE, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn tasks_that_hang_leave_the_others_to_serve_and_serve_again_when_they_end() {
        let loader = loader();
        let mut held = Vec::new();
        for _ in 1..THREADS {
            let (release, wait) = mpsc::channel::<()>();
            held.push(release);
            let hung = loader.run(SOON, move || wait.recv().is_ok()).await;
            assert_eq!(hung, Err(Unanswered::TooSlow));
            for _ in 0..50 {
                assert_eq!(loader.run(LATE, || 7).await, Ok(7));
            }
        }
        let (release, wait) = mpsc::channel::<()>();
        held.push(release);
        let hung = loader.run(SOON, move || wait.recv().is_ok()).await;
        assert_eq!(hung, Err(Unanswered::TooSlow));
        assert_eq!(loader.run(LATE, || 7).await, Err(Unanswered::NoThread));
        drop(held);
        while loader.run(LATE, || 7).await != Ok(7) {
            tokio::task::yield_now().await;
        }
    }
}
