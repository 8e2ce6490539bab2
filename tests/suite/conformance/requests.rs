//! Requests that senders make in ways of their own reach the app as one that any app reads.

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

#[test]
fn an_offer_to_upgrade_is_not_taken_and_the_request_is_served() {
    let app = App::start();
    let proxy = start(&app);
    let mut client = Client::connect(proxy.address);
    for kind in Kind::ALL {
        // As Java's HTTP client sends it, with one more header named in `Connection`.
        let offer = kind
            .request(b"{}")
            .header("Connection", "Upgrade, HTTP2-Settings, X-With-It")
            .header("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA")
            .header("Upgrade", "h2c")
            .header("X-With-It", "1")
            .header("User-Agent", "Java-http-client/21.0.2");
        client.send(&offer.bytes());
        let answer = client.answer("POST");
        assert_eq!(
            (answer.status, answer.header("upgrade")),
            (200, None),
            "{kind:?}"
        );
        let seen = app.next();
        assert_eq!(seen.body, b"{}");
        assert_eq!(seen.one("x-hookward-verified"), Some(kind.label()));
        assert_eq!(seen.one("user-agent"), Some("Java-http-client/21.0.2"));
        for gone in ["connection", "upgrade", "http2-settings", "x-with-it"] {
            assert_eq!(seen.one(gone), None, "{kind:?}: {gone}");
        }
    }
    let forged = Kind::Twenty
        .request(b"{}")
        .with("X-Twenty-Webhook-Signature", "0".repeat(64))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket");
    client.send(&forged.bytes());
    assert_eq!(client.answer("POST").status, 401);
    app.assert_nothing_more();
}

#[test]
fn a_url_as_the_target_is_judged_and_sent_as_its_path_and_query() {
    let app = App::start();
    let proxy = start(&app);
    let url = format!("{PUBLIC_URL}/hubspot?a=%40b&c");
    let signed = |target: &str, host: &str| {
        Request::new("POST", target, "{}")
            .headers(&sign::v3(SECRET, "POST", &url, b"{}", &sign::now(0)))
            .header("Host", host)
    };
    for (target, host) in [
        ("http://inner.example/hubspot?a=%40b&c", "inner.example"),
        ("HTTP://Inner.Example:80/hubspot?a=%40b&c", "inner.example"),
        (
            "https://inner.example/hubspot?a=%40b&c",
            "inner.example:443",
        ),
        ("http://[::1]:8080/hubspot?a=%40b&c", "[::1]:8080"),
    ] {
        assert_eq!(proxy.send(&signed(target, host)).status, 200, "{target}");
        let seen = app.next();
        assert_eq!(
            (&*seen.target, seen.one("host")),
            ("/hubspot?a=%40b&c", Some(host))
        );
        assert_eq!(seen.one("x-hookward-verified"), Some("hubspot-v3"));
    }
    for (target, host) in [
        ("http://other.example/hubspot?a=%40b&c", "inner.example"),
        (
            "http://user@inner.example/hubspot?a=%40b&c",
            "inner.example",
        ),
        ("ftp://inner.example/hubspot?a=%40b&c", "inner.example"),
    ] {
        assert_eq!(proxy.send(&signed(target, host)).status, 400, "{target}");
    }
    let keyed = Request {
        target: format!("http://proxy.internal/key-query?a&api_key={SECRET}"),
        ..Kind::KeyQuery.request(b"{}")
    };
    assert_eq!(proxy.send(&keyed).status, 200);
    assert_eq!(app.next().target, "/key-query?a");
    app.assert_nothing_more();
}

#[test]
fn what_browsers_and_axios_leave_in_a_target_goes_on_byte_for_byte() {
    let app = App::start();
    let secrets = secrets(&[("s", SECRET)]);
    let twenty = format!("scheme = \"twenty\"\n{secrets}");
    let hubspot = format!("scheme = \"hubspot\"\nversions = [\"v2\", \"v3\"]\n{secrets}");
    let public_url = format!("public_url = \"{PUBLIC_URL}\"");
    let routes = route("t", "/t/*", app.url(), "", &twenty)
        + &route("h", "/h/*", app.url(), &public_url, &hubspot);
    let proxy = Proxy::start("", &routes);
    let unsigned = |target: &str| {
        Request::new("POST", target, "{}").headers(&sign::twenty(SECRET, b"{}", &sign::now(0)))
    };
    for target in [
        "/t/{a}|b^c`d[e]",
        "/t/a?{b}|c^d`e[f]",
        "/t/a?b=\\c&d=%&e=%4&f=100%",
        "/t/a%2Fb%5Cc%3Fd?%7B",
        "/t//a?b?c",
    ] {
        assert_eq!(proxy.send(&unsigned(target)).status, 200, "{target}");
        assert_eq!(app.next().target, target);
    }
    let v2 = |target: &str| {
        let url = format!("{PUBLIC_URL}{target}");
        Request::new("POST", target, "{}").headers(&sign::v2(SECRET, "POST", &url, b"{}"))
    };
    let v3 = |target: &str| {
        let url = format!("{PUBLIC_URL}{target}");
        let signed = sign::v3(SECRET, "POST", &url, b"{}", &sign::now(0));
        Request::new("POST", target, "{}").headers(&signed)
    };
    for target in ["/h/a}|^`]", "/h/a?b=}|^`]\\c&d=%&e=%2F%5C%3F"] {
        for request in [v2(target), v3(target)] {
            assert_eq!(proxy.send(&request).status, 200, "{target}");
            assert_eq!(app.next().target, target);
        }
    }
    for target in [
        "/h/a?b={", "/h/a?b=[", "/h/{a", "/h/[a", "/h/a%2Fb", "/h/a%5cb", "/h/a%3fb",
    ] {
        for request in [v2(target), v3(target)] {
            assert_eq!(proxy.send(&request).status, 400, "{target}");
        }
    }
    for path in [
        "a\\b", "a%", "a%4g", "a\"", "a<", "a>", "a#", "a\u{1}", "a\u{7f}", "a\u{e9}",
    ] {
        for target in [format!("/t/{path}"), format!("/h/{path}")] {
            assert_eq!(proxy.send(&unsigned(&target)).status, 400, "{target:?}");
        }
    }
    for query in ["\"", "<", ">", "#", "\u{1}", "\u{7f}", "\u{e9}"] {
        let target = format!("/t/a?{query}");
        assert_eq!(proxy.send(&unsigned(&target)).status, 400, "{target:?}");
    }
    app.assert_nothing_more();
}
