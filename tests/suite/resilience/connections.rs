//! Which connections stay when there are too many, and what becomes of those that cannot be served.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};

use super::start;
use crate::support::app::App;
use crate::support::client::{Answer, Client, Request, exchange};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

/// What an app waits for before it answers.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn app(&self) -> App {
        let Self(gate) = self.clone();
        App::behaving(move |stream, _| {
            let closed = gate.0.lock().unwrap();
            drop(gate.1.wait_while(closed, |is_open| !*is_open).unwrap());
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_ok()
        })
    }
}

fn ready(proxy: &Proxy) -> Answer {
    exchange(proxy.admin, &Request::new("GET", "/readyz", ""))
}

#[test]
fn what_the_limit_of_open_files_has_no_room_for_is_told_so_and_never_fails_at_the_app() {
    let gate = Gate::default();
    let app = gate.app();
    let proxy = Proxy::start_with_open_files(256, &sign::routes(app.url(), ""));
    let send = || {
        let mut client = Client::connect(proxy.address);
        client.send(&Kind::Twenty.request(b"{}").bytes());
        client
    };
    // A quarter of 256 is a reserve, an eighth of the rest for refusals, and a request takes two.
    let room = 84;
    let mut served: Vec<Client> = (0..room).map(|_| send()).collect();
    for _ in 0..room {
        app.next();
    }
    let mut refused: Vec<Client> = (0..100).map(|_| send()).collect();
    for client in &mut refused {
        let answer = client.answer("POST");
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
    }
    let answer = ready(&proxy);
    assert_eq!(answer.status, 503);
    let reason = String::from_utf8(answer.body).unwrap();
    assert!(reason.contains("limit of open files"), "{reason}");
    proxy.logged("refused", |line| line["reason"] == "overloaded");
    gate.open();
    for client in &mut served {
        assert_eq!(client.answer("POST").status, 200);
    }
    app.assert_nothing_more();
    assert_eq!(ready(&proxy).status, 200);
    // Kept connections of both sides give way to what comes.
    for mut client in (0..2 * room).map(|_| send()) {
        assert_eq!(client.answer("POST").status, 200);
    }
    assert_eq!(proxy.metric("hookward_connections_refused_total"), 0.0);
}

#[test]
fn a_newcomer_that_sends_nothing_goes_before_a_kept_connection() {
    let app = App::start();
    let proxy = start("max_connections = 2", &app, "");
    let request = || Kind::Twenty.request(b"{}").bytes();
    let mut kept = Client::connect(proxy.address);
    kept.send(&request());
    assert_eq!(kept.answer("POST").status, 200);
    let mut silent = Client::connect(proxy.address);
    eventually("the silent one", || {
        (proxy.metric("hookward_connections") == 2.0).then_some(())
    });
    let mut newcomer = Client::connect(proxy.address);
    newcomer.send(&request());
    assert_eq!(newcomer.answer("POST").status, 200);
    assert!(silent.is_closed());
    kept.send(&request());
    assert_eq!(kept.answer("POST").status, 200);
}

#[test]
fn the_rest_of_a_refused_request_keeps_no_newcomer_out() {
    let app = App::start();
    let proxy = start("max_connections = 1", &app, "");
    let mut refused = Client::connect(proxy.address);
    refused.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nx");
    assert_eq!(refused.answer("POST").status, 404);
    let mut newcomer = Client::connect(proxy.address);
    newcomer.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(newcomer.answer("POST").status, 200);
    assert!(refused.is_closed());
}

#[test]
fn newcomers_wait_for_a_place_as_long_as_places_change_hands() {
    let app = App::start();
    let proxy = start("max_connections = 1\nkeepalive_timeout = \"10m\"", &app, "");
    let unread = "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nx";
    let mut refused: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = Client::connect(proxy.address);
            client.send(unread.as_bytes());
            client
        })
        .collect();
    let mut newcomer = Client::connect(proxy.address);
    newcomer.send(&Kind::Twenty.request(b"{}").bytes());
    // Each holds the place for a second: the last newcomer waits longer than any one of them may.
    for client in &mut refused {
        assert_eq!(client.answer("POST").status, 404);
    }
    assert_eq!(newcomer.answer("POST").status, 200);
    assert_eq!(proxy.metric("hookward_connections_refused_total"), 0.0);
}

#[test]
fn a_request_that_has_arrived_is_served_though_its_connection_should_make_room() {
    let app = App::start();
    let proxy = start("max_connections = 1\nthreads = 1", &app, "");
    let request = || Kind::Twenty.request(b"{}").bytes();
    let mut kept = Client::connect(proxy.address);
    kept.send(&request());
    assert_eq!(kept.answer("POST").status, 200);
    for round in 0..20 {
        // The process sees both at once when it goes on.
        proxy.pause();
        let mut newcomer = Client::connect(proxy.address);
        newcomer.send(&request());
        kept.send(&request());
        proxy.signal("-CONT");
        assert_eq!(kept.answer("POST").status, 200, "round {round}");
        assert_eq!(newcomer.answer("POST").status, 200, "round {round}");
        kept = newcomer;
    }
}

#[test]
fn where_all_are_busy_a_newcomer_is_refused_and_the_process_not_ready() {
    let gate = Gate::default();
    let app = gate.app();
    let proxy = start("max_connections = 1", &app, "");
    let request = Kind::Twenty.request(b"{}").bytes();
    let mut busy = Client::connect(proxy.address);
    busy.send(&request);
    app.next();
    assert_eq!(ready(&proxy).status, 503);
    let mut newcomer = Client::connect(proxy.address);
    assert!(newcomer.is_closed());
    proxy.logged("connection_refused", |_| true);
    assert_eq!(proxy.metric("hookward_connections_refused_total"), 1.0);
    gate.open();
    assert_eq!(busy.answer("POST").status, 200);
    eventually("the connection to be idle", || {
        (ready(&proxy).status == 200).then_some(())
    });
}
