//! When events are tried: after pauses that grow, that the app may lengthen, and that end when it answers again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that, assert_stored, delivery, is_delivery,
    next_delivery, wait_for_deliveries, wait_for_none,
};
use crate::support::sign::Kind;

#[test]
fn one_event_is_one_event_at_every_attempt_and_pauses_grow() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let app = app_that(move |seen| {
        noted.lock().unwrap().push(Instant::now());
        let is_taken = is_delivery(seen) && delivery(seen).attempt == 3;
        Says::status(if is_taken { 204 } else { 503 })
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    assert!(!is_delivery(&app.next()));
    let seen = [(); 3].map(|()| delivery(&app.next()));
    wait_for_none(&proxy, "twenty");
    app.assert_nothing_more();
    for (delivery, attempt) in seen.iter().zip(1..) {
        let expected = super::Delivery {
            attempt,
            ..seen[0].clone()
        };
        assert_eq!(*delivery, expected);
    }
    let times = times.lock().unwrap();
    for (pair, pause) in times.windows(2).zip([1, 1, 2]) {
        let passed = pair[1] - pair[0];
        // The clock that it goes by may be set a little meanwhile.
        assert!(
            passed > Duration::from_secs(pause).mul_f64(0.95),
            "{times:?}"
        );
    }
}

#[test]
fn the_app_is_left_alone_for_as_long_as_it_asks_a_sender() {
    for status in [429, 503] {
        let app = app_that(move |seen| match (is_delivery(seen), &*seen.body) {
            (true, _) => Says::status(200),
            (false, b"asks") => Says::with(status, "Retry-After: 3\r\n"),
            (false, _) => Says::status(500),
        });
        let directory = Directory::new();
        let proxy = directory.start(app.url(), ON_FAILURE);
        let began = Instant::now();
        // What comes after it is held as long.
        for body in ["asks", "other"] {
            assert_stored(&proxy.send(&Kind::V3.request(body.as_bytes())));
        }
        for _ in 0..2 {
            assert_eq!(delivery(&next_delivery(&app)).attempt, 1);
            let passed = began.elapsed();
            assert!(passed >= Duration::from_secs(3), "{passed:?}");
        }
    }
}

#[test]
fn the_app_is_left_alone_for_as_long_as_it_asks_of_a_delivery() {
    let app = app_that(|seen| match delivery(seen).attempt {
        1 => Says::with(429, "Retry-After: 3\r\n"),
        _ => Says::status(200),
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    let began = Instant::now();
    assert_stored(&proxy.send(&Kind::V3.request(b"first")));
    app.next();
    wait_for_deliveries(&proxy, "hubspot", "failed", 1.0);
    // Others of its route wait as long.
    assert_stored(&proxy.send(&Kind::V3.request(b"other")));
    for _ in 0..2 {
        next_delivery(&app);
        assert!(
            began.elapsed() >= Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
    }
    wait_for_none(&proxy, "hubspot");
}

/// What waits for an hour, and is released sooner, for tests that are given half a minute.
const HOUR: &str = "Retry-After: 3600\r\n";

#[test]
fn a_request_that_the_app_takes_releases_what_it_failed_to_take_directly() {
    let app = Fickle::saying(Says::with(503, HOUR));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    for body in [b"1", b"2", b"3"] {
        assert_stored(&proxy.send(&Kind::Twenty.request(body)));
    }
    app.answers(200);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"taken")).status, 200);
    wait_for_none(&proxy, "twenty");
    for _ in 0..3 {
        assert_eq!(delivery(&next_delivery(&app)).attempt, 1);
    }
}

#[test]
fn a_request_that_the_app_takes_releases_what_was_tried_in_vain() {
    let app = app_that(|seen| match (&*seen.body, is_delivery(seen)) {
        (b"taken", _) => Says::status(200),
        (_, true) if delivery(seen).attempt == 2 => Says::status(200),
        (_, true) => Says::with(503, HOUR),
        (_, false) => Says::status(500),
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    wait_for_deliveries(&proxy, "twenty", "failed", 1.0);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"taken")).status, 200);
    wait_for_none(&proxy, "twenty");
}

#[test]
fn a_request_that_the_app_takes_releases_what_waited_before_a_restart() {
    let app = Fickle::saying(Says::with(503, HOUR));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    app.answers(200);
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"taken")).status, 200);
    wait_for_none(&proxy, "twenty");
    assert_eq!(&*next_delivery(&app).body, b"{}");
}
