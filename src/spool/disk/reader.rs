//! The thread that reads, so that nobody who asks waits for one who writes. It also looks whether another process has
//! changed something, as `hookward spool retry` does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::shared::{Job, Shared};

/// How often it is looked for changes of other processes.
const LOOK: Duration = Duration::from_secs(1);

/// Does what comes through `jobs`, until it is closed.
pub(super) fn run(shared: &Arc<Shared>, jobs: &Receiver<Job>) {
    let mut seen = None;
    let mut looked = Instant::now();
    loop {
        let patience = LOOK.saturating_sub(looked.elapsed());
        match jobs.recv_timeout(patience) {
            Ok(Job::Read(work)) => {
                // What one row brings to light must not end the reading of others. It is logged as any panic is, and
                // whoever waits is told by the answer's being dropped.
                let _ = catch_unwind(AssertUnwindSafe(work));
            }
            Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            let version = shared.read_now(|connection| {
                connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0))
            });
            // Where it cannot be read, those who wait will be told when they ask.
            if let Ok(version) = version
                && seen.replace(version) != Some(version)
            {
                shared.held.notify_all();
            }
        }
    }
    *shared.lock_reading() = None;
}
