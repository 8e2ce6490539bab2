//! `spool = "on-failure"`: a request goes to the app as it comes, and what the app does not take is delivered later.

use std::collections::HashMap;

use super::{
    Directory, Fickle, ON_FAILURE, Says, app_that, assert_stored, deliveries, delivery,
    free_address, is_delivery, list, next_delivery, only, request_of, stored, wait_for_deliveries,
    wait_for_none,
};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::protocol::over_each_protocol;
use crate::support::sign::{Kind, clock};

over_each_protocol!(
    what_the_app_does_not_take_is_delivered_as_it_was,
    what_the_app_answers_is_passed_on_and_not_stored,
);

fn what_the_app_does_not_take_is_delivered_as_it_was() {
    const FAILURES: [&str; 6] = ["cut", "cut in its head", "silent", "500", "503", "429"];
    let app = app_that(|seen| match &*String::from_utf8_lossy(&seen.body) {
        _ if is_delivery(seen) => Says::status(200),
        "cut" => Says::Breaks(String::new()),
        "cut in its head" => Says::Breaks("HTTP/1.1 200 OK\r\nContent-".to_owned()),
        "silent" => Says::Nothing,
        status => Says::Text(format!(
            "HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\nsorry"
        )),
    });
    let keys = format!("{ON_FAILURE}\nupstream_timeout = \"1s\"");
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &keys);
    let mut times = HashMap::new();
    for failure in FAILURES {
        let before = clock();
        assert_stored(&proxy.send(&Kind::Twenty.request(failure.as_bytes())));
        times.insert(failure.as_bytes().to_vec(), before..=clock());
    }
    let (mut direct, mut delivered) = (HashMap::new(), HashMap::new());
    while direct.len() < FAILURES.len() || delivered.len() < FAILURES.len() {
        let seen = app.next();
        let of = if is_delivery(&seen) {
            &mut delivered
        } else {
            &mut direct
        };
        of.entry(seen.body.clone()).or_insert(seen);
    }
    for (body, seen) in &delivered {
        assert_eq!(request_of(seen), request_of(&direct[body]));
        let delivery = delivery(seen);
        assert_eq!(delivery.attempt, 1, "{seen:?}");
        assert!(times[body].contains(&delivery.received_at), "{seen:?}");
    }
    wait_for_none(&proxy, "twenty");
    assert_eq!(stored(&proxy, "twenty"), 6.0);
    assert_eq!(deliveries(&proxy, "twenty", "delivered"), 6.0);
}

fn what_the_app_answers_is_passed_on_and_not_stored() {
    const STATUSES: [u16; 8] = [200, 202, 204, 301, 304, 400, 404, 410];
    let app = app_that(|seen| {
        let status = String::from_utf8_lossy(&seen.body).parse().unwrap();
        Says::with(status, "X-App: yes\r\n")
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    for status in STATUSES {
        let answer = proxy.send(&Kind::Twenty.request(status.to_string().as_bytes()));
        let of_app = answer.header("x-app");
        assert_eq!((answer.status, of_app), (status, Some("yes")));
        app.next();
    }
    assert_eq!(list(&proxy), Vec::<serde_json::Value>::new());
    assert_eq!(stored(&proxy, "twenty"), 0.0);
    app.assert_nothing_more();
}

#[test]
fn an_app_that_is_not_there_gets_it_once_it_is() {
    let address = free_address();
    let keys = format!("{ON_FAILURE}\nupstream_connect_timeout = \"100ms\"");
    let directory = Directory::new();
    let proxy = directory.start(format_args!("http://{address}"), &keys);
    assert_stored(&proxy.send(&Kind::V3.request(b"{}")));
    wait_for_deliveries(&proxy, "hubspot", "failed", 1.0);
    let id = only(&proxy)["id"].as_str().unwrap().to_owned();
    let app = App::start_at(address);
    let seen = next_delivery(&app);
    wait_for_none(&proxy, "hubspot");
    let failed = deliveries(&proxy, "hubspot", "failed");
    let delivery = delivery(&seen);
    // Those are counted too that found nobody.
    assert_eq!(f64::from(delivery.attempt), failed + 1.0);
    assert_eq!((delivery.id, &*seen.body), (id, &b"{}"[..]));
    app.assert_nothing_more();
}

#[test]
fn an_answer_that_breaks_off_behind_its_head_has_taken_it() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let app = Fickle::saying(Says::Breaks(half.to_owned()));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let mut received = Vec::new();
    // A reset would do as well as an end.
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut received);
    assert!(!received.starts_with(b"HTTP/1.1 202"), "{received:?}");
    app.next();
    assert_eq!(list(&proxy), Vec::<serde_json::Value>::new());
    assert_eq!(stored(&proxy, "twenty"), 0.0);
}

#[test]
fn it_is_stored_for_a_sender_that_has_gone() {
    let (fail, told) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let app = app_that(move |seen| {
        if is_delivery(seen) {
            return Says::status(204);
        }
        told.lock().unwrap().recv().unwrap()
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let direct = app.next();
    drop(client);
    fail.send(Says::status(500)).unwrap();
    assert_eq!(request_of(&next_delivery(&app)), request_of(&direct));
    wait_for_none(&proxy, "twenty");
}
