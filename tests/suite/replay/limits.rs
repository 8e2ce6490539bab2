//! A full memory forgets the request that expires first.

use super::{Step, app_that_waits, assert_replayed, claims, routes};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind, SECRET};

fn start(app: &App, capacity: u32) -> Proxy {
    let table = format!("[replay]\ncapacity = {capacity}\n");
    Proxy::start("", &(routes(app.url(), "", "") + &table))
}

/// A request that was signed so many milliseconds from now.
fn signed(offset: i64) -> Request {
    Request::new("POST", "/twenty", "{}").headers(&sign::twenty(SECRET, b"{}", &sign::now(offset)))
}

#[test]
fn room_for_one_remembers_the_last() {
    let app = App::start();
    let proxy = start(&app, 1);
    let [first, second] = [0, 0].map(signed);
    let send = |request| {
        let status = proxy.send(request).status;
        if status == 200 {
            app.next();
        }
        (status, claims(&proxy, "evicted"))
    };
    assert_eq!(send(&first), (200, 0.0));
    assert_eq!(send(&first), (409, 0.0));
    assert_eq!(send(&second), (200, 1.0));
    assert_eq!(send(&second), (409, 1.0));
    assert_eq!(send(&first), (200, 2.0), "it was forgotten");
    assert_eq!(proxy.metric("hookward_replay_entries"), 1.0);
    app.assert_nothing_more();
}

#[test]
fn what_expires_first_is_forgotten_first() {
    let app = App::start();
    let proxy = start(&app, 2);
    // Not in the order in which they come.
    let [last, first, second] = [60_000, -60_000, 0].map(signed);
    let send = |request| {
        let status = proxy.send(request).status;
        if status == 200 {
            app.next();
        }
        (status, claims(&proxy, "evicted"))
    };
    assert_eq!(send(&last), (200, 0.0));
    assert_eq!(send(&first), (200, 0.0));
    assert_eq!(send(&second), (200, 1.0), "the first goes");
    assert_eq!(send(&last), (409, 1.0));
    assert_eq!(send(&second), (409, 1.0));
    assert_eq!(proxy.metric("hookward_replay_entries"), 2.0);
    app.assert_nothing_more();
}

#[test]
fn the_end_of_a_forgotten_claim_ends_no_other() {
    let (app, answer) = app_that_waits();
    let proxy = start(&app, 1);
    let [forgotten, other] = [0, 0].map(signed);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| proxy.send(&forgotten).status);
        app.next();
        assert_eq!(proxy.send(&other).status, 200);
        app.next();
        assert_eq!(claims(&proxy, "evicted"), 1.0);
        answer
            .send(Step::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
            .unwrap();
        assert_eq!(first.join().unwrap(), 500);
    });
    assert_replayed(&proxy.send(&other), "it is still remembered");
    app.assert_nothing_more();
}

#[test]
fn a_smaller_capacity_is_kept_after_a_reload() {
    let app = App::start();
    let proxy = start(&app, 100);
    let requests: Vec<Request> = (0..50).map(|_| signed(0)).collect();
    for request in &requests {
        assert_eq!(proxy.send(request).status, 200);
    }
    assert_eq!(proxy.metric("hookward_replay_entries"), 50.0);
    let table = "[replay]\ncapacity = 10\n";
    proxy.write_config("", &(routes(app.url(), "", "") + table));
    assert!(proxy.reload());
    assert_replayed(&proxy.send(&requests[49]), "the one that expires last");
    assert_eq!(proxy.send(&Kind::V3.request(b"{}")).status, 200);
    assert!(proxy.metric("hookward_replay_entries") <= 10.0);
    assert!(claims(&proxy, "evicted") >= 41.0);
}
