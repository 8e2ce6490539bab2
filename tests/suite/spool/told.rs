//! The metrics and the log tell of what is stored, and show nothing of it.

use std::time::Duration;

use serde_json::Value;

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that, assert_stored, delivery, events,
    is_delivery, list, only, stored, wait_for_deliveries, wait_for_none,
};
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

#[test]
fn series_of_a_route_that_stores_are_there_from_the_start() {
    let directory = Directory::new();
    let config = directory.routes("http://127.0.0.1:1", ON_FAILURE);
    let config = config.replacen(ON_FAILURE, "spool = \"off\"", 1);
    let proxy = Proxy::start("", &config);
    let metrics = proxy.metrics();
    for line in [
        "hookward_spool_events{route=\"twenty\",state=\"waiting\"} 0",
        "hookward_spool_events{route=\"twenty\",state=\"dead\"} 0",
        "hookward_spool_oldest_seconds{route=\"twenty\"} 0",
        "hookward_spool_stored_total{route=\"twenty\"} 0",
        "hookward_spool_deliveries_total{result=\"delivered\",route=\"twenty\"} 0",
        "hookward_spool_deliveries_total{result=\"failed\",route=\"twenty\"} 0",
        "hookward_spool_deliveries_total{result=\"dead\",route=\"twenty\"} 0",
        "hookward_spool_bytes 0",
        "hookward_responses_total{origin=\"hookward\",route=\"twenty\",status=\"202\"} 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} in {metrics}"
        );
    }
    // The route for HubSpot is the first, and stores nothing.
    let mut of_others = metrics.lines();
    let other = of_others.find(|line| line.contains("spool") && line.contains("\"hubspot\""));
    assert_eq!(other, None);
    assert!(!metrics.contains("origin=\"hookward\",route=\"hubspot\",status=\"202\""));
}

#[test]
fn without_a_spool_there_are_no_series_of_it() {
    let proxy = Proxy::start("", &sign::routes("http://127.0.0.1:1", ""));
    let metrics = proxy.metrics();
    let mut lines = metrics.lines();
    assert_eq!(lines.find(|line| line.starts_with("hookward_spool")), None);
}

#[test]
fn what_is_stored_is_counted() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    let began = std::time::Instant::now();
    for _ in 0..2 {
        assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    }
    assert_eq!(events(&proxy, "twenty", "waiting"), 2.0);
    assert_eq!(events(&proxy, "twenty", "dead"), 0.0);
    assert_eq!(events(&proxy, "hubspot", "waiting"), 0.0);
    let bytes: f64 = list(&proxy)
        .iter()
        .map(|event| event["bytes"].as_f64().unwrap())
        .sum();
    assert_eq!(proxy.metric("hookward_spool_bytes"), bytes);
    let oldest = || proxy.metric("hookward_spool_oldest_seconds{route=\"twenty\"}");
    // It grows with the time that passes.
    eventually("half a second", || {
        (began.elapsed() > Duration::from_millis(500)).then_some(())
    });
    let age = oldest();
    assert!(
        (0.4..=began.elapsed().as_secs_f64() + 0.1).contains(&age),
        "{age}"
    );
    let response = |origin: &str, status: u16| {
        proxy.metric(&format!(
            "hookward_responses_total{{origin=\"{origin}\",route=\"twenty\",status=\"{status}\"}}"
        ))
    };
    eventually("the answers to be counted", || {
        (response("hookward", 202) == 2.0).then_some(())
    });
    assert_eq!(response("app", 503), 0.0);
    app.answers(200);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    wait_for_none(&proxy, "twenty");
    assert_eq!(stored(&proxy, "twenty"), 2.0);
    assert_eq!(super::deliveries(&proxy, "twenty", "delivered"), 2.0);
    assert_eq!(oldest(), 0.0);
    assert_eq!(proxy.metric("hookward_spool_bytes"), 0.0);
    // Deliveries are no answers to senders.
    eventually("the answer to be counted", || {
        (response("app", 200) == 1.0).then_some(())
    });
    assert_eq!(response("hookward", 202), 2.0);
}

/// The fields of a line must be these, besides those of every line.
fn assert_fields(line: &Value, expected: &[(&str, Value)]) {
    for (field, value) in expected {
        assert_eq!(line[field], *value, "{field} of {line}");
    }
}

#[test]
fn each_step_is_logged_and_nothing_of_the_request() {
    let app = app_that(|seen| match is_delivery(seen) {
        false => Says::status(500),
        true => Says::status(match (delivery(seen).attempt, &*seen.method) {
            (1, _) => 503,
            (_, "PUT") => 410,
            _ => 200,
        }),
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    let request = |method: &str, id: &str| Request {
        target: "/hubspot?quiet=please".to_owned(),
        method: method.to_owned(),
        ..Kind::V1
            .request(b"a private body")
            .header("X-Request-Id", id)
    };
    assert_stored(&proxy.send(&request("POST", "mine")));
    let spooled = proxy.logged("spooled", |_| true);
    let id = only(&proxy)["id"].clone();
    assert_fields(
        &spooled,
        &[
            ("level", "info".into()),
            ("route", "hubspot".into()),
            ("request_id", "mine".into()),
            ("client", "127.0.0.1".into()),
            ("method", "POST".into()),
            ("path", "/hubspot".into()),
            ("delivery", id.clone()),
            ("app_status", 500.into()),
            ("body_bytes", 14.into()),
        ],
    );
    let failed = proxy.logged("delivery_failed", |_| true);
    assert_fields(
        &failed,
        &[
            ("level", "warn".into()),
            ("route", "hubspot".into()),
            ("delivery", id.clone()),
            ("attempt", 1.into()),
            ("error", "the app answered 503".into()),
        ],
    );
    assert!(failed["pause_ms"].as_u64() >= Some(1_000), "{failed}");
    let delivered = proxy.logged("delivered", |_| true);
    assert_fields(
        &delivered,
        &[
            ("level", "info".into()),
            ("route", "hubspot".into()),
            ("delivery", id),
            ("attempt", 2.into()),
        ],
    );
    assert!(delivered["age_ms"].as_u64() >= Some(1_000), "{delivered}");
    assert_stored(&proxy.send(&request("PUT", "other")));
    let dead = proxy.logged("dead_letter", |_| true);
    let id = only(&proxy)["id"].clone();
    assert_fields(
        &dead,
        &[
            ("level", "error".into()),
            ("route", "hubspot".into()),
            ("delivery", id),
            ("attempts", 2.into()),
            ("error", "the app answered 410".into()),
        ],
    );
    // Of everything, at the most talkative level.
    let log = proxy.log().concat();
    let signature = request("POST", "x").headers[1].1.clone();
    let signature = String::from_utf8(signature).unwrap();
    for private in [
        "quiet",
        "please",
        "a private body",
        &signature,
        sign::SECRET,
    ] {
        assert!(!log.contains(private), "{private} in {log}");
    }
}

#[test]
fn what_the_app_did_not_answer_is_said_in_our_own_words() {
    let app = format!("http://{}", super::free_address());
    let directory = Directory::new();
    let keys = format!("{ON_FAILURE}\nupstream_connect_timeout = \"50ms\"");
    let proxy = directory.start(app, &keys);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let spooled = proxy.logged("spooled", |_| true);
    assert_fields(
        &spooled,
        &[
            ("error", "app_unreachable".into()),
            ("app_status", Value::Null),
        ],
    );
    let failed = proxy.logged("delivery_failed", |_| true);
    let error = failed["error"].as_str().unwrap();
    assert!(error.starts_with("app_unreachable: "), "{error}");
    assert!(error.contains("connection refused"), "{error}");
    eventually("the same to be listed", || {
        let event = only(&proxy);
        event["last_error"]
            .as_str()
            .is_some_and(|error| error.starts_with("app_unreachable: "))
            .then_some(())
    });
}

#[test]
fn a_flood_of_events_is_cut_in_the_log_and_counted() {
    const EVENTS: u32 = 200;
    let app = app_that(|_| Says::status(200));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    let mut client = crate::support::client::Client::connect(proxy.address);
    for _ in 0..EVENTS {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_stored(&client.answer("POST"));
    }
    wait_for_deliveries(&proxy, "twenty", "delivered", f64::from(EVENTS));
    for event in ["spooled", "delivered"] {
        eventually("all to be logged or counted", || {
            let (mut logged, mut omitted) = (0, 0);
            for line in proxy.log() {
                let line: Value = serde_json::from_str(&line).unwrap();
                if line["event"] == event {
                    logged += 1;
                } else if line["event"] == format!("{event}_omitted") {
                    omitted += line["count"].as_u64().unwrap();
                }
            }
            (logged + omitted == u64::from(EVENTS) && omitted > 0).then_some(())
        });
    }
}
