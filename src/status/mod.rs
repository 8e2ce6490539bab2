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
use std::sync::{Mutex, MutexGuard, PoisonError};

use history::{History, Totals};
use snapshot::Minute;
pub(crate) use take::take;

use crate::active::{ActiveConfig, Route};
use crate::observe::metrics::Verdict;
use crate::verify::Timestamp;

/// How much of what is wrong with a configuration is kept, in characters.
const MAX_ERROR_CHARS: usize = 1_000;

/// What is remembered of a process for its status.
pub(crate) struct Status {
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
    pub(crate) fn new(active: &ActiveConfig, file: Option<&Path>, now: Timestamp) -> Self {
        // Whoever looks at it does not know where the process was started.
        let file = file.map(|file| {
            let absolute = std::path::absolute(file);
            absolute.unwrap_or_else(|_| file.to_owned())
        });
        let mut history = History::new(now);
        history.set_routes(routes(active), now);
        Self {
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
        self.history().advance(routes(active), now);
    }

    /// Another configuration is about to be in use.
    pub(crate) fn applied(&self, active: &ActiveConfig, now: Timestamp) {
        self.history().set_routes(routes(active), now);
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

    /// The last hour of each route of `active`, in their order.
    fn last_hours(&self, active: &ActiveConfig, now: Timestamp) -> Vec<Vec<Minute>> {
        let mut history = self.history();
        history.advance(routes(active), now);
        let hours = routes(active).map(|(name, totals)| history.last_hour(name, totals()));
        hours.collect()
    }
}

/// The routes of a configuration, and what was counted of each.
fn routes(active: &ActiveConfig) -> impl Iterator<Item = (&str, impl Fn() -> Totals)> {
    let routes = active.all_routes.iter();
    routes.map(|route| (&*route.name, move || totals(route)))
}

fn totals(route: &Route) -> Totals {
    let mut totals = Totals {
        app_failed: route.metrics.app.seen().failed,
        ..Totals::default()
    };
    for (verdict, count) in route.metrics.verdicts() {
        match verdict {
            Verdict::Verified => totals.verified = totals.verified.saturating_add(count),
            Verdict::Rejected(_) => totals.rejected = totals.rejected.saturating_add(count),
            Verdict::Unenforced(_) => {}
        }
    }
    totals
}
