//! A route: in full as a card, or as a line where there are many.

use super::super::super::snapshot::{App, MINUTES, Route, Secret, Snapshot, Timestamps};
use super::super::super::time::Time;
use super::super::attention::{Concern, Level};
use super::super::plot::Plot;
use super::super::sums::{self, Sum};
use super::super::words::{age_within, ago, brief, count, counted, moment, up_to, within};
use super::meter::Meter;
use super::shares::{Share, shares};
use super::{Figure, figures};

/// A card.
pub(in super::super) struct RouteView<'a> {
    pub(in super::super) name: &'a str,
    pub(in super::super) path: &'a str,
    pub(in super::super) scheme: &'static str,
    pub(in super::super) upstream: &'a str,
    pub(in super::super) enforce: bool,
    /// `trouble`, `well` or `waiting`.
    pub(in super::super) state: &'static str,
    pub(in super::super) state_in_words: &'static str,
    /// What needs attention, in a few words.
    pub(in super::super) topics: String,
    pub(in super::super) last_verified: String,
    pub(in super::super) last_verified_at: String,
    pub(in super::super) figures: Vec<Figure>,
    pub(in super::super) plot: Plot,
    pub(in super::super) is_open: bool,
    pub(in super::super) rejected: Vec<Share>,
    pub(in super::super) unenforced: Vec<Share>,
    pub(in super::super) app: AppView,
    pub(in super::super) window: Option<Window>,
    pub(in super::super) secrets: Vec<SecretView<'a>>,
    pub(in super::super) spool: Option<String>,
}

/// How the app fares.
pub(in super::super) struct AppView {
    pub(in super::super) latency: String,
    pub(in super::super) meter: Option<Meter>,
    pub(in super::super) health: String,
}

/// Ages of timestamps between the youngest and the oldest that is accepted.
pub(in super::super) struct Window {
    pub(in super::super) words: String,
    pub(in super::super) label: String,
    pub(in super::super) youngest: String,
    pub(in super::super) oldest: String,
    /// Where the present, the median, and the bar to the 95th percentile are, of 200.
    pub(in super::super) now: u64,
    pub(in super::super) marks: Option<(u64, u64, u64)>,
}

/// A secret's row.
pub(in super::super) struct SecretView<'a> {
    pub(in super::super) id: &'a str,
    pub(in super::super) used: String,
    pub(in super::super) end: Option<String>,
    pub(in super::super) is_ended: bool,
}

/// A route as a line.
pub(in super::super) struct RouteLine<'a> {
    pub(in super::super) name: &'a str,
    pub(in super::super) is_trouble: bool,
    pub(in super::super) verified: String,
    pub(in super::super) rejected: String,
    pub(in super::super) last_verified: String,
}

impl<'a> RouteView<'a> {
    pub(super) fn of(
        snapshot: &Snapshot,
        route: &'a Route,
        concerns: &[&Concern],
        is_open: bool,
    ) -> Self {
        let now = snapshot.at;
        let is_trouble = has_trouble(concerns);
        let seen = sums::since_start(route);
        let (state, state_in_words) = if is_trouble {
            ("trouble", "needs attention")
        } else if seen.is_empty() {
            ("waiting", "no request yet")
        } else if seen.let_through() == 0 && seen.rejected > 0 {
            ("waiting", "none verified yet")
        } else {
            ("well", "well")
        };
        let last = route.last_verified_at;
        Self {
            name: &route.name,
            path: &route.path,
            scheme: route.scheme,
            upstream: &route.upstream,
            enforce: route.enforce,
            state,
            state_in_words,
            topics: topics(concerns),
            last_verified: last.map_or_else(|| "never".to_owned(), |last| ago(last, now)),
            last_verified_at: last.map(moment).unwrap_or_default(),
            figures: figures(&route.last_hour, seen),
            plot: Plot::of(&route.last_hour),
            is_open: is_open || is_trouble,
            rejected: shares(&route.rejected),
            unenforced: shares(&route.unenforced),
            app: AppView::of(&route.app, now),
            window: route.timestamps.as_ref().map(Window::of),
            secrets: route
                .secrets
                .iter()
                .map(|secret| SecretView::of(secret, now))
                .collect(),
            spool: route.spool.as_ref().map(|spool| {
                let oldest = spool.oldest_at;
                let oldest = oldest.map_or(String::new(), |oldest| {
                    format!(", the oldest came {}", ago(oldest, now))
                });
                format!(
                    "{} waiting{oldest}; {}",
                    counted(spool.waiting, "event"),
                    counted(spool.dead, "dead letter")
                )
            }),
        }
    }
}

impl AppView {
    fn of(app: &App, now: Time) -> Self {
        let mut latency = match (app.lately, app.seconds) {
            (Some(lately), _) => format!(
                "lately half took {}, 95 % {}",
                within(lately.p50),
                within(up_to(lately.p95))
            ),
            (None, Some(seconds)) => format!(
                "about {} for half, {} for 95 %, since the start",
                brief(seconds.p50),
                brief(seconds.p95)
            ),
            (None, None) => "has not answered yet".to_owned(),
        };
        let p95 = app.lately.map(|lately| lately.p95.about);
        let p95 = p95.or(app.seconds.map(|seconds| seconds.p95));
        let meter = app.sender_waits_seconds.zip(p95).map(|(limit, p95)| {
            latency.push_str(&format!("; the sender waits {}", brief(limit)));
            let percent = (p95 / limit * 100.0) as u64;
            let label = format!(
                "95 % of the answers take up to about {percent} % of the time that the sender waits"
            );
            Meter::of(percent, label)
        });
        let mut health = format!("{} ok, {} failed", count(app.ok), count(app.failed));
        if app.late > 0 {
            health.push_str(&format!(", {} too late for the sender", count(app.late)));
        }
        if let Some(last) = app.last_failure {
            health.push_str(&format!("; the last failure {}", ago(last, now)));
            if let Some(reason) = &app.last_failure_reason {
                health.push_str(&format!(": {reason}"));
            }
        }
        Self {
            latency,
            meter,
            health,
        }
    }
}

impl Window {
    /// How wide it is drawn.
    const WIDTH: f64 = 200.0;

    fn of(timestamps: &Timestamps) -> Self {
        let (skew, age) = (timestamps.max_skew_seconds, timestamps.max_age_seconds);
        let place = |seconds: f64| {
            let part = (seconds + skew) / (skew + age);
            (part.clamp(0.0, 1.0) * Self::WIDTH) as u64
        };
        let words = match (timestamps.lately, timestamps.age_seconds) {
            (Some(lately), _) => format!(
                "lately half {}, 95 % {}",
                age_within(lately.p50),
                age_within(up_to(lately.p95))
            ),
            (None, Some(ages)) => format!(
                "about {} for half, {} for 95 %, since the start",
                old(ages.p50),
                old(ages.p95)
            ),
            (None, None) => "none seen yet".to_owned(),
        };
        let lately = timestamps.lately;
        let lately = lately.map(|lately| (lately.p50.about, lately.p95.about));
        let ages = lately.or(timestamps.age_seconds.map(|ages| (ages.p50, ages.p95)));
        Self {
            label: format!(
                "Ages of timestamps: {words}. Accepted are {} old to {} ahead.",
                brief(age),
                brief(skew)
            ),
            words,
            youngest: format!("{} ahead", brief(skew)),
            oldest: format!("{} old", brief(age)),
            now: place(0.0),
            marks: ages.map(|(half, most)| {
                let (from, to) = (place(half), place(most));
                (from, from.min(to), from.abs_diff(to).max(3))
            }),
        }
    }
}

impl<'a> SecretView<'a> {
    fn of(secret: &'a Secret, now: Time) -> Self {
        let used = secret.last_matched_at.map_or_else(
            || "never used".to_owned(),
            |used| format!("used {}", ago(used, now)),
        );
        let is_ended = secret.not_after.is_some_and(|end| end <= now);
        Self {
            id: &secret.id,
            used: if secret.matches > 0 {
                format!("{used}, {} in all", count(secret.matches))
            } else {
                used
            },
            end: secret.not_after.map(|end| {
                let verb = if is_ended { "ended" } else { "ends" };
                format!("{verb} {}, {}", ago(end, now), moment(end))
            }),
            is_ended,
        }
    }
}

impl<'a> RouteLine<'a> {
    pub(super) fn of(snapshot: &Snapshot, route: &'a Route, concerns: &[&Concern]) -> Self {
        let hour = Sum::of(sums::last(&route.last_hour, MINUTES));
        let last = route.last_verified_at;
        Self {
            name: &route.name,
            is_trouble: has_trouble(concerns),
            verified: count(hour.verified),
            rejected: count(hour.rejected),
            last_verified: last.map_or_else(|| "never".to_owned(), |last| ago(last, snapshot.at)),
        }
    }
}

/// How old a timestamp is.
fn old(seconds: f64) -> String {
    if seconds < 0.0 {
        format!("{} ahead", brief(-seconds))
    } else {
        format!("{} old", brief(seconds))
    }
}

fn topics(concerns: &[&Concern]) -> String {
    let troubles = concerns
        .iter()
        .filter(|concern| concern.level == Level::Trouble);
    let topics: Vec<&str> = troubles.map(|concern| concern.topic).collect();
    topics.join(", ")
}

fn has_trouble(concerns: &[&Concern]) -> bool {
    concerns
        .iter()
        .any(|concern| concern.level == Level::Trouble)
}
