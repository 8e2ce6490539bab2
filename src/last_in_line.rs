//! A task that comes after all others that are ready.
//!
//! The runtime runs a task first that another has just woken. So the task of an HTTP/2 connection would write every
//! answer as soon as it is there, each in a system call and, over TLS, in a record of its own. Where those that are ready
//! come first, what they have for it leaves together.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

/// Lets others come first, each time that a task is woken.
#[derive(Debug, Default)]
pub(crate) struct LastInLine {
    has_waited: bool,
}

impl LastInLine {
    /// Ready when it is the task's turn: at every second poll. At the first one the task goes to the end of the line.
    pub(crate) fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            context.waker().wake_by_ref();
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// Runs a task that is always the last in line.
pub(crate) fn last_in_line<F: Future>(task: F) -> impl Future<Output = F::Output> {
    let mut task = Box::pin(task);
    let mut line = LastInLine::default();
    poll_fn(move |context| {
        ready!(line.poll_turn(context));
        task.as_mut().poll(context)
    })
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    /// How many answers a task finds at each of its turns, of as many streams that are ready at once.
    async fn found_together(streams: usize) -> Vec<usize> {
        let (answers, mut waiting) = unbounded_channel();
        let connection = tokio::spawn(last_in_line(async move {
            let mut found = Vec::new();
            while found.iter().sum::<usize>() < streams {
                let mut some = Vec::new();
                found.push(waiting.recv_many(&mut some, streams).await);
            }
            found
        }));
        tokio::task::yield_now().await;
        for _ in 0..streams {
            let answers = answers.clone();
            tokio::spawn(async move { answers.send(()).unwrap() });
        }
        connection.await.unwrap()
    }

    #[test]
    fn what_is_ready_at_once_is_found_at_once() {
        // The thread that drives the others has no line of its own.
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).build().unwrap();
        for streams in [1, 10] {
            let found = runtime.spawn(found_together(streams));
            assert_eq!(runtime.block_on(found).unwrap(), [streams]);
        }
    }
}
