//! The thread that writes refused requests to disk.
//!
//! A disk may be slow, full, read-only or not there. Nobody waits for it: what cannot be written is lost,
//! counted, and said once a minute.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use super::directory::Directory;
use super::format;
use super::losses::Losses;
use super::queue::{Entry, Next, Queue};
use crate::config::RecordConfig;
use crate::observe::metrics::Metrics;
use crate::verify::Timestamp;

/// After a file took so long to write, the thread rests for this many times as long: under a flood of
/// forgeries, the last of which are kept anyway, it must not take a core from the requests.
const REST: u32 = 4;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(100);
/// How long to wait before an attempt to tidy up is repeated that failed, or was for nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Files that cannot be removed are logged at most so often.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Writes what comes through `queue`, until it is closed.
pub(super) fn run(queue: &Queue, metrics: &Metrics) {
    let _end = End { queue, metrics };
    let mut writer = Writer {
        directory: None,
        lost: Losses::default(),
        stuck: None,
    };
    let mut patience = IDLE;
    loop {
        match queue.next(patience) {
            Next::Configured(config) => writer.configure(config),
            Next::Write(taken) => {
                let began = Instant::now();
                let is_kept = or(false, || writer.write(&taken.entry));
                metrics.count_recording(is_kept);
                drop(taken);
                let rest = began.elapsed().saturating_mul(REST);
                queue.rest(rest.min(LONGEST_REST));
            }
            Next::Nothing => {}
            Next::End => break,
        }
        patience = or(IDLE, || writer.tidy());
    }
}

/// What `work` gives, or this where a fault in it comes to light: what one request brings about must not end the
/// keeping of others. It is logged as any panic is.
fn or<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// Lets nobody wait for a writer that has ended, however it did.
struct End<'a> {
    queue: &'a Queue,
    metrics: &'a Metrics,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        for _ in 0..self.queue.end() {
            self.metrics.count_recording(false);
        }
    }
}

struct Writer {
    directory: Option<Directory>,
    lost: Losses,
    /// When it was last said that files cannot be removed.
    stuck: Option<Instant>,
}

impl Writer {
    fn configure(&mut self, config: Option<RecordConfig>) {
        self.lost.set_directory(config.as_ref());
        self.directory = config.map(Directory::new);
    }

    fn write(&mut self, entry: &Entry) -> bool {
        let Some(directory) = &mut self.directory else {
            return false;
        };
        let kept = directory.keep(entry, &format::head(entry), now());
        self.report_stuck();
        if let Err(error) = &kept {
            self.lost.count(error);
        }
        kept.is_ok()
    }

    /// Returns for how long there is nothing more to do.
    fn tidy(&mut self) -> Duration {
        let Some(directory) = &mut self.directory else {
            return IDLE;
        };
        let tidied = directory.tidy(now());
        self.report_stuck();
        // What fails here fails again when a request is to be kept, and is logged then.
        tidied.unwrap_or(IDLE)
    }

    fn report_stuck(&mut self) {
        let Some(directory) = &mut self.directory else {
            return;
        };
        let Some((file, error)) = directory.take_stuck() else {
            return;
        };
        if self.stuck.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        self.stuck = Some(Instant::now());
        report(&file, &error);
    }
}

fn report(file: &std::path::Path, error: &io::Error) {
    tracing::warn!(
        event = "recording_not_removed",
        file = %file.display(),
        error = %error,
        "a recorded request that is to go cannot be removed, and others go in its place; remove it by hand"
    );
}

fn now() -> u64 {
    Timestamp::from(SystemTime::now()).as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_only_what_brought_it_to_light() {
        assert_eq!(or(7, || panic!("a fault")), 7);
        assert_eq!(or(7, || 8), 8);
    }

    #[test]
    fn nobody_waits_for_a_writer_that_a_fault_has_ended() {
        let (queue, metrics) = (Queue::default(), Metrics::new().unwrap());
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let _end = End {
                queue: &queue,
                metrics: &metrics,
            };
            panic!("a fault");
        }));
        assert!(ended.is_err());
        assert!(!queue.has_room(1));
        assert!(queue.close());
    }
}
