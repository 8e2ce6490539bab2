//! A request that somebody did not see to its end has one line too, which says who.

use std::any::Any;
use std::sync::Mutex;
use std::sync::mpsc;

use bytes::Bytes;
use serde_json::Value;

use super::{ON, all_lines, lines_of};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::http2;
use crate::support::protocol::{Connection, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

over_each_protocol!(
    a_sender_that_cuts_its_body_off_has_a_line,
    requests_that_a_stop_cuts_have_a_line,
);

/// Waits until so many requests are being served.
fn in_flight(proxy: &Proxy, count: f64) {
    eventually("requests to be served", || {
        (proxy.metric("hookward_requests_in_flight") == count).then_some(())
    });
}

fn a_sender_that_cuts_its_body_off_has_a_line() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let request = Kind::Twenty
        .request(b"{\"half\": true}")
        .header("X-Request-Id", "half");
    match proxy.connect() {
        Connection::Plain(mut client) => {
            client.send(&request.head_bytes());
            client.send(b"{\"ha");
        }
        Connection::Tls(mut client) => {
            client.send(&request.head_bytes());
            client.send(b"{\"ha");
        }
        Connection::Http2(client) => client.block_on(async {
            let head = http2::head(&request, client.scheme());
            let mut requests = client.requests().ready().await.unwrap();
            let (answer, mut body) = requests.send_request(head, false).unwrap();
            body.send_data(Bytes::from_static(b"{\"ha"), false).unwrap();
            // What is reset before it has left is not sent at all.
            in_flight(&proxy, 1.0);
            body.send_reset(h2::Reason::CANCEL);
            assert!(answer.await.is_err());
        }),
    }
    let found = lines_of(&proxy, "half");
    let [line] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(line["reason"], "bad_request", "{line}");
    assert_eq!(line["broken_off_by"], "sender", "{line}");
    assert!(line["body_bytes"].as_u64().unwrap() <= 4, "{line}");
    app.assert_nothing_more();
}

#[test]
fn an_answer_that_breaks_off_is_the_apps_doing() {
    let app = App::behaving(|stream, _| {
        let _ =
            std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
        false
    });
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let line = proxy.logged("request", |_| true);
    for (field, expected) in [
        ("http_status", Value::from(200)),
        ("origin", "app".into()),
        ("error", "app_closed".into()),
        ("answer_bytes", 2.into()),
        ("broken_off_by", "app".into()),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
}

#[test]
fn a_sender_that_does_not_take_the_answer_has_a_line() {
    // More than the system keeps for a sender that does not read.
    const MUCH: usize = 64 << 20;
    let (go_on, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let app = App::behaving(move |stream, _| {
        let _ = told.lock().unwrap().recv();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
        let body = vec![b'x'; MUCH];
        std::io::Write::write_all(stream, &[head.as_bytes(), &body].concat()).is_ok()
    });
    let proxy = Proxy::start("", &sign::routes(app.url(), ON));
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    app.next();
    drop(client);
    drop(go_on);
    let line = proxy.logged("request", |_| true);
    assert_eq!(
        (&line["http_status"], &line["broken_off_by"]),
        (&200.into(), &"sender".into()),
        "{line}"
    );
    assert_eq!(all_lines(&proxy).len(), 1);
}

/// Many, because hookward must not end before the last of them is logged.
fn requests_that_a_stop_cuts_have_a_line() {
    const EACH: usize = 30;
    let (go_on, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let app = App::behaving(move |_, _| told.lock().unwrap().recv().is_ok());
    let proxy = Proxy::start("shutdown_grace = \"100ms\"\n", &sign::routes(app.url(), ON));
    let mut kept: Vec<Box<dyn Any>> = Vec::new();
    for n in 0..EACH {
        for (kind, is_whole) in [("waits", true), ("half", false)] {
            let request = Kind::Twenty
                .request(b"{}")
                .header("X-Request-Id", format!("{kind}-{n}"));
            kept.push(begin(proxy.connect(), &request, is_whole));
        }
    }
    (0..EACH).for_each(|_| drop(app.next()));
    in_flight(&proxy, (2 * EACH) as f64);
    proxy.signal("-TERM");
    proxy.wait();
    drop((go_on, kept));
    let log = proxy.whole_log();
    let lines: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["event"] == "request")
        .collect();
    for (kind, verdict) in [("waits", Value::from("verified")), ("half", Value::Null)] {
        for n in 0..EACH {
            let id = format!("{kind}-{n}");
            let of_it: Vec<_> = lines
                .iter()
                .filter(|line| line["request_id"] == id)
                .collect();
            let [line] = of_it.as_slice() else {
                panic!("{id}: {of_it:?} of {} lines", lines.len());
            };
            let said = (
                &line["verdict"],
                &line["http_status"],
                &line["broken_off_by"],
            );
            assert_eq!(said, (&verdict, &Value::Null, &"hookward".into()), "{line}");
        }
    }
}

/// Sends a request, or its head alone. What is returned keeps it waiting.
fn begin(connection: Connection, request: &Request, is_whole: bool) -> Box<dyn Any> {
    let bytes = if is_whole {
        request.bytes()
    } else {
        request.head_bytes()
    };
    match connection {
        Connection::Plain(mut client) => {
            client.send(&bytes);
            Box::new(client)
        }
        Connection::Tls(mut client) => {
            client.send(&bytes);
            Box::new(client)
        }
        Connection::Http2(client) => {
            let sent = client.block_on(async {
                let head = http2::head(request, client.scheme());
                let mut requests = client.requests().ready().await.unwrap();
                let (answer, mut body) = requests.send_request(head, false).unwrap();
                if is_whole {
                    body.send_data(Bytes::from_static(b"{}"), true).unwrap();
                }
                (answer, body)
            });
            Box::new((client, sent))
        }
    }
}
