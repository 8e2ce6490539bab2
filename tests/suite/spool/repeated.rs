//! A request that is stored counts as taken: the same request again is refused as one that is repeated.

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that, assert_stored, deliveries, delivery,
    is_delivery, next_delivery, routes, stored, wait_for_deliveries, wait_for_none,
};
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{Kind, SECRET};

over_each_protocol!(what_is_stored_is_taken);

fn claims(proxy: &Proxy, result: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_replay_claims_total{{result=\"{result}\"}}"
    ))
}

fn what_is_stored_is_taken() {
    for mode in [ON_FAILURE, ALWAYS] {
        let app = app_that(|seen| {
            let is_taken = is_delivery(seen) && delivery(seen).attempt == 2;
            Says::status(if is_taken { 200 } else { 503 })
        });
        let directory = Directory::new();
        let proxy = directory.start(app.url(), mode);
        let request = Kind::Twenty.request(b"{}");
        assert_stored(&proxy.send(&request));
        let again = proxy.send(&request);
        assert_eq!((again.status, &*again.body), (409, &b""[..]), "{mode}");
        while delivery(&next_delivery(&app)).attempt != 2 {}
        wait_for_none(&proxy, "twenty");
        assert_eq!(proxy.send(&request).status, 409, "{mode}");
        app.assert_nothing_more();
        assert_eq!(claims(&proxy, "released"), 0.0, "{mode}");
        assert_eq!(stored(&proxy, "twenty"), 1.0, "{mode}");
    }
}

#[test]
fn a_dead_letter_was_taken_too() {
    let app = Fickle::answering(404);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    let request = Kind::V3.request(b"{}");
    assert_stored(&proxy.send(&request));
    wait_for_deliveries(&proxy, "hubspot", "dead", 1.0);
    assert_eq!(proxy.send(&request).status, 409);
    assert_eq!(deliveries(&proxy, "hubspot", "dead"), 1.0);
}

#[test]
fn a_sender_that_asks_for_it_is_told_that_all_is_well() {
    let app = Fickle::answering(503);
    let directory = Directory::new();
    let verify = format!(
        "scheme = \"twenty\"\non_replay = \"acknowledge\"\n{}",
        secrets(&[("s", SECRET)])
    );
    let config = route("twenty", "/twenty", app.url(), ON_FAILURE, &verify) + &directory.table();
    let proxy = Proxy::start("", &config);
    let request = Kind::Twenty.request(b"{}");
    assert_stored(&proxy.send(&request));
    let again = proxy.send(&request);
    assert_eq!((again.status, &*again.body), (200, &b""[..]));
    assert_eq!(stored(&proxy, "twenty"), 1.0);
}

#[test]
fn what_cannot_be_stored_may_come_again() {
    for mode in [ON_FAILURE, ALWAYS] {
        let app = Fickle::answering(503);
        let directory = Directory::new();
        let full = format!("{}max_bytes = \"1B\"\n", directory.table());
        let proxy = Proxy::start("", &(routes(app.url(), mode) + &full));
        let request = Kind::Twenty.request(b"{}");
        for _ in 0..2 {
            assert_eq!(proxy.send(&request).status, 503, "{mode}");
        }
        assert_eq!(claims(&proxy, "released"), 2.0, "{mode}");
        // The app may take it by then.
        app.answers(200);
        proxy.write_config("", &(routes(app.url(), ON_FAILURE) + &full));
        assert!(proxy.reload());
        assert_eq!(proxy.send(&request).status, 200, "{mode}");
        assert_eq!(proxy.send(&request).status, 409, "{mode}");
    }
}
