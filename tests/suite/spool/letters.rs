//! Dead letters: what the app refused, or did not take in time, is kept until somebody decides.

use serde_json::Value;

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that, assert_stored, deliveries, delivery,
    events, is_delivery, list, next_delivery, only, spool_prints, wait_for_deliveries,
    wait_for_none,
};
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

/// The only event, once it is dead after so many dead letters.
fn dead(proxy: &Proxy, route: &str, count: f64) -> Value {
    wait_for_deliveries(proxy, route, "dead", count);
    crate::support::eventually("the dead letter", || {
        (events(proxy, route, "dead") == 1.0).then_some(())
    });
    let event = only(proxy);
    assert_eq!(event["state"], "dead", "{event}");
    assert_eq!(event["next_at"], Value::Null, "{event}");
    event
}

#[test]
fn what_the_app_refuses_is_not_tried_again() {
    const REFUSALS: [u16; 6] = [301, 304, 400, 404, 410, 422];
    let app = app_that(|seen| Says::status(String::from_utf8_lossy(&seen.body).parse().unwrap()));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    for status in REFUSALS {
        assert_stored(&proxy.send(&Kind::Twenty.request(status.to_string().as_bytes())));
    }
    wait_for_deliveries(&proxy, "twenty", "dead", 6.0);
    // What came after it was delivered: a dead letter holds up nobody.
    assert_stored(&proxy.send(&Kind::Twenty.request(b"200")));
    wait_for_deliveries(&proxy, "twenty", "delivered", 1.0);
    for event in list(&proxy) {
        assert_eq!(event["state"], "dead", "{event}");
        assert_eq!(event["attempts"], 1, "{event}");
        assert_eq!(event["next_at"], Value::Null, "{event}");
    }
    let mut errors: Vec<String> = list(&proxy)
        .iter()
        .map(|event| event["last_error"].as_str().unwrap().to_owned())
        .collect();
    errors.sort_unstable();
    assert_eq!(
        errors,
        REFUSALS.map(|status| format!("the app answered {status}"))
    );
    for _ in 0..=REFUSALS.len() {
        app.next();
    }
    app.assert_nothing_more();
}

#[test]
fn an_app_that_fails_first_and_then_refuses_has_refused() {
    let app = app_that(|seen| Says::status(if is_delivery(seen) { 404 } else { 500 }));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let event = dead(&proxy, "twenty", 1.0);
    assert_eq!(event["last_error"], "the app answered 404");
}

#[test]
fn one_that_is_too_old_is_dead_and_tried_once_more_when_told() {
    let app = Fickle::answering(500);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &format!("{ALWAYS}\nspool_max_age = \"1s\""));
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let event = dead(&proxy, "twenty", 1.0);
    assert_eq!(event["last_error"], "the app answered 500");
    let attempts = event["attempts"].as_u64().unwrap();
    assert!(attempts > 0, "{event}");
    let id = event["id"].as_str().unwrap();
    // It is as old as before, and the app as ill.
    spool_prints(&proxy, &["retry", id]);
    let event = dead(&proxy, "twenty", 2.0);
    assert_eq!(event["attempts"], attempts + 1);
    app.answers(200);
    spool_prints(&proxy, &["retry", id]);
    wait_for_none(&proxy, "twenty");
    let seen = (0..attempts + 2).map(|_| delivery(&app.next()));
    let seen: Vec<_> = seen
        .map(|seen| (u64::from(seen.attempt), seen.id))
        .collect();
    let expected: Vec<_> = (1..=attempts + 2)
        .map(|attempt| (attempt, id.to_owned()))
        .collect();
    assert_eq!(seen, expected);
    app.assert_nothing_more();
}

#[test]
fn one_that_was_never_tried_can_be_too_old() {
    let app = Fickle::answering(500);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &format!("{ON_FAILURE}\nspool_max_age = \"1s\""));
    // A pause of its own is longer than that.
    app.says(Says::with(503, "Retry-After: 2\r\n"));
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let event = dead(&proxy, "twenty", 1.0);
    assert_eq!(event["attempts"], 0);
    let error = event["last_error"].as_str().unwrap();
    assert!(error.contains("spool_max_age"), "{error}");
    app.next();
    app.assert_nothing_more();
}

#[test]
fn all_dead_letters_are_tried_once_more_when_told() {
    let app = Fickle::answering(404);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    for kind in [Kind::Twenty, Kind::V3, Kind::V3] {
        assert_stored(&proxy.send(&kind.request(b"{}")));
    }
    wait_for_deliveries(&proxy, "twenty", "dead", 1.0);
    wait_for_deliveries(&proxy, "hubspot", "dead", 2.0);
    crate::support::eventually("three dead letters", || {
        (events(&proxy, "hubspot", "dead") + events(&proxy, "twenty", "dead") == 3.0).then_some(())
    });
    app.answers(200);
    let out = spool_prints(&proxy, &["retry", "--dead"]);
    assert!(out.starts_with("3 "), "{out}");
    wait_for_none(&proxy, "twenty");
    wait_for_none(&proxy, "hubspot");
    assert_eq!(deliveries(&proxy, "hubspot", "delivered"), 2.0);
    for attempt in [1, 1, 1, 2, 2, 2] {
        assert_eq!(delivery(&app.next()).attempt, attempt);
    }
    let out = spool_prints(&proxy, &["retry", "--dead"]);
    assert!(out.starts_with("0 "), "{out}");
}

#[test]
fn one_that_waits_is_tried_at_once_when_told_and_never_when_dropped() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let directory = Directory::new();
    // The pause that the app asks for is that of its route, so each event has one of its own.
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"dropped")));
    assert_stored(&proxy.send(&Kind::V3.request(b"waits")));
    let all = list(&proxy);
    let of = |route: &str| all.iter().find(|event| event["route"] == route).unwrap();
    let (dropped, waits) = (&of("twenty")["id"], &of("hubspot")["id"]);
    spool_prints(&proxy, &["drop", dropped.as_str().unwrap()]);
    assert_eq!(only(&proxy)["id"], *waits);
    wait_for_none(&proxy, "twenty");
    // The route's pause is over after a restart, and that of the event is not.
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    app.answers(200);
    let proxy = directory.start(app.url(), ON_FAILURE);
    spool_prints(&proxy, &["retry", waits.as_str().unwrap()]);
    let seen = next_delivery(&app);
    assert_eq!(delivery(&seen).id, waits.as_str().unwrap());
    assert_eq!(&*seen.body, b"waits");
    wait_for_none(&proxy, "hubspot");
    app.assert_nothing_more();
}
