//! What is told, and to whom.

use super::{DIAGNOSES, count, diagnosed, forgery, routes, send_until_diagnosed, with_a_line_end};
use crate::support::app::App;
use crate::support::client::{Framing, Request};
use crate::support::eventually;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, PUBLIC_URL, SECRET};

over_each_protocol!(a_body_that_was_changed_after_signing_is_told_with_its_fix);

fn a_body_that_was_changed_after_signing_is_told_with_its_fix() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    let request = with_a_line_end("/twenty").header("X-Request-Id", "the-one-with-a-line-end");
    let answer = proxy.send(&request);
    assert_eq!(answer.status, 401);
    let line = proxy.logged("diagnosed", |_| true);
    assert_eq!(line["level"], "info");
    assert_eq!(line["route"], "twenty");
    assert_eq!(line["finding"], "body_newline");
    assert_eq!(line["request_id"], "the-one-with-a-line-end");
    assert!(line["fix"].as_str().unwrap().len() > 20, "{line}");
    assert!((count(&proxy, "twenty", "body_newline") - 1.0).abs() < 0.5);
    app.assert_nothing_more();
    // Whoever called is not told.
    let other = Proxy::start("", &routes(app.url(), ""));
    let plain = other.send(&with_a_line_end("/twenty"));
    assert_eq!((answer.head, answer.body), (plain.head, plain.body));
}

#[test]
fn a_url_that_a_proxy_changed_is_told() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    let called = format!("{PUBLIC_URL}/hooks/hubspot");
    let signed = sign::v3(SECRET, "POST", &called, b"[]", &sign::now(0));
    let request = Request::new("POST", "/hubspot", "[]")
        .headers(&signed)
        .header("X-Original-URI", "/hooks/hubspot");
    assert_eq!(proxy.send(&request).status, 401);
    let line = proxy.logged("diagnosed", |_| true);
    assert_eq!(line["finding"], "url_path_prefix", "{line}");
}

#[test]
fn a_body_in_many_pieces_is_examined_whole() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    let mut body = vec![b'x'; 300_000];
    let signed = sign::twenty(SECRET, &body, &sign::now(0));
    body.push(b'\n');
    let request = Request::new("POST", "/twenty", body)
        .headers(&signed)
        .framed(Framing::Chunked(7_001));
    assert_eq!(proxy.send(&request).status, 401);
    let line = proxy.logged("diagnosed", |_| true);
    assert_eq!(line["finding"], "body_newline", "{line}");
}

#[test]
fn what_is_let_through_is_told_too_and_reaches_the_app_as_it_came() {
    let app = App::start();
    let keys = format!("{DIAGNOSES}\nenforce = false");
    let proxy = Proxy::start("", &routes(app.url(), &keys));
    assert_eq!(proxy.send(&with_a_line_end("/twenty")).status, 200);
    assert_eq!(app.next().body, b"{\"a\":1}\n");
    let line = proxy.logged("diagnosed", |_| true);
    assert_eq!(line["finding"], "body_newline", "{line}");
}

#[test]
fn only_mismatches_of_routes_that_say_so_are_examined() {
    let app = App::start();
    let not_examined = routes(app.url(), "").replace("/twenty\"", "/quiet\"");
    let not_examined = not_examined
        .split("[[route]]")
        .find(|it| it.contains("/quiet"));
    let quiet = not_examined
        .unwrap()
        .replace("\"twenty\"\npath", "\"quiet\"\npath");
    let all = routes(app.url(), DIAGNOSES) + "[[route]]" + &quiet;
    let proxy = Proxy::start("", &all);
    let good = sign::twenty(SECRET, b"{}", &sign::now(0));
    let good = Request::new("POST", "/twenty", "{}").headers(&good);
    assert_eq!(proxy.send(&good).status, 200);
    let late = sign::twenty(SECRET, b"{}", &sign::now(-3_600_000));
    let late = Request::new("POST", "/twenty", "{}").headers(&late);
    assert_eq!(proxy.send(&late).status, 401);
    assert_eq!(
        proxy.send(&Request::new("POST", "/twenty", "{}")).status,
        401
    );
    assert_eq!(proxy.send(&with_a_line_end("/quiet")).status, 401);
    let mut large = vec![b'x'; 1 << 20];
    let signed = sign::twenty(SECRET, &large, &sign::now(0));
    large.push(b'\n');
    let large = Request::new("POST", "/twenty", large).headers(&signed);
    assert_eq!(proxy.send(&large).status, 401);
    // They are examined in the order in which they come.
    send_until_diagnosed(
        &proxy,
        || with_a_line_end("/other"),
        "other",
        "body_newline",
    );
    let lines = diagnosed(&proxy);
    assert!(
        lines.iter().all(|line| line["route"] == "other"),
        "{lines:?}"
    );
}

#[test]
fn nothing_secret_is_in_the_log() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    let now = sign::now(0);
    let (sent, received) = (b"{\"a\":1}", b"{\"a\":1}\n");
    let signed = sign::twenty(SECRET, sent, &now);
    let request = Request::new("POST", "/twenty", received).headers(&signed);
    assert_eq!(proxy.send(&request).status, 401);
    proxy.logged("diagnosed", |_| true);
    assert_eq!(proxy.send(&forgery("/other")).status, 401);
    proxy.logged("diagnosed", |line| line["finding"] == "unknown");
    let expected = sign::twenty(SECRET, received, &now);
    let of_forgery = sign::twenty(SECRET, b"{}", &now);
    let log = proxy.log().concat();
    assert!(!log.contains(SECRET), "{log}");
    for signed in [signed, expected, of_forgery] {
        let (name, signature) = &signed[1];
        assert_eq!(*name, "X-Twenty-Webhook-Signature");
        assert!(!log.contains(signature.as_str()), "{log}");
    }
}

#[test]
fn a_reload_begins_and_ends_it() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), ""));
    let send = |path| assert_eq!(proxy.send(&with_a_line_end(path)).status, 401);
    let turn = |keys| {
        proxy.write_config("", &routes(app.url(), keys));
        assert!(proxy.reload());
    };
    let wait_for_one = |route| {
        eventually("it to be examined", || {
            (count(&proxy, route, "body_newline") > 0.5).then_some(())
        });
    };
    send("/twenty");
    turn(DIAGNOSES);
    send("/other");
    wait_for_one("other");
    turn("");
    send("/other");
    turn(DIAGNOSES);
    send("/twenty");
    wait_for_one("twenty");
    // They are examined in the order in which they come, and these two are all.
    assert_eq!(diagnosed(&proxy).len(), 2);
}
