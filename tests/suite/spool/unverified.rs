//! Only what was verified is stored.

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, assert_stored, free_address, is_delivery, list, stored,
    wait_for_none,
};
use crate::support::client::Request;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(
    what_does_not_verify_is_refused_as_without_a_spool,
    what_is_let_through_is_answered_as_without_a_spool,
);

/// Requests that nobody signed, or not so.
fn unverified() -> Vec<Request> {
    let forged = Kind::V3.request(b"{}");
    vec![
        Request::new("POST", "/twenty", "{}"),
        Request::new("POST", "/key-header", "{}").header("X-Api-Key", "a wrong one"),
        Kind::Twenty
            .request(b"{}")
            .with("X-Twenty-Webhook-Signature", "00".repeat(32)),
        Request {
            body: b"[]".to_vec(),
            ..forged
        },
    ]
}

fn assert_nothing_is_stored(proxy: &Proxy) {
    assert!(list(proxy).is_empty());
    for route in ["hubspot", "twenty", "key-header", "key-query"] {
        assert_eq!(stored(proxy, route), 0.0, "{route}");
    }
}

fn what_does_not_verify_is_refused_as_without_a_spool() {
    for mode in [ON_FAILURE, ALWAYS] {
        let app = Fickle::answering(503);
        let directory = Directory::new();
        let proxy = directory.start(app.url(), mode);
        for request in unverified() {
            assert_eq!(proxy.send(&request).status, 401, "{mode}");
        }
        assert_nothing_is_stored(&proxy);
        app.assert_nothing_more();
    }
}

fn what_is_let_through_is_answered_as_without_a_spool() {
    for mode in [ON_FAILURE, ALWAYS] {
        let app = Fickle::answering(503);
        let directory = Directory::new();
        let proxy = directory.start(app.url(), &format!("{mode}\nenforce = false"));
        for status in [500, 503, 429, 200, 404] {
            app.answers(status);
            for request in unverified() {
                assert_eq!(proxy.send(&request).status, status, "{mode}");
                let seen = app.next();
                assert!(seen.one("X-Hookward-Rejection").is_some() && !is_delivery(&seen));
            }
        }
        assert_nothing_is_stored(&proxy);
        // What is verified is stored on such a route too.
        app.answers(503);
        assert_stored(&proxy.send(&Kind::V3.request(b"{}")));
        app.answers(200);
        wait_for_none(&proxy, "hubspot");
    }
}

#[test]
fn what_is_let_through_to_an_app_that_fails_us_gets_our_answer() {
    let silent = Fickle::saying(super::Says::Nothing);
    let breaking = Fickle::saying(super::Says::Breaks(String::new()));
    for (url, status) in [
        (format!("http://{}", free_address()), 502),
        (breaking.url(), 502),
        (silent.url(), 504),
    ] {
        let keys = format!(
            "{ON_FAILURE}\nenforce = false\nupstream_timeout = \"300ms\"\nupstream_connect_timeout = \"100ms\""
        );
        let directory = Directory::new();
        let proxy = directory.start(&url, &keys);
        for request in unverified() {
            assert_eq!(proxy.send(&request).status, status);
        }
        assert_nothing_is_stored(&proxy);
    }
}
