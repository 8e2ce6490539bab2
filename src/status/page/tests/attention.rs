//! Each rule: what makes it speak, and what does not yet.

use super::super::attention::{Level, concerns};
use super::fixtures::*;
use crate::status::snapshot::*;

/// What is said of a process with one route, that is well but for what is done to it.
fn said(change: impl FnOnce(&mut Snapshot)) -> Vec<String> {
    let mut snapshot = process(vec![route("crm", "/crm", "hubspot", 100)]);
    change(&mut snapshot);
    let said = concerns(&snapshot).into_iter().map(|concern| {
        let level = match concern.level {
            Level::Trouble => "act",
            Level::Notice => "notice",
        };
        format!("{level}: {}", concern.what)
    });
    said.collect()
}

/// What came in a minute of the last quarter of an hour, and nothing else in it.
fn only(route: &mut Route, minute: Minute) {
    for minute in &mut route.last_hour[45..] {
        *minute = Minute::default();
    }
    route.last_hour[55] = minute;
}

#[test]
fn a_process_that_is_well_says_nothing() {
    for snapshot in [well(), fresh(), process(Vec::new())] {
        assert_eq!(concerns(&snapshot).len(), 0, "{:?}", concerns(&snapshot));
    }
}

#[test]
fn not_ready_and_a_refused_reload_come_first() {
    let said = said(|snapshot| {
        snapshot.ready = false;
        snapshot.not_ready = vec!["stopping".to_owned()];
        snapshot.config.last_error = Some("line 3".to_owned());
        snapshot.routes[0].enforce = false;
    });
    assert_eq!(
        said,
        [
            "act: It should get no requests: stopping",
            "act: A changed configuration was refused: line 3",
            "notice: crm lets through what does not verify",
        ]
    );
}

#[test]
fn more_refused_than_verified_is_told_with_the_commonest_reason() {
    let of = |verified, rejected| {
        said(|snapshot| {
            let minute = Minute {
                verified,
                rejected,
                ..Minute::default()
            };
            only(&mut snapshot.routes[0], minute);
            let rejected = &mut snapshot.routes[0].rejected;
            rejected.extend([("timestamp_expired", 900), ("signature_mismatch", 30)]);
            snapshot.recent_refusals = vec![refusal(9, "crm", "signature_mismatch")];
        })
    };
    assert_eq!(
        of(10, 11),
        [
            "act: crm refuses more than it takes: 11 refused and 10 verified in the last 15 minutes, mostly \
          signature_mismatch"
        ]
    );
    assert!(of(11, 11).is_empty());
    assert!(of(0, 9).is_empty(), "somebody tries something");
    assert!(
        said(|snapshot| snapshot.routes[0].last_hour[40].rejected = 9_999).is_empty(),
        "it is over"
    );
}

#[test]
fn requests_without_a_route_matter_most_where_nothing_else_comes() {
    let of = |change: fn(&mut Snapshot)| {
        said(|snapshot| {
            let quiet = |route: &mut Route| only(route, Minute::default());
            snapshot.routes.iter_mut().for_each(quiet);
            let made_up = unrouted(20);
            snapshot.unrouted_last_hour = made_up.unrouted_last_hour;
            snapshot.recent_refusals = made_up.recent_refusals;
            change(snapshot);
        })
    };
    let what = "20 requests had no route in the last 15 minutes, mostly no_route: POST /hubspto";
    assert_eq!(of(|_| {}), [format!("act: {what}")]);
    let verified = of(|snapshot| snapshot.routes[0].last_hour[50].verified = 1);
    assert_eq!(verified, [format!("notice: {what}")], "somebody tries");
    let scanned = of(|snapshot| {
        let refusals = snapshot.recent_refusals.iter_mut();
        refusals.for_each(|refusal| refusal.method = Some("GET".to_owned()));
    });
    let what = what.replace("POST", "GET");
    assert_eq!(scanned, [format!("notice: {what}")], "on a quiet night");
    let over = of(|snapshot| snapshot.unrouted_last_hour.rotate_left(16));
    assert!(over.is_empty(), "{over:?}");
    let few = of(|snapshot| {
        snapshot.routes[0].last_hour[50].verified = 1;
        snapshot.unrouted_last_hour[59].rejected = 9;
    });
    assert!(few.is_empty(), "{few:?}");
    let levels = |refused| {
        let found = concerns(&unrouted(refused)).into_iter();
        found.map(|concern| concern.level).collect::<Vec<_>>()
    };
    assert_eq!(levels(0), []);
    assert_eq!(levels(2), [Level::Notice]);
    assert_eq!(levels(3), [Level::Trouble], "the first mistake");
}

#[test]
fn silence_is_measured_by_the_longest_before() {
    let of = |verified, silent, longest: u64| {
        said(|snapshot| {
            snapshot.started_at = before(silent + 1_000 * MINUTE);
            let route = &mut snapshot.routes[0];
            route.verified = verified;
            route.last_verified_at = Some(before(silent));
            route.longest_silence_seconds = Some(longest as f64);
        })
    };
    assert_eq!(
        of(100_000, 16 * MINUTE, 30),
        ["act: crm has had no verified request for 16 minutes"]
    );
    assert!(of(100_000, 15 * MINUTE, 30).is_empty());
    assert!(of(100_000, 12 * HOUR, 8 * HOUR).is_empty(), "a long night");
    assert_eq!(of(100_000, 13 * HOUR, 8 * HOUR).len(), 1);
    assert!(
        of(19, 90 * DAY, 30).is_empty(),
        "nobody knows what is usual"
    );
    assert_eq!(of(20, 16 * MINUTE, 0).len(), 1);
}

#[test]
fn an_app_that_fails_is_told_of() {
    let of = |app_ok, app_failed| {
        said(|snapshot| {
            // Deliveries, and what was let through, are no verified requests.
            let minute = Minute {
                verified: 1,
                app_ok,
                app_failed,
                ..Minute::default()
            };
            only(&mut snapshot.routes[0], minute);
        })
    };
    assert_eq!(
        of(27, 3),
        ["act: The app of crm fails: 3 of 30 requests in the last 15 minutes"]
    );
    assert!(of(28, 3).is_empty());
    assert!(of(1, 2).is_empty());
    assert!(of(0, 1).is_empty(), "a single one says nothing");
    assert_eq!(
        of(0, 2),
        ["act: The app of crm fails: 2 of 2 requests in the last 15 minutes"]
    );
}

#[test]
fn an_app_that_refuses_is_told_of() {
    let of = |app_ok, app_refused, app_failed| {
        said(|snapshot| {
            let minute = Minute {
                app_ok,
                app_failed,
                app_refused,
                ..Minute::default()
            };
            only(&mut snapshot.routes[0], minute);
        })
    };
    assert_eq!(
        of(5, 3, 0),
        ["act: The app of crm refuses: it answered 4xx to 3 of 5 requests in the last 15 minutes"]
    );
    assert!(of(6, 3, 0).is_empty());
    assert!(of(2, 2, 0).is_empty());
    assert!(of(5, 3, 1).is_empty());
}

#[test]
fn an_app_slower_than_the_sender_waits_is_told_of() {
    let of = |p95, waits, count| {
        said(|snapshot| {
            let app = &mut snapshot.routes[0].app;
            // What was before is over.
            app.seconds = Some(Quantiles {
                p50: 60.0,
                p95: 60.0,
            });
            app.lately = Some(Lately {
                count,
                ..lately((0.1, 0.025, 0.1), p95)
            });
            app.sender_waits_seconds = waits;
        })
    };
    let slow = (5.1, 5.0, 10.0);
    assert_eq!(
        of(slow, Some(5.0), 20),
        [
            "act: The app of crm is slower than the sender waits: 5 % of its answers take more than 5 s, the sender \
          gives up after 5 s"
        ]
    );
    assert!(of((5.0, 2.5, 5.0), Some(5.0), 20).is_empty());
    assert!(of(slow, None, 20).is_empty());
    assert!(of(slow, Some(5.0), 19).is_empty(), "too few to judge");
}

#[test]
fn clocks_that_are_apart_are_told_of() {
    let of = |half, count| {
        said(|snapshot| {
            let timestamps = snapshot.routes[0].timestamps.as_mut().unwrap();
            timestamps.lately = Some(Lately {
                count,
                ..lately(half, half)
            });
        })
    };
    assert_eq!(
        of((-2.5, -5.0, -1.0), 20),
        ["act: This machine's clock is behind the sender's of crm, by between 1 s and 5 s"]
    );
    assert_eq!(
        of((200.0, 150.0, 300.0), 20),
        ["act: Half of the requests of crm were signed between 2.5 min and 5 min before they came"]
    );
    assert!(of((-2.5, -5.0, -1.0), 19).is_empty(), "too few to judge");
    assert!(of((-0.5, -1.0, 0.0), 20).is_empty());
    assert!(of((149.0, 60.0, 150.0), 20).is_empty());
}

#[test]
fn what_is_over_is_not_told_of() {
    assert!(
        said(|snapshot| {
            let timestamps = snapshot.routes[0].timestamps.as_mut().unwrap();
            let ages = Quantiles {
                p50: -200.0,
                p95: -200.0,
            };
            timestamps.age_seconds = Some(ages);
            timestamps.lately = None;
        })
        .is_empty()
    );
}

#[test]
fn secrets_that_end_are_told_of_as_far_as_they_matter() {
    let of = |end, used, other: Option<Option<u64>>| {
        said(|snapshot| {
            let route = &mut snapshot.routes[0];
            route.secrets[0].not_after = Some(end);
            route.secrets[0].last_matched_at = Some(before(used));
            if let Some(used) = other {
                route.secrets.push(Secret {
                    id: "next".to_owned(),
                    matches: 0,
                    last_matched_at: used.map(before),
                    not_after: None,
                });
            }
        })
    };
    assert_eq!(
        of(before(5), 9, None),
        ["act: All secrets of crm have ended"]
    );
    assert_eq!(
        of(after(13 * DAY), 9, None),
        ["act: Secret 2026-11 of crm ends in 13 days"]
    );
    assert_eq!(
        of(after(13 * DAY), 9, Some(Some(3))),
        ["act: Secret 2026-11 of crm ends in 13 days"],
        "it is still in use"
    );
    assert!(of(after(13 * DAY), 2 * DAY, Some(Some(3))).is_empty());
    assert!(of(after(14 * DAY), 9, None).is_empty());
    assert_eq!(
        of(before(HOUR), HOUR + 9, Some(None)),
        ["act: Secret 2026-11 of crm ended 1 hour ago"],
        "and nothing took its place"
    );
    assert_eq!(
        of(before(HOUR), HOUR + 9, Some(Some(3))),
        ["notice: Secret 2026-11 of crm ended 1 hour ago"]
    );
}

#[test]
fn events_that_wait_and_dead_letters_are_told_of() {
    let of = |waiting, dead, oldest| {
        said(|snapshot| {
            snapshot.routes[0].spool = Some(RouteSpool {
                waiting,
                dead,
                oldest_at: oldest,
            });
        })
    };
    assert_eq!(
        of(3, 0, Some(before(11 * MINUTE))),
        ["act: 3 events of crm wait for the app, the oldest for 11 minutes"]
    );
    assert_eq!(of(0, 1, None), ["act: 1 dead letter of crm"]);
    assert!(of(9_999, 0, Some(before(10 * MINUTE))).is_empty());
}

#[test]
fn stores_and_limits_are_told_of() {
    let of = |change: fn(&mut Snapshot)| said(change);
    assert_eq!(
        of(|snapshot| snapshot.replay.ok = Some(false)),
        ["act: The replay store (memory) does not answer"]
    );
    assert_eq!(
        of(|snapshot| snapshot.replay.entries = Some(800_000)),
        ["act: The replay store is nearly full: 800,000 of 1,000,000 requests"]
    );
    assert_eq!(
        of(|snapshot| snapshot.spool.as_mut().unwrap().ok = Some(false)),
        ["act: The store of events (disk) does not do its part"]
    );
    assert_eq!(
        of(|snapshot| snapshot.spool.as_mut().unwrap().bytes = Some(900 << 20)),
        ["act: The store of events is nearly full: 900 MiB of 1 GiB"]
    );
    assert_eq!(
        of(|snapshot| snapshot.limits.connections = 8_000),
        ["act: 80 % of all connections are in use: 8,000 of 10,000"]
    );
    assert_eq!(
        of(|snapshot| snapshot.limits.buffered_bytes = 205 << 20),
        ["act: 80 % of the memory for bodies is in use: 205 MiB of 256 MiB"]
    );
    assert!(of(|snapshot| snapshot.limits.connections = 7_999).is_empty());
}
