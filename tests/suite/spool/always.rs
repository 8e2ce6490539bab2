//! `spool = "always"`: a request is stored and answered before its app is asked.

use std::collections::HashSet;

use super::{
    ALWAYS, Directory, app_that_ponders, assert_stored, deliveries, delivery, free_address,
    next_delivery, stored, wait_for_deliveries, wait_for_none,
};
use crate::support::app::App;
use crate::support::protocol::over_each_protocol;
use crate::support::sign::Kind;

over_each_protocol!(a_sender_does_not_wait_for_the_app);

fn a_sender_does_not_wait_for_the_app() {
    let (app, say) = app_that_ponders();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let seen = app.next();
    assert_eq!((delivery(&seen).attempt, &*seen.body), (1, &b"{}"[..]));
    // The app has it and says nothing, and others are answered all the same.
    assert_stored(&proxy.send(&Kind::V3.request(b"[]")));
    assert_stored(&proxy.send(&Kind::Twenty.request(b"[]")));
    assert_eq!(deliveries(&proxy, "twenty", "delivered"), 0.0);
    drop(say);
    wait_for_deliveries(&proxy, "twenty", "delivered", 2.0);
    wait_for_deliveries(&proxy, "hubspot", "delivered", 1.0);
    wait_for_none(&proxy, "twenty");
    for (series, count) in [
        (
            "hookward_responses_total{origin=\"hookward\",route=\"twenty\",status=\"202\"}",
            2.0,
        ),
        (
            "hookward_responses_total{origin=\"app\",route=\"twenty\",status=\"204\"}",
            0.0,
        ),
        ("hookward_upstream_seconds_count{route=\"twenty\"}", 0.0),
    ] {
        assert_eq!(proxy.metric(series), count, "{series}");
    }
}

#[test]
fn an_app_that_is_not_there_makes_no_difference_to_senders() {
    let address = free_address();
    let keys = format!("{ALWAYS}\nupstream_connect_timeout = \"100ms\"");
    let directory = Directory::new();
    let proxy = directory.start(format_args!("http://{address}"), &keys);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    wait_for_deliveries(&proxy, "twenty", "failed", 1.0);
    let app = App::start_at(address);
    assert!(delivery(&next_delivery(&app)).attempt > 1);
    wait_for_none(&proxy, "twenty");
}

#[test]
fn an_app_that_is_well_gets_each_once() {
    const EVENTS: u16 = 60;
    let app = App::start();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    std::thread::scope(|scope| {
        for of in 0..4 {
            let proxy = &proxy;
            scope.spawn(move || {
                for number in (of..EVENTS).step_by(4) {
                    let body = number.to_string();
                    assert_stored(&proxy.send(&Kind::V3.request(body.as_bytes())));
                }
            });
        }
    });
    wait_for_none(&proxy, "hubspot");
    let (mut bodies, mut ids) = (HashSet::new(), HashSet::new());
    for _ in 0..EVENTS {
        let seen = app.next();
        let delivery = delivery(&seen);
        assert_eq!(delivery.attempt, 1);
        assert!(ids.insert(delivery.id) && bodies.insert(seen.body));
    }
    app.assert_nothing_more();
    assert_eq!(stored(&proxy, "hubspot"), f64::from(EVENTS));
    assert_eq!(deliveries(&proxy, "hubspot", "failed"), 0.0);
}
