//! What an operator sees at a glance: the status page and `/status.json`, and the history of the last hour behind the
//! page's plots.
//!
//! Both are made of one [`snapshot::Snapshot`], which is taken when somebody asks ([`take`]), of what the process counts
//! and knows anyway. Nothing is asked of an app or a store for it. [`Status`] is what is remembered for it besides.

mod detail;
mod history;
pub(crate) mod page;
pub(crate) mod snapshot;
mod take;
pub(crate) mod time;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use history::{History, Marks, Past, Totals};
pub(crate) use take::take;

use crate::active::ActiveConfig;
use crate::observe::metrics::{Metrics, Series, Verdict};
use crate::verify::Timestamp;

/// How much of what is wrong with a configuration is kept, in characters.
const MAX_ERROR_CHARS: usize = 1_000;
/// The name under which the history has what had no route: no route's.
const UNROUTED: &str = "";

/// What is remembered of a process for its status.
pub(crate) struct Status {
    metrics: Arc<Metrics>,
    started_at: Timestamp,
    /// The configuration's file.
    file: String,
    config: Mutex<Applied>,
    history: Mutex<History>,
}

/// What became of configurations.
#[derive(Clone)]
struct Applied {
    at: Timestamp,
    reloads: u64,
    last_error: Option<String>,
}

impl Status {
    /// Of a process that starts at the time `now` with a configuration, which was read from a file unless it was made
    /// by the program.
    pub(crate) fn new(
        active: &ActiveConfig,
        metrics: Arc<Metrics>,
        file: Option<&Path>,
        now: Timestamp,
    ) -> Self {
        // Whoever looks at it does not know where the process was started.
        let file = file.map(|file| {
            let absolute = std::path::absolute(file);
            absolute.unwrap_or_else(|_| file.to_owned())
        });
        let mut history = History::new(now);
        history.set_routes(routes(active, &metrics), now);
        Self {
            metrics,
            started_at: now,
            file: file.map_or_else(String::new, |file| file.display().to_string()),
            config: Mutex::new(Applied {
                at: now,
                reloads: 0,
                last_error: None,
            }),
            history: Mutex::new(history),
        }
    }

    /// A second is over.
    pub(crate) fn tick(&self, active: &ActiveConfig, now: Timestamp) {
        self.history().advance(routes(active, &self.metrics), now);
    }

    /// Another configuration is about to be in use.
    pub(crate) fn applied(&self, active: &ActiveConfig, now: Timestamp) {
        let routes = routes(active, &self.metrics);
        self.history().set_routes(routes, now);
        let mut config = self.config();
        config.at = now;
        config.reloads = config.reloads.saturating_add(1);
        config.last_error = None;
    }

    /// Another configuration was refused.
    pub(crate) fn refused(&self, error: &str) {
        let error = error.chars().take(MAX_ERROR_CHARS).collect();
        self.config().last_error = Some(error);
    }

    fn config(&self) -> MutexGuard<'_, Applied> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of each route of `active`, in their order, and of what had none.
    fn past(&self, active: &ActiveConfig, now: Timestamp) -> (Vec<Past>, Past) {
        let mut history = self.history();
        history.advance(routes(active, &self.metrics), now);
        let past = |name: &str, series: &Series| history.past(name, &totals(series));
        let routes = active.all_routes.iter();
        let routes = routes.map(|route| past(&route.name, &route.metrics));
        (routes.collect(), past(UNROUTED, &self.metrics.unrouted))
    }
}

/// The routes of a configuration and what has none, and what was counted of each.
fn routes<'a>(
    active: &'a ActiveConfig,
    metrics: &'a Metrics,
) -> impl Iterator<Item = (&'a str, impl Fn() -> Totals)> {
    let routes = active.all_routes.iter();
    let routes = routes.map(|route| (&*route.name, &*route.metrics));
    let unrouted: (&str, &Series) = (UNROUTED, &metrics.unrouted);
    routes
        .chain([unrouted])
        .map(|(name, series)| (name, move || totals(series)))
}

fn totals(series: &Series) -> Totals {
    let app = series.app.seen();
    let mut totals = Totals {
        app_ok: app.ok,
        app_failed: app.failed,
        app_refused: series.app_refusals(),
        last_verified: series.last_verified(),
        marks: Marks {
            upstream_seconds: series.upstream_seconds.counts(),
            timestamp_age_seconds: series.timestamp_age_seconds.counts(),
        },
        ..Totals::default()
    };
    for (verdict, count) in series.verdicts() {
        let sum = match verdict {
            Verdict::Verified => &mut totals.verified,
            Verdict::Rejected(_) => &mut totals.rejected,
            Verdict::Unenforced(_) => &mut totals.unenforced,
        };
        *sum = sum.saturating_add(count);
    }
    totals
}
