//! No request, or part of one, reaches the app by being read in two ways.

use super::{refused, start};
use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::sign::Kind;

#[test]
fn raw_requests_with_two_readings_never_reach_the_app() {
    let app = App::start();
    let proxy = start(&app);
    let good = String::from_utf8(Kind::Twenty.request(b"{}").bytes()).unwrap();
    let (line, rest) = good.split_once("\r\n").unwrap();
    let insert = |field: &str| format!("{line}\r\n{field}\r\n{rest}");
    let raw = [
        insert("Content-Length: 2"),
        insert("Transfer-Encoding: chunked"),
        insert("Content-Length : 2"),
        insert(" folded: x"),
        insert("X: a\r\n folded"),
        insert("Host: other"),
        insert("X: a\nY: b"),
        insert("X: a\rb"),
        insert("X: \0"),
        insert("nocolon"),
        insert("Connection: X-Twenty-Webhook-Signature"),
        insert("Connection: x-hookward-verified"),
        good.replace("Content-Length: 2", "Content-Length: +2"),
        good.replace("Content-Length: 2", "Content-Length: 2, 2"),
        good.replace("Content-Length: 2", "Content-Length: 02"),
        good.replace("Content-Length: 2", "Transfer-Encoding: gzip, chunked"),
        good.replace("Content-Length: 2", "Transfer-Encoding: chunked, identity"),
        good.replace("Host: proxy.internal\r\n", ""),
        good.replace("Host: proxy.internal", "Host: a, b"),
        good.replace("\r\n", "\n"),
        good.replace(" HTTP/1.1", "  HTTP/1.1"),
        good.replace(" HTTP/1.1", " HTTP/1.2"),
        good.replace("POST /twenty", "POST http://proxy.internal/twenty"),
        good.replace("POST /twenty", "POST /twenty x"),
        good.replace("POST /twenty", "CONNECT proxy.internal:80"),
        good.replace("POST /twenty", "OPTIONS *"),
        good.replace("POST", "PO(ST"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ];
    let series = "hookward_verdicts_total{reason=\"bad_request\",route=\"none\",scheme=\"none\",verdict=\"rejected\"}";
    for (index, raw) in (1_u32..).zip(&raw) {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(raw.as_bytes());
        let answer = client.answer("POST");
        assert_eq!(answer.status, 400, "{raw:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{raw:?}");
        assert!(client.is_closed(), "{raw:?}");
        assert_eq!(proxy.metric(series), f64::from(index), "{raw:?}");
    }
    app.assert_nothing_more();
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
