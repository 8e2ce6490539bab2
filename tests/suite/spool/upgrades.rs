//! A successor takes over what waits, and nobody who sends notices.

use std::collections::HashSet;

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that_ponders, assert_stored, delivery, list,
    next_delivery, wait_for_none,
};
use crate::support::app::App;
use crate::support::client::{self, Answer, Request};
use crate::support::eventually;
use crate::support::proxy::{Proxy, command};
use crate::support::sign::Kind;
use crate::support::upgrade::{Files, Successor};

fn start(files: &Files, directory: &Directory, app: &App, mode: &str) -> Proxy {
    let proxy = Proxy::start(&files.keys(), &directory.routes(app.url(), mode));
    eventually("the pid file", || files.pid_file().exists().then_some(()));
    proxy
}

/// Has a successor take over. Returns once it serves.
fn upgrade(files: &Files, proxy: &Proxy) -> Successor {
    let before = files.pid();
    let (code, _, errors) = command(&["upgrade", "--config", &proxy.config_file()]);
    assert_eq!(code, 0, "{errors}");
    eventually("the successor's pid", || {
        (files.pid() != before).then_some(())
    });
    Successor(files.pid())
}

fn send(proxy: &Proxy, request: &Request) -> Answer {
    client::exchange(proxy.address, request)
}

fn wait_for_an_empty_spool(proxy: &Proxy) {
    eventually("the events to be gone", || {
        list(proxy).is_empty().then_some(())
    });
}

#[test]
fn what_waits_is_delivered_by_the_successor() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let (files, directory) = (Files::new(), Directory::new());
    let proxy = start(&files, &directory, &app, ON_FAILURE);
    for number in 0..5_u8 {
        assert_stored(&send(&proxy, &Kind::Twenty.request(&[number])));
        app.next();
    }
    let successor = upgrade(&files, &proxy);
    assert!(proxy.wait().success());
    // It stores in the same place.
    assert_stored(&send(&proxy, &Kind::Twenty.request(&[5])));
    app.next();
    assert_eq!(list(&proxy).len(), 6);
    app.answers(200);
    assert_eq!(send(&proxy, &Kind::Twenty.request(&[6])).status, 200);
    app.next();
    let mut bodies: Vec<u8> = (0..6).map(|_| next_delivery(&app).body[0]).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [0, 1, 2, 3, 4, 5]);
    wait_for_an_empty_spool(&proxy);
    successor.stop();
    app.assert_nothing_more();
}

#[test]
fn an_attempt_that_is_on_its_way_ends_and_the_rest_follows() {
    let (app, say) = app_that_ponders();
    let (files, directory) = (Files::new(), Directory::new());
    let proxy = start(&files, &directory, &app, ALWAYS);
    assert_stored(&send(&proxy, &Kind::Twenty.request(b"0")));
    let first = app.next();
    for body in [b"1", b"2", b"3"] {
        assert_stored(&send(&proxy, &Kind::Twenty.request(body)));
    }
    let successor = upgrade(&files, &proxy);
    // Both store now, and the old one has an attempt on its way, so nobody else delivers.
    assert_stored(&send(&proxy, &Kind::Twenty.request(b"4")));
    assert!(proxy.is_running());
    drop(say);
    assert!(proxy.wait().success());
    let mut ids = HashSet::from([delivery(&first).id]);
    let mut bodies = vec![first.body];
    for _ in 0..4 {
        let seen = app.next();
        let delivery = delivery(&seen);
        assert_eq!(delivery.attempt, 1);
        assert!(ids.insert(delivery.id));
        bodies.push(seen.body);
    }
    bodies.sort_unstable();
    assert_eq!(bodies, [b"0", b"1", b"2", b"3", b"4"]);
    wait_for_an_empty_spool(&proxy);
    successor.stop();
    app.assert_nothing_more();
}

#[test]
fn upgrades_under_load_lose_no_event_and_double_none() {
    const EVENTS: u16 = 400;
    let app = App::start();
    let (files, directory) = (Files::new(), Directory::new());
    let proxy = start(&files, &directory, &app, ALWAYS);
    let successor = std::thread::scope(|scope| {
        let proxy = &proxy;
        let sending = scope.spawn(move || {
            for number in 0..EVENTS {
                let request = Kind::Twenty.request(number.to_string().as_bytes());
                assert_stored(&send(proxy, &request));
            }
        });
        let mut successor = upgrade(&files, proxy);
        assert!(proxy.wait().success());
        while !sending.is_finished() {
            let before = successor;
            successor = upgrade(&files, proxy);
            eventually("the old process to end", || {
                (!before.is_there()).then_some(())
            });
        }
        sending.join().unwrap();
        successor
    });
    wait_for_an_empty_spool(&proxy);
    let seen: Vec<_> = (0..EVENTS).map(|_| app.next()).collect();
    let bodies: HashSet<_> = seen.iter().map(|seen| seen.body.clone()).collect();
    assert_eq!(bodies.len(), usize::from(EVENTS));
    app.assert_nothing_more();
    successor.stop();
}

#[test]
fn one_upgrade_after_the_other_hands_the_spool_on() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let (files, directory) = (Files::new(), Directory::new());
    let proxy = start(&files, &directory, &app, ON_FAILURE);
    assert_stored(&send(&proxy, &Kind::Twenty.request(b"{}")));
    let first = upgrade(&files, &proxy);
    assert!(proxy.wait().success());
    let second = upgrade(&files, &proxy);
    eventually("the old process to end", || {
        (!first.is_there()).then_some(())
    });
    // It has the lock by now: no stranger gets in.
    let (code, _, errors) = command(&["run", "--config", &proxy.config_file()]);
    assert_eq!(code, 1);
    assert!(
        errors.contains("another process uses the spool") || errors.contains("pid_file"),
        "{errors}"
    );
    app.answers(200);
    assert_eq!(send(&proxy, &Kind::Twenty.request(b"taken")).status, 200);
    wait_for_an_empty_spool(&proxy);
    second.stop();
    assert_eq!(delivery(&next_delivery(&app)).attempt, 1);
    wait_for_nothing(&directory, &app);
}

/// A process that starts after the last one has gone finds nothing.
fn wait_for_nothing(directory: &Directory, app: &Fickle) {
    let proxy = directory.start(app.url(), ON_FAILURE);
    wait_for_none(&proxy, "twenty");
}
