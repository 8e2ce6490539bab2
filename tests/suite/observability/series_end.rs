//! The series of a removed route end with its last request, and those of one that stays go on.

use std::io::Write;
use std::sync::{Mutex, mpsc};

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, SECRET};

fn named(app: &App, name: &str, secret: &str) -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[(secret, SECRET)]));
    route(name, &format!("/{name}"), app.url(), "", &verify)
}

fn signed(name: &str) -> Request {
    Request::new("POST", &format!("/{name}"), "{}").headers(&sign::twenty(
        SECRET,
        b"{}",
        &sign::now(0),
    ))
}

fn shows(proxy: &Proxy, route: &str) -> bool {
    proxy.metrics().contains(&format!("route=\"{route}\""))
}

/// An app that answers each request when it is told to.
fn waiting() -> (App, mpsc::Sender<()>) {
    let (answer, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let app = App::behaving(move |stream, _| {
        told.lock().unwrap().recv().is_ok()
            && stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_ok()
    });
    (app, answer)
}

fn verified(name: &str) -> String {
    format!(
        "hookward_verdicts_total{{reason=\"ok\",route=\"{name}\",scheme=\"twenty\",verdict=\"verified\"}}"
    )
}

#[test]
fn a_removed_routes_series_stay_while_a_request_is_in_flight_and_no_longer() {
    let (app, answer) = waiting();
    let proxy = Proxy::start("", &[named(&app, "a", "s"), named(&app, "b", "s")].concat());
    assert!(shows(&proxy, "a") && shows(&proxy, "b"));
    let mut client = Client::connect(proxy.address);
    client.send(&signed("b").bytes());
    app.next();
    proxy.write_config("", &named(&app, "c", "s"));
    assert!(proxy.reload());
    assert!(shows(&proxy, "c"));
    assert_eq!(
        proxy.metric(&verified("b")),
        1.0,
        "its request is in flight"
    );
    answer.send(()).unwrap();
    assert_eq!(client.answer("POST").status, 200);
    eventually("the series to end", || (!shows(&proxy, "a")).then_some(()));
    eventually("the series to end", || (!shows(&proxy, "b")).then_some(()));
}

#[test]
fn a_route_that_comes_back_while_a_request_is_in_flight_goes_on_counting() {
    let (app, answer) = waiting();
    let proxy = Proxy::start("", &named(&app, "a", "s"));
    let mut client = Client::connect(proxy.address);
    client.send(&signed("a").bytes());
    app.next();
    proxy.write_config("", &named(&app, "b", "s"));
    assert!(proxy.reload());
    proxy.write_config("", &named(&app, "a", "s"));
    assert!(proxy.reload());
    answer.send(()).unwrap();
    assert_eq!(client.answer("POST").status, 200);
    let answered = "hookward_responses_total{origin=\"app\",route=\"a\",status=\"200\"}";
    eventually("the answer to be counted", || {
        (proxy.metric(answered) == 1.0).then_some(())
    });
    client.send(&signed("a").bytes());
    answer.send(()).unwrap();
    assert_eq!(client.answer("POST").status, 200);
    assert_eq!(proxy.metric(&verified("a")), 2.0, "one before, one after");
    let matches = "hookward_secret_matches_total{route=\"a\",secret=\"s\"}";
    assert_eq!(proxy.metric(matches), 2.0);
}

#[test]
fn counts_of_a_route_that_stays_survive_a_reload_and_a_removed_secrets_do_not() {
    let app = App::start();
    let proxy = Proxy::start("", &named(&app, "a", "old"));
    assert_eq!(proxy.send(&signed("a")).status, 200);
    proxy.write_config("", &named(&app, "a", "new"));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&signed("a")).status, 200);
    assert_eq!(proxy.metric(&verified("a")), 2.0);
    let matches = "hookward_secret_matches_total{route=\"a\",secret=\"new\"}";
    assert_eq!(proxy.metric(matches), 1.0);
    eventually("the old secret's series to end", || {
        (!proxy.metrics().contains("secret=\"old\"")).then_some(())
    });
}

#[test]
fn new_names_at_every_reload_do_not_make_the_metrics_grow() {
    let app = App::start();
    let routes = |round: usize| -> String {
        (0..50)
            .map(|index| named(&app, &format!("r{round}-{index}"), "s"))
            .collect()
    };
    let proxy = Proxy::start("", &routes(10));
    let first = proxy.metrics().lines().count();
    for round in 11..17 {
        proxy.write_config("", &routes(round));
        assert!(proxy.reload());
    }
    assert!(shows(&proxy, "r16-49") && !shows(&proxy, "r15-49"));
    assert_eq!(proxy.metrics().lines().count(), first);
}
