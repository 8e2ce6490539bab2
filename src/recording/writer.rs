//! The thread that writes refused requests to disk.
//!
//! A disk may be slow, full, read-only or not there. Nobody waits for it: what cannot be written is lost,
//! counted, and said once a minute.

use std::time::{Duration, Instant, SystemTime};

use super::directory::Directory;
use super::queue::{Entry, Next, Queue};
use crate::observe::metrics::Metrics;
use crate::verify::Timestamp;

/// After a file took so long to write, the thread rests for this many times as long: under a flood of
/// forgeries, the last of which are kept anyway, it must not take a core from the requests.
const REST: u32 = 4;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(100);
/// How long to wait before an attempt to tidy up is repeated that failed, or was for nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Lost requests are logged at most so often.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Writes what comes through `queue`, until it is closed.
pub(super) fn run(queue: &Queue, metrics: &Metrics) {
    let mut directory = None;
    let mut losses = Losses::default();
    let mut patience = IDLE;
    loop {
        let next = queue.next(patience);
        match next {
            Next::Configured(config) => directory = config.map(Directory::new),
            Next::Write(entry) => {
                let began = Instant::now();
                let is_kept = write(directory.as_mut(), &entry, &mut losses);
                metrics.count_recording(is_kept);
                queue.done(entry);
                let rest = began.elapsed().saturating_mul(REST);
                queue.rest(rest.min(LONGEST_REST));
            }
            Next::Nothing => {}
            Next::End => break,
        }
        patience = directory.as_mut().map_or(IDLE, |directory| {
            let tidied = directory.tidy(now());
            // What fails here fails again when a request is to be kept, and is logged then.
            tidied.unwrap_or(IDLE)
        });
    }
    queue.end();
}

fn write(directory: Option<&mut Directory>, entry: &Entry, losses: &mut Losses) -> bool {
    let Some(directory) = directory else {
        return false;
    };
    match directory.keep(entry, now()) {
        Ok(()) => true,
        Err(error) => {
            losses.count(directory, &error);
            false
        }
    }
}

fn now() -> u64 {
    Timestamp::from(SystemTime::now()).as_millis()
}

/// What could not be written since that was last said.
#[derive(Default)]
struct Losses {
    count: u64,
    reported: Option<Instant>,
}

impl Losses {
    fn count(&mut self, directory: &Directory, error: &std::io::Error) {
        self.count = self.count.saturating_add(1);
        if self.reported.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        self.reported = Some(Instant::now());
        tracing::warn!(
            event = "recordings_lost",
            count = self.count,
            directory = %directory.path().display(),
            error = %error,
            "refused requests could not be kept; look at the directory of [record] and its disk"
        );
        self.count = 0;
    }
}
