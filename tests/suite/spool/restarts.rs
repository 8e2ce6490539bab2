//! What waits outlives the process, however it ends.

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, app_that_ponders, assert_stored, deliveries, delivery,
    list, next_delivery, only, wait_for_deliveries, wait_for_none,
};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file};
use crate::support::sign::Kind;

#[test]
fn what_waits_is_delivered_by_the_next_process_which_goes_on_counting() {
    for signal in ["-TERM", "-INT", "-KILL"] {
        let app = Fickle::answering(500);
        let directory = Directory::new();
        let proxy = directory.start(app.url(), ON_FAILURE);
        assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
        // What has been written is what goes on.
        eventually("two attempts", || {
            (only(&proxy)["attempts"].as_u64() >= Some(2)).then_some(())
        });
        proxy.signal(signal);
        assert_eq!(proxy.wait().success(), signal != "-KILL");
        let event = only(&proxy);
        let (id, attempts) = (&event["id"], event["attempts"].as_u64().unwrap());
        // All that it said while the first process ran.
        let mut last = delivery(&next_delivery(&app));
        while u64::from(last.attempt) < attempts {
            last = delivery(&next_delivery(&app));
        }
        app.answers(200);
        let second = directory.start(app.url(), ON_FAILURE);
        wait_for_none(&second, "twenty");
        let seen = next_delivery(&app);
        let then = delivery(&seen);
        assert_eq!((&*then.id, &*seen.body), (id.as_str().unwrap(), &b"{}"[..]));
        assert_eq!(then.received_at, last.received_at);
        // One that a killed process did not note comes with the same number.
        assert_eq!(u64::from(then.attempt), attempts + 1, "{signal}");
    }
}

/// A process whose app is pondering on an attempt.
fn with_an_attempt(directory: &Directory, app: &App, server: &str) -> Proxy {
    let proxy = Proxy::start(server, &directory.routes(app.url(), ALWAYS));
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    assert_eq!(delivery(&app.next()).attempt, 1);
    proxy
}

#[test]
fn a_stop_lets_an_attempt_end() {
    let (app, say) = app_that_ponders();
    let directory = Directory::new();
    let proxy = with_an_attempt(&directory, &app, "shutdown_grace = \"10m\"");
    proxy.signal("-TERM");
    eventually("the listener to be closed", || {
        Client::try_connect(proxy.address).is_none().then_some(())
    });
    assert!(proxy.is_running());
    drop(say);
    assert!(proxy.wait().success());
    assert!(list(&proxy).is_empty());
    app.assert_nothing_more();
}

#[test]
fn an_attempt_that_a_stop_cuts_is_made_again() {
    for (signal, server) in [
        ("-TERM", "shutdown_grace = \"200ms\""),
        ("-INT", ""),
        ("-KILL", ""),
    ] {
        let (app, say) = app_that_ponders();
        let directory = Directory::new();
        let proxy = with_an_attempt(&directory, &app, server);
        proxy.signal(signal);
        proxy.wait();
        let id = only(&proxy)["id"].as_str().unwrap().to_owned();
        drop(say);
        let second = directory.start(app.url(), ALWAYS);
        let again = delivery(&app.next());
        assert_eq!(again.id, id);
        // Its number may come twice, or be left out.
        assert!((1..=2).contains(&again.attempt), "{signal}: {again:?}");
        wait_for_none(&second, "twenty");
        app.assert_nothing_more();
    }
}

#[test]
fn what_comes_while_it_stops_is_stored() {
    let (app, say) = app_that_ponders();
    let directory = Directory::new();
    let proxy = with_an_attempt(&directory, &app, "shutdown_grace = \"10m\"");
    let mut kept = Client::connect(proxy.address);
    kept.send(&Kind::Twenty.request(b"before").bytes());
    assert_stored(&kept.answer("POST"));
    let late = Kind::Twenty.request(b"late");
    kept.send(&late.head_bytes());
    eventually("the request to have begun", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    kept.send(&late.body_bytes());
    assert_stored(&kept.answer("POST"));
    drop(say);
    assert!(proxy.wait().success());
    let left: Vec<_> = list(&proxy);
    assert!((1..=2).contains(&left.len()), "{left:?}");
    let second = directory.start(app.url(), ALWAYS);
    wait_for_none(&second, "twenty");
    let mut bodies = [(); 2].map(|()| app.next().body);
    bodies.sort_unstable();
    assert_eq!(bodies, [&b"before"[..], b"late"]);
    app.assert_nothing_more();
}

#[test]
fn a_second_process_is_refused() {
    let app = App::start();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    let text = std::fs::read_to_string(proxy.config_file()).unwrap();
    let (_guard, path) = file("hookward.toml", text);
    let run = ["run", "--config", path.to_str().unwrap()];
    let (code, _, errors) = command(&run);
    assert_eq!(code, 1, "{errors}");
    let where_it_is = directory.path.to_str().unwrap();
    for part in ["another process", where_it_is, "spool.directory"] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    // The first one has not been harmed.
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    wait_for_deliveries(&proxy, "twenty", "delivered", 1.0);
    wait_for_none(&proxy, "twenty");
    assert_eq!(deliveries(&proxy, "twenty", "failed"), 0.0);
}
