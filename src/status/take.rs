//! Taking a snapshot: what the process counts and knows, put into the form in which it is shown.
//!
//! Nothing is waited for, and nothing outside the process is asked.

use std::collections::{BTreeMap, HashMap};

use super::Status;
use super::detail::detail;
use super::history::{Marks, Past};
use super::snapshot::{
    App, Config, Lately, Limits, Quantiles, Refusal, Replay, Route, RouteSpool, Secret, Snapshot,
    Spool, Timestamps, VERSION, Within,
};
use super::time::Time;
use crate::active;
use crate::edge::shared::Shared;
use crate::exchange::app_failure::AppFailure;
use crate::observe::metrics::{Counts, Distribution, Quantile, Series, Verdict};
use crate::observe::recent::Kept;
use crate::spool::{RouteTotals, SpoolSeen, Totals};
use crate::verify::Timestamp;

/// The process at the time `now`. `not_ready` says why it should get no requests.
pub(crate) fn take(
    status: &Status,
    shared: &Shared,
    not_ready: Vec<String>,
    now: Timestamp,
) -> Snapshot {
    let services = &shared.services;
    let active = shared.active.load_full();
    let spool = services.spool.seen();
    let stored = spool.as_ref().and_then(|spool| spool.totals.as_ref());
    let stored = stored.map(by_route);
    let (past, unrouted) = status.past(&active, now);
    let routes = active.all_routes.iter().zip(past);
    let replay = services.replay.seen(now);
    Snapshot {
        version: VERSION,
        hookward: env!("CARGO_PKG_VERSION"),
        revision: env!("HOOKWARD_REVISION"),
        at: Time(now),
        started_at: Time(status.started_at),
        ready: not_ready.is_empty(),
        not_ready,
        config: config(status),
        limits: limits(shared),
        routes: routes
            .map(|(of, past)| route(of, past, stored.as_ref()))
            .collect(),
        unrouted: by_reason(&services.metrics.unrouted).rejected,
        unrouted_last_hour: unrouted.last_hour,
        recent_refusals: {
            let kept = services.recent.all();
            kept.iter().map(|kept| refusal(kept)).collect()
        },
        replay: Replay {
            store: replay.store,
            entries: replay.entries.map(count),
            capacity: replay.capacity.map(count),
            ok: replay.is_ok,
        },
        spool: spool.as_ref().map(store_of_events),
    }
}

fn config(status: &Status) -> Config {
    let applied = status.config().clone();
    Config {
        file: status.file.clone(),
        applied_at: Time(applied.at),
        reloads: applied.reloads,
        last_error: applied.last_error,
    }
}

fn limits(shared: &Shared) -> Limits {
    let (connections, max_connections) = shared.connections.count();
    let budget = &shared.services.budget;
    Limits {
        connections: count(connections),
        max_connections: count(max_connections),
        buffered_bytes: budget.held(),
        max_buffered_bytes: budget.max(),
    }
}

fn route(route: &active::Route, past: Past, stored: Option<&Stored<'_>>) -> Route {
    let Past {
        last_hour,
        lately,
        longest_silence,
    } = past;
    let metrics = &route.metrics;
    let verdicts = by_reason(metrics);
    let secrets = metrics.secrets_seen().map(|secret| Secret {
        id: secret.id.to_string(),
        matches: secret.matches,
        last_matched_at: secret.last_matched.map(Time),
        not_after: secret.not_after.map(Time),
    });
    Route {
        name: route.name.to_string(),
        path: route.path.to_string(),
        scheme: route.verifier.initial_label(),
        upstream: route.upstream.shown(),
        enforce: route.enforce,
        verified: verdicts.verified,
        rejected: verdicts.rejected,
        unenforced: verdicts.unenforced,
        last_verified_at: metrics.last_verified().map(Time),
        longest_silence_seconds: longest_silence.map(|millis| millis as f64 / 1_000.0),
        app: app(route, &lately),
        secrets: secrets.collect(),
        spool: stored.and_then(|stored| events(route, stored)),
        timestamps: route.freshness.map(|freshness| Timestamps {
            age_seconds: quantiles(&metrics.timestamp_age_seconds),
            lately: recent(
                &metrics.timestamp_age_seconds,
                &lately.timestamp_age_seconds,
            ),
            max_age_seconds: freshness.max_age.as_secs_f64(),
            max_skew_seconds: freshness.max_skew.as_secs_f64(),
        }),
        last_hour,
    }
}

fn app(route: &active::Route, lately: &Marks) -> App {
    let metrics = &route.metrics;
    let seen = metrics.app.seen();
    let sender_waits = route.answer_rules().time_limit.fixed();
    let cause = seen.last_failure.and_then(|(_, code)| AppFailure::of(code));
    App {
        ok: seen.ok,
        failed: seen.failed,
        last_failure: seen.last_failure.map(|(at, _)| Time(at)),
        last_failure_reason: cause.map(|cause| cause.to_string()),
        seconds: quantiles(&metrics.upstream_seconds),
        lately: recent(&metrics.upstream_seconds, &lately.upstream_seconds),
        sender_waits_seconds: sender_waits.map(|limit| limit.as_secs_f64()),
        late: metrics.late_answers.get(),
    }
}

/// What is stored, by the names of the routes.
type Stored<'a> = HashMap<&'a str, &'a RouteTotals>;

fn by_route(totals: &Totals) -> Stored<'_> {
    let routes = totals.routes.iter();
    routes
        .map(|of_route| (&*of_route.route, of_route))
        .collect()
}

/// The events of a route that stores some, or that has some from when it did.
fn events(route: &active::Route, stored: &Stored<'_>) -> Option<RouteSpool> {
    let of_route = stored.get(&*route.name);
    (of_route.is_some() || route.spool.is_on()).then(|| RouteSpool {
        waiting: of_route.map_or(0, |of_route| of_route.waiting),
        dead: of_route.map_or(0, |of_route| of_route.dead),
        oldest_at: of_route.and_then(|of_route| of_route.oldest).map(Time),
    })
}

fn store_of_events(spool: &SpoolSeen) -> Spool {
    Spool {
        store: spool.store,
        ok: spool.is_ok,
        bytes: spool.totals.as_ref().map(|totals| totals.bytes),
        max_bytes: spool.max_bytes,
    }
}

fn refusal(kept: &Kept) -> Refusal {
    let refused = &kept.refused;
    let asked = &refused.request;
    let fixes: Vec<&str> = kept.findings.iter().map(|found| &*found.fix).collect();
    Refusal {
        at: Time(refused.at),
        route: refused.route.to_string(),
        reason: refused.judged.reason.as_str(),
        request_id: asked.request_id.clone(),
        client: asked.client.clone(),
        method: asked.method.clone(),
        path: asked.path.clone(),
        detail: detail(&refused.explanation),
        finding: kept.findings.first().map(|found| found.finding),
        fix: (!fixes.is_empty()).then(|| fixes.join(" ")),
    }
}

/// Verdicts by reason.
#[derive(Default)]
struct Verdicts {
    verified: u64,
    rejected: BTreeMap<&'static str, u64>,
    unenforced: BTreeMap<&'static str, u64>,
}

fn by_reason(series: &Series) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (verdict, count) in series
        .verdicts()
        .into_iter()
        .filter(|(_, count)| *count > 0)
    {
        match verdict {
            Verdict::Verified => verdicts.verified = count,
            Verdict::Rejected(reason) => {
                verdicts.rejected.insert(reason.as_str(), count);
            }
            Verdict::Unenforced(reason) => {
                verdicts.unenforced.insert(reason.as_str(), count);
            }
        }
    }
    verdicts
}

fn quantiles(distribution: &Distribution) -> Option<Quantiles> {
    let [p50, p95] = distribution.quantiles(&distribution.counts(), [0.5, 0.95])?;
    Some(Quantiles {
        p50: p50.about,
        p95: p95.about,
    })
}

/// What a distribution had lately.
fn recent(distribution: &Distribution, lately: &Counts) -> Option<Lately> {
    let [p50, p95] = distribution.quantiles(lately, [0.5, 0.95])?;
    Some(Lately {
        count: lately.all(),
        p50: within(p50),
        p95: within(p95),
    })
}

fn within(quantile: Quantile) -> Within {
    Within {
        about: quantile.about,
        from: quantile.from,
        to: quantile.to,
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
