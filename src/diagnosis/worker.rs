//! The thread that examines mismatches, one at a time.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Job;
use super::queue::Queue;
use crate::explain::{Case, Question, examine};
use crate::observe::recent::{Found, Recent};
use crate::reason::Reason;

/// So long is worked at a stretch,
const STRETCH: Duration = Duration::from_micros(200);
/// and rested after it: requests that wait for a core have it first.
const REST: Duration = Duration::from_millis(2);
/// The lowest priority that a thread may have (setpriority(2)).
const LOWEST: i32 = 19;

/// Starts the thread. It ends when the queue is closed, after the mismatch that it examines.
///
/// # Errors
/// The system has no thread to give.
pub(super) fn start(queue: Arc<Queue>, recent: Arc<Recent>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("diagnosis".to_owned());
    thread.spawn(move || {
        // Where it is not allowed, the rests are enough.
        let _ = rustix::process::setpriority_process(None, LOWEST);
        while let Some(job) = queue.next() {
            // A fault that one mismatch brings to light must not end the examining of others. It is logged as
            // any panic is.
            let _ = catch_unwind(AssertUnwindSafe(|| examine_one(job, &recent)));
        }
    })?;
    Ok(())
}

fn examine_one(job: Job, recent: &Recent) {
    let Job {
        known,
        route,
        mut capture,
        body,
        label,
        url,
        now,
        request_id,
        refusal,
    } = job;
    let Some(of_route) = known.routes.get(&route.name) else {
        return;
    };
    capture.body = body.concat().into();
    // Not held twice.
    drop(body);
    let case = Case::new(Question {
        capture: &capture,
        provider: of_route.provider,
        accepted: of_route.accepted.clone(),
        label,
        url,
        keys: &known.keys,
        route: of_route.facts.clone(),
        other_urls: of_route.other_urls.clone(),
        now,
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
        route.metrics.count_finding(told.finding.as_str());
        tracing::info!(
            event = "diagnosed",
            route = &*route.name,
            request_id,
            finding = told.finding.as_str(),
            fix = told.fix,
            "why a signature did not match"
        );
        if let Some(id) = refusal {
            let found = Found {
                finding: told.finding.as_str(),
                fix: told.fix,
            };
            recent.add_finding(id, found);
        }
    }
}
