//! Requests are remembered until their timestamp could no longer be accepted, and no longer.

use super::{claims, start};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(it_is_forgotten_with_its_timestamp);

const SHORT: &str = "max_age = \"1s\"";

fn wait_for_no_entry(proxy: &Proxy) {
    eventually("the entry to be gone", || {
        (proxy.metric("hookward_replay_entries") == 0.0).then_some(())
    });
}

fn it_is_forgotten_with_its_timestamp() {
    let app = App::start();
    let proxy = start(&app, "", SHORT);
    // On a slow machine, it may be old when it arrives.
    let request = eventually("a request in time", || {
        let request = Kind::V3.request(b"{}");
        let status = proxy.send(&request).status;
        assert!([200, 401].contains(&status), "{status}");
        (status == 200).then_some(request)
    });
    app.next();
    assert_eq!(claims(&proxy, "new"), 1.0);
    wait_for_no_entry(&proxy);
    let (answer, verdict) = proxy.judge(&request);
    assert_eq!((answer.status, &*verdict[3]), (401, "timestamp_expired"));
    assert_eq!(claims(&proxy, "evicted"), 0.0);
    app.assert_nothing_more();
}

/// A connection whose sender was told to go on with the body; `None` where the timestamp was too old by then.
fn told_to_go_on(proxy: &Proxy, request: &Request) -> Option<Client> {
    let mut client = Client::connect(proxy.address);
    client.send(&request.head_bytes());
    let status = client.try_answer("POST").unwrap().status;
    assert!([100, 401].contains(&status), "{status}");
    (status == 100).then_some(client)
}

#[test]
fn a_body_that_comes_after_its_timestamp_has_expired_is_too_late() {
    let app = App::start();
    let proxy = start(&app, "", SHORT);
    let (request, mut late) = eventually("two in time", || {
        let request = Kind::Twenty.request(b"{}").header("Expect", "100-continue");
        let mut first = told_to_go_on(&proxy, &request)?;
        let late = told_to_go_on(&proxy, &request)?;
        first.send(&request.body);
        (first.answer("POST").status == 200).then_some((request, late))
    });
    app.next();
    wait_for_no_entry(&proxy);
    late.send(&request.body);
    assert_eq!(late.answer("POST").status, 401);
    let line = proxy.logged("refused", |line| line["reason"] == "timestamp_expired");
    assert!(line["age_ms"].as_i64().unwrap() > 1_000);
    app.assert_nothing_more();
}
