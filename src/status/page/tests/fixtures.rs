//! Processes in all sorts of states.

use std::collections::BTreeMap;

use crate::status::snapshot::*;
use crate::status::time::Time;
use crate::verify::Timestamp;

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;
/// 2026-11-30 03:04:12 UTC.
const NOW: u64 = 1_796_007_852_000;

/// So many seconds before the page is made.
pub(super) fn before(seconds: u64) -> Time {
    Time(Timestamp::from_millis(NOW - seconds * 1_000))
}

/// So many after it.
pub(super) fn after(seconds: u64) -> Time {
    Time(Timestamp::from_millis(NOW + seconds * 1_000))
}

/// Minutes with about so many requests each, never alike and always the same.
pub(super) fn hour(each: u32, seed: u32) -> Vec<Minute> {
    let minute = |at: u32| {
        let noise = (at * 7919 + seed * 104_729) % 97;
        let wave = [8, 9, 11, 12, 12, 11, 9, 8, 7, 7][(at as usize + seed as usize) / 6 % 10];
        Minute {
            verified: (each * wave / 10 * (60 + noise * 4 / 5)) / 100,
            app_ok: (each * wave / 10 * (60 + noise * 4 / 5)) / 100,
            ..Minute::default()
        }
    };
    (0..60).map(minute).collect()
}

/// What a histogram says: a guess and the limits around it, of the half and of 95 %.
pub(super) fn lately(p50: (f64, f64, f64), p95: (f64, f64, f64)) -> Lately {
    let within = |(about, from, to): (f64, f64, f64)| Within {
        about,
        from: Some(from),
        to: Some(to),
    };
    Lately {
        count: 100,
        p50: within(p50),
        p95: within(p95),
    }
}

/// A route that is well.
pub(super) fn route(name: &str, path: &str, scheme: &'static str, each: u32) -> Route {
    let seed = name.bytes().map(u32::from).sum();
    let last_hour = hour(each, seed);
    let verified = last_hour
        .iter()
        .map(|minute| u64::from(minute.verified))
        .sum::<u64>()
        * 52;
    let signs_time = scheme != "api-key";
    Route {
        name: name.to_owned(),
        path: path.to_owned(),
        scheme,
        upstream: "127.0.0.1:3000".to_owned(),
        enforce: true,
        verified,
        rejected: BTreeMap::new(),
        unenforced: BTreeMap::new(),
        last_verified_at: Some(before(u64::from(seed % 9 + 1))),
        longest_silence_seconds: Some(130.0),
        app: App {
            ok: verified,
            failed: 0,
            last_failure: None,
            last_failure_reason: None,
            seconds: Some(Quantiles {
                p50: 0.018,
                p95: 0.085,
            }),
            lately: Some(lately((0.018, 0.005, 0.025), (0.085, 0.025, 0.1))),
            // HubSpot's requests each say it, and of others nobody knows.
            sender_waits_seconds: (scheme == "twenty").then_some(5.0),
            late: 0,
        },
        secrets: vec![Secret {
            id: "2026-11".to_owned(),
            matches: verified,
            last_matched_at: Some(before(u64::from(seed % 9 + 1))),
            not_after: None,
        }],
        spool: None,
        timestamps: signs_time.then_some(Timestamps {
            age_seconds: Some(Quantiles {
                p50: 0.42,
                p95: 1.9,
            }),
            lately: Some(lately((0.42, 0.0, 1.0), (1.9, 1.0, 5.0))),
            max_age_seconds: 300.0,
            max_skew_seconds: 300.0,
        }),
        last_hour,
    }
}

pub(super) fn refusal(seconds: u64, route: &str, reason: &'static str) -> Refusal {
    Refusal {
        at: before(seconds),
        route: route.to_owned(),
        reason,
        request_id: format!("0f3c9a4e71b2{seconds:04x}"),
        client: "54.174.58.231".to_owned(),
        method: Some("POST".to_owned()),
        path: Some(format!("/{route}")),
        detail: None,
        finding: None,
        fix: None,
    }
}

/// A process that serves so.
pub(super) fn process(routes: Vec<Route>) -> Snapshot {
    Snapshot {
        version: VERSION,
        hookward: "0.1.0",
        revision: "159fc0847a1c",
        at: before(0),
        started_at: before(3 * DAY + 4 * HOUR),
        ready: true,
        not_ready: Vec::new(),
        config: Config {
            file: "/etc/hookward/hookward.toml".to_owned(),
            applied_at: before(26 * HOUR),
            reloads: 2,
            last_error: None,
        },
        limits: Limits {
            connections: 214,
            max_connections: 10_000,
            buffered_bytes: 1_311_000,
            max_buffered_bytes: 256 << 20,
        },
        routes,
        unrouted: BTreeMap::from([("bad_request", 3), ("no_route", 1_204)]),
        unrouted_last_hour: vec![Minute::default(); MINUTES],
        recent_refusals: Vec::new(),
        replay: Replay {
            store: "memory",
            entries: Some(48_211),
            capacity: Some(1_000_000),
            ok: Some(true),
        },
        spool: Some(Spool {
            store: "disk",
            ok: Some(true),
            bytes: Some(0),
            max_bytes: Some(1 << 30),
        }),
    }
}

/// Six routes on an ordinary day.
pub(super) fn well() -> Snapshot {
    let mut crm = route("hubspot-crm", "/hubspot", "hubspot", 310);
    crm.rejected = BTreeMap::from([("signature_mismatch", 4), ("timestamp_expired", 19)]);
    crm.last_hour[31].rejected = 2;
    crm.spool = Some(RouteSpool {
        waiting: 0,
        dead: 0,
        oldest_at: None,
    });
    let workflows = route("hubspot-workflows", "/workflows/*", "hubspot", 44);
    let mut twenty = route("twenty", "/twenty", "twenty", 96);
    twenty.upstream = "crm-sync.internal:8080".to_owned();
    twenty.secrets.push(Secret {
        id: "2026-05".to_owned(),
        matches: 88_121,
        last_matched_at: Some(before(9 * DAY)),
        not_after: Some(after(32 * DAY)),
    });
    let mut billing = route("billing", "/billing", "api-key", 12);
    billing.upstream = "unix:/run/billing/app.sock".to_owned();
    billing.rejected = BTreeMap::from([("missing_api_key", 31), ("api_key_mismatch", 2)]);
    let forms = route("forms", "/forms", "api-key", 3);
    let staging = route("twenty-staging", "/staging/twenty", "twenty", 1);
    let mut snapshot = process(vec![crm, workflows, twenty, billing, forms, staging]);
    snapshot.recent_refusals = vec![
        refusal(29 * MINUTE, "hubspot-crm", "signature_mismatch"),
        refusal(3 * HOUR, "hubspot-crm", "timestamp_expired"),
        refusal(5 * HOUR, "billing", "missing_api_key"),
    ];
    snapshot.recent_refusals[0].finding = Some("query_order");
    snapshot.recent_refusals[0].fix =
        Some("a proxy in front sorts the query: let it pass on the target as it came".to_owned());
    snapshot
}

/// A night to be woken in.
pub(super) fn troubles() -> Snapshot {
    let mut snapshot = well();
    snapshot.config.last_error = Some(
        "/etc/hookward/hookward.toml:41: route.verify.max_age: \"5 min\" is not a duration"
            .to_owned(),
    );
    let [crm, workflows, twenty, billing, ..] = &mut snapshot.routes[..] else {
        unreachable!()
    };
    for minute in &mut crm.last_hour[38..] {
        minute.rejected = minute.verified * 9 / 10;
        minute.verified /= 12;
        minute.app_ok = minute.verified;
    }
    crm.rejected.insert("signature_mismatch", 5_204);
    for minute in &mut twenty.last_hour[50..] {
        minute.app_failed = minute.verified;
        minute.app_ok = 0;
    }
    twenty.app.failed = 1_902;
    twenty.app.last_failure = Some(before(2));
    twenty.app.last_failure_reason = Some("app_unreachable".to_owned());
    twenty.spool = Some(RouteSpool {
        waiting: 812,
        dead: 3,
        oldest_at: Some(before(41 * MINUTE)),
    });
    workflows.timestamps.as_mut().unwrap().lately =
        Some(lately((-31.0, -60.0, -5.0), (-8.0, -60.0, -5.0)));
    billing.secrets[0].not_after = Some(after(3 * DAY));
    snapshot.limits.buffered_bytes = 219 << 20;
    snapshot.spool.as_mut().unwrap().bytes = Some(38 << 20);
    snapshot.replay.store = "redis";
    snapshot.replay.entries = None;
    snapshot.replay.capacity = None;
    snapshot.routes[5].app.lately = Some(lately((2.1, 1.0, 2.5), (7.4, 5.0, 10.0)));
    snapshot.routes[5].app.late = 71;
    snapshot.routes[5].enforce = false;
    snapshot.routes[5].unenforced = BTreeMap::from([("missing_signature", 240)]);
    let many = (0..40).map(|number| {
        let mut refusal = refusal(4 + number * 7, "hubspot-crm", "signature_mismatch");
        refusal.detail = Some("none of the secrets 2026-11 gives this signature".to_owned());
        if number % 7 == 3 {
            refusal.reason = "timestamp_expired";
            refusal.detail = None;
            refusal.client = format!("203.0.113.{number}");
        } else if number % 5 == 0 {
            refusal.finding = Some("url_host");
            refusal.fix = Some("public_url as it stands in the provider's settings".to_owned());
        }
        refusal
    });
    snapshot.recent_refusals.splice(0..0, many);
    snapshot
}

/// So many routes, some of them quiet, two in trouble.
pub(super) fn many(routes: usize) -> Snapshot {
    let schemes = ["hubspot", "twenty", "api-key"];
    let routes = (0..routes).map(|number| {
        let name = format!("tenant-{number:03}-crm");
        let each = [0, 3, 40, 160][number % 4];
        let mut route = route(
            &name,
            &format!("/t/{number}/hooks"),
            schemes[number % 3],
            each,
        );
        if each == 0 {
            route.last_verified_at = None;
            route.app.seconds = None;
            route.app.lately = None;
            route.secrets[0].last_matched_at = None;
        }
        if number % 5 == 1 {
            route.rejected = BTreeMap::from([("signature_mismatch", 12), ("missing_signature", 2)]);
        }
        route
    });
    let mut snapshot = process(routes.collect());
    for place in [17, 23] {
        if let Some(route) = snapshot.routes.get_mut(place) {
            for minute in &mut route.last_hour[45..] {
                minute.app_failed = minute.verified / 2 + 1;
                route.app.failed += u64::from(minute.app_failed);
            }
        }
    }
    snapshot
}

/// One that has had no request.
pub(super) fn fresh() -> Snapshot {
    let mut route = route("hubspot", "/hubspot", "hubspot", 0);
    route.last_verified_at = None;
    route.longest_silence_seconds = None;
    route.app.seconds = None;
    route.app.lately = None;
    route.secrets[0].last_matched_at = None;
    let timestamps = route.timestamps.as_mut().unwrap();
    (timestamps.age_seconds, timestamps.lately) = (None, None);
    route.last_hour = vec![Minute::default()];
    let mut snapshot = process(vec![route]);
    snapshot.started_at = before(14);
    snapshot.config.applied_at = before(14);
    snapshot.config.reloads = 0;
    snapshot.unrouted.clear();
    snapshot.limits.connections = 0;
    snapshot.limits.buffered_bytes = 0;
    snapshot.replay.entries = Some(0);
    snapshot.spool = None;
    snapshot
}

/// One to which everything came on a wrong path, or so that it could not be read.
pub(super) fn unrouted(refused: u32) -> Snapshot {
    let mut snapshot = fresh();
    snapshot.unrouted = BTreeMap::from([("no_route", refused.into())]);
    snapshot.unrouted_last_hour = vec![Minute::default(); MINUTES];
    snapshot.unrouted_last_hour[MINUTES - 1].rejected = refused;
    let refusals = (0..u64::from(refused)).map(|number| Refusal {
        path: Some("/hubspto".to_owned()),
        ..refusal(number, "none", "no_route")
    });
    snapshot.recent_refusals = refusals.collect();
    snapshot
}

/// One whose route does not enforce, and to which nothing came that verifies.
pub(super) fn unenforced(many: u32) -> Snapshot {
    let mut snapshot = fresh();
    let route = &mut snapshot.routes[0];
    route.enforce = false;
    route.unenforced = BTreeMap::from([("missing_signature", many.into())]);
    route.app.ok = many.into();
    route.last_hour[0].unenforced = many;
    route.last_hour[0].app_ok = many;
    snapshot
}

/// What tries to break out of its place.
pub(super) const MARKUP: &str =
    "</code></script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&<b>";

/// All texts are those of somebody who means ill, or are as long as can be.
pub(super) fn hostile() -> Snapshot {
    let mut snapshot = well();
    snapshot.config.file = format!("/etc/{MARKUP}.toml");
    snapshot.config.last_error = Some(MARKUP.to_owned());
    snapshot.not_ready = vec![MARKUP.to_owned()];
    snapshot.ready = false;
    let route = &mut snapshot.routes[0];
    route.name = "n".repeat(64);
    route.path = format!("/{}", "p".repeat(255));
    route.upstream = format!("http://{}", "u".repeat(240));
    route.secrets[0].id = "s".repeat(64);
    let route = &mut snapshot.routes[1];
    route.name = MARKUP.to_owned();
    route.path = MARKUP.to_owned();
    route.upstream = MARKUP.to_owned();
    route.secrets[0].id = MARKUP.to_owned();
    route.app.last_failure = Some(before(3));
    route.app.last_failure_reason = Some(MARKUP.to_owned());
    let mut long = refusal(3, &"n".repeat(64), "signature_mismatch");
    long.path = Some(format!("/{}", "%3Cx%3E".repeat(36)));
    long.client = "c".repeat(64);
    long.request_id = "i".repeat(128);
    long.detail = Some("d".repeat(600));
    let mut evil = refusal(1, MARKUP, "no_route");
    evil.path = Some(MARKUP.to_owned());
    evil.client = MARKUP.to_owned();
    evil.request_id = MARKUP.to_owned();
    evil.method = Some(MARKUP.to_owned());
    evil.detail = Some(MARKUP.to_owned());
    evil.finding = Some("query_order");
    evil.fix = Some(MARKUP.to_owned());
    snapshot.recent_refusals = vec![evil, long];
    snapshot
}
