//! What the app did not take may come again, as soon as its sender has the answer.

use std::net::TcpListener;

use super::{
    OK, Step, app_that, app_that_waits, assert_replayed, claims, routes, start, wait_for_answers,
};
use crate::support::app::App;
use crate::support::eventually;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(
    a_status_that_says_no_lets_the_same_request_through_again,
    a_connection_that_the_app_cuts_lets_the_same_request_through_again,
    an_app_that_is_silent_lets_the_same_request_through_again,
    an_app_that_is_not_there_lets_the_same_request_through_again,
);

const REFUSALS: [(u16, Step); 9] = [
    (
        500,
        Step::Says("HTTP/1.1 500 A\r\nContent-Length: 3\r\n\r\nsad"),
    ),
    (
        429,
        Step::Says("HTTP/1.1 429 B\r\nContent-Length: 0\r\n\r\n"),
    ),
    (
        404,
        Step::Says("HTTP/1.1 404 C\r\nContent-Length: 0\r\n\r\n"),
    ),
    (
        503,
        Step::Says("HTTP/1.1 503 D\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
    ),
    (
        400,
        Step::Says("HTTP/1.1 400 E\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ),
    (
        401,
        Step::Says("HTTP/1.1 401 F\r\nContent-Length: 0\r\n\r\n"),
    ),
    (
        409,
        Step::Says("HTTP/1.1 409 G\r\nContent-Length: 2\r\n\r\nit"),
    ),
    (410, Step::Breaks("HTTP/1.1 410 H\r\n\r\nto the end")),
    (
        599,
        Step::Says("HTTP/1.1 599 I\r\nContent-Length: 0\r\n\r\n"),
    ),
];

fn a_status_that_says_no_lets_the_same_request_through_again() {
    const TIMES: usize = 5;
    let refusals = REFUSALS.iter().map(|(_, step)| *step);
    let steps: Vec<Step> = refusals.chain([OK]).collect();
    let app = app_that(steps.repeat(TIMES));
    let proxy = start(&app, "", "");
    for kind in [Kind::V3, Kind::Twenty].into_iter().cycle().take(TIMES) {
        let request = kind.request(b"{}");
        let mut sender = proxy.connect();
        for status in REFUSALS.map(|(status, _)| status).into_iter().chain([200]) {
            assert_eq!(sender.exchange(&request).status, status);
            assert_eq!(app.next().one("x-hookward-verified"), Some(kind.label()));
            if status == 410 {
                sender = proxy.connect();
            }
        }
        assert_replayed(&sender.exchange(&request), "taken in the end");
    }
    app.assert_nothing_more();
    let (times, refusals) = (5.0, 9.0);
    assert_eq!(claims(&proxy, "new"), times * (refusals + 1.0));
    assert_eq!(claims(&proxy, "released"), times * refusals);
    assert_eq!(claims(&proxy, "replayed"), times);
}

fn a_connection_that_the_app_cuts_lets_the_same_request_through_again() {
    let cuts = [
        Step::Breaks(""),
        Step::Breaks("HTTP/1.1 200 OK\r\nContent-"),
        Step::Breaks("\0\0garbage\r\n\r\n"),
        Step::Breaks("HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    let app = app_that(cuts);
    let proxy = start(&app, "", "");
    let request = Kind::Twenty.request(b"{}");
    let mut sender = proxy.connect();
    for status in [502, 502, 502, 502, 200] {
        assert_eq!(sender.exchange(&request).status, status);
        app.next();
    }
    assert_replayed(&sender.exchange(&request), "taken in the end");
    assert_eq!(claims(&proxy, "released"), 4.0);
    app.assert_nothing_more();
}

fn an_app_that_is_silent_lets_the_same_request_through_again() {
    let app = app_that([Step::Silent; 2]);
    let proxy = start(&app, "upstream_timeout = \"500ms\"", "");
    let request = Kind::Twenty.request(b"{}");
    let mut sender = proxy.connect();
    for _ in 0..2 {
        assert_eq!(sender.exchange(&request).status, 504);
    }
    // The app may be slow, but it is never a replay.
    eventually("the app to answer in time", || {
        let status = sender.exchange(&request).status;
        assert!([200, 504].contains(&status), "{status}");
        (status == 200).then_some(())
    });
    assert_replayed(&sender.exchange(&request), "taken in the end");
}

fn an_app_that_is_not_there_lets_the_same_request_through_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let keys = "upstream_connect_timeout = \"100ms\"";
    let proxy = Proxy::start("", &routes(format_args!("http://{address}"), keys, ""));
    let request = Kind::Twenty.request(b"{}");
    let mut sender = proxy.connect();
    for _ in 0..2 {
        assert_eq!(sender.exchange(&request).status, 502);
    }
    let app = App::start_at(address);
    eventually("the app to be connected in time", || {
        let status = sender.exchange(&request).status;
        assert!([200, 502].contains(&status), "{status}");
        (status == 200).then_some(())
    });
    app.next();
    assert_replayed(&sender.exchange(&request), "taken in the end");
    app.assert_nothing_more();
}

#[test]
fn whoever_waited_for_the_first_may_send_it_once_that_has_failed() {
    let (app, answer) = app_that_waits();
    let proxy = start(&app, "", "");
    let request = Kind::V3.request(b"{}");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| proxy.send(&request).status);
        app.next();
        assert_replayed(&proxy.send(&request), "on its way");
        answer.send(REFUSALS[0].1).unwrap();
        assert_eq!(first.join().unwrap(), 500);
    });
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    wait_for_answers(&proxy, "hubspot", 200, 1);
    assert_replayed(&proxy.send(&request), "taken in the end");
    app.assert_nothing_more();
}

#[test]
fn what_was_never_forwarded_is_never_claimed() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let good = Kind::Twenty.request(b"{}");
    // The signature of the good one, under a request that does not verify.
    let mut forged = good.clone();
    forged.body = b"[]".to_vec();
    assert_eq!(proxy.send(&forged).status, 401);
    assert_eq!(
        proxy
            .send(&good.clone().with("X-Twenty-Webhook-Timestamp", "1"))
            .status,
        401
    );
    assert_eq!(claims(&proxy, "new"), 0.0);
    assert_eq!(proxy.send(&good).status, 200);
    app.next();
    app.assert_nothing_more();
}
