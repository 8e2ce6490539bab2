//! The thread that examines mismatches, one at a time.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::Job;
use crate::explain::{Case, Question, examine};
use crate::reason::Reason;

/// So long is worked at a stretch,
const STRETCH: Duration = Duration::from_micros(200);
/// and rested after it: requests that wait for a core have it first.
const REST: Duration = Duration::from_millis(2);
/// The lowest priority that a thread may have (setpriority(2)).
const LOWEST: i32 = 19;

/// Starts the thread. It ends when the returned sender is dropped, after the mismatch that it examines.
pub(super) fn start(waiting: usize) -> SyncSender<Job> {
    let (sender, jobs) = sync_channel::<Job>(waiting);
    let thread = std::thread::Builder::new().name("diagnosis".to_owned());
    let started = thread.spawn(move || {
        // Where it is not allowed, the rests are enough.
        let _ = rustix::process::setpriority_process(None, LOWEST);
        for job in jobs {
            examine_one(&job);
        }
    });
    if let Err(error) = started {
        tracing::error!(
            event = "diagnosis_failed",
            error = %error,
            "no thread can be started that examines mismatches"
        );
    }
    sender
}

fn examine_one(job: &Job) {
    let Some(known) = job.known.routes.get(&job.route.name) else {
        return;
    };
    let case = Case::new(Question {
        capture: &job.capture,
        provider: known.provider,
        accepted: known.accepted.clone(),
        label: job.label,
        url: job.url.clone(),
        keys: &job.known.keys,
        route: known.facts.clone(),
        other_urls: known.other_urls.clone(),
        now: job.now,
    });
    let Some(case) = case else {
        return;
    };
    let mut since = Instant::now();
    let mut pause = || {
        if since.elapsed() >= STRETCH {
            std::thread::sleep(REST);
            since = Instant::now();
        }
    };
    let answer = examine(&case, Reason::SignatureMismatch, &mut pause);
    for told in answer.findings {
        job.route.metrics.count_finding(told.finding.as_str());
        tracing::info!(
            event = "diagnosed",
            route = &*job.route.name,
            request_id = job.request_id,
            finding = told.finding.as_str(),
            fix = told.fix,
            "why a signature did not match"
        );
    }
}
