//! No request, or part of one, reaches the app by being read in two ways.

use super::{refused, start};
use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::sign::Kind;

#[test]
fn a_request_with_two_readings_is_counted_and_explained() {
    let app = App::start();
    let proxy = start(&app);
    let good = String::from_utf8(Kind::Twenty.request(b"{}").bytes()).unwrap();
    let repeated = good.replace("Host: ", "Host: other\r\nHost: ");
    let series = "hookward_verdicts_total{reason=\"bad_request\",route=\"none\",scheme=\"none\",verdict=\"rejected\"}";
    let mut client = Client::connect(proxy.address);
    client.send_what_is_taken(repeated.as_bytes());
    let answer = client.answer("POST");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (400, Some("close"))
    );
    assert!(client.is_closed());
    assert_eq!(proxy.metric(series), 1.0);
    assert_eq!(app.connections(), 0);
    let line = proxy.logged("refused", |line| line["detail"] == "Host is repeated");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&"POST".into(), &"/twenty".into())
    );
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["request_id"].as_str().unwrap().len(), 32);
}

#[test]
fn a_body_that_cannot_be_read_ends_its_connection() {
    let app = App::start();
    let proxy = start(&app);
    let head = Kind::Twenty
        .request(b"{}")
        .framed(Framing::Chunked(1))
        .head_bytes();
    let follower = Kind::Twenty.request(b"{}").bytes();
    for chunks in [
        "zz\r\n",
        "2\r\n{}XX",
        "+2\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
    ] {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(&[&head, chunks.as_bytes(), &follower].concat());
        assert_eq!(client.answer("POST").status, 400, "{chunks:?}");
        assert!(client.is_closed(), "{chunks:?}");
    }
    app.assert_nothing_more();
}

#[test]
fn a_fragment_is_refused_and_not_cut_off() {
    let app = App::start();
    let proxy = start(&app);
    for target in ["/hubspot#x", "/hubspot?a#b", "/hubspot#/../x"] {
        let request = Request {
            target: target.to_owned(),
            ..Kind::V1.request(b"{}")
        };
        assert_eq!(
            refused(&proxy, &request),
            (400, "bad_target".to_owned()),
            "{target}"
        );
    }
    app.assert_nothing_more();
}

#[test]
fn what_follows_a_request_is_judged_for_itself() {
    let app = App::start();
    let proxy = start(&app);
    let smuggled = b"POST /twenty HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(smuggled).bytes());
    assert_eq!(client.answer("POST").status, 200);
    assert_eq!(
        app.next().body,
        smuggled,
        "a request inside a verified body is body"
    );
    client.send(&[&Kind::Twenty.request(b"{}").bytes()[..], smuggled].concat());
    assert_eq!(client.answer("POST").status, 200);
    app.next();
    assert_eq!(
        client.answer("POST").status,
        401,
        "after it, it is a request of its own"
    );
    app.assert_nothing_more();
}
