//! The app gets the headers that are documented, and its answers pass whole.

use super::start;
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

over_each_protocol!(
    the_app_receives_the_headers_as_they_came_and_the_hand_off,
    a_request_id_is_made_where_there_is_no_sound_one,
    api_keys_are_taken_out_or_left_as_the_route_says,
    a_route_that_does_not_enforce_forwards_and_says_why_it_would_not_have,
    the_apps_answer_passes_whole_whatever_it_is,
);

fn the_app_receives_the_headers_as_they_came_and_the_hand_off() {
    let app = App::start();
    let proxy = start(&app);
    let protocol = Protocol::current();
    let timestamp = sign::now(-1_000);
    let url = format!("{PUBLIC_URL}/hubspot?b=2&a=%C3%A9");
    let request = Request::new("POST", "/hubspot?b=2&a=%C3%A9", "{}")
        .headers(&sign::v3(SECRET, "POST", &url, b"{}", &timestamp))
        .header("Host", "inner.example:8080")
        .header("Content-Type", "application/json; charset=UTF-8")
        .header("Cookie", "a=1")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("X-Latin", b"caf\xe9")
        .header("X-Request-Id", "from.the-sender_1");
    let request = match protocol.is_http2() {
        true => request,
        false => request
            .header("Connection", "close, X-Hop")
            .header("X-Hop", "gone")
            .header("Keep-Alive", "timeout=5"),
    };
    assert_eq!(proxy.send(&request).status, 200);
    let seen = app.next();
    assert_eq!(
        (&*seen.method, &*seen.target),
        ("POST", "/hubspot?b=2&a=%C3%A9")
    );
    let expected = [
        ("host", Some("inner.example:8080")),
        ("content-type", Some("application/json; charset=UTF-8")),
        ("cookie", Some("a=1")),
        ("x-latin", Some("caf\u{fffd}")),
        ("x-hubspot-request-timestamp", Some(&*timestamp)),
        ("x-request-id", Some("from.the-sender_1")),
        ("x-hop", None),
        ("keep-alive", None),
        ("x-forwarded-for", Some("127.0.0.1")),
        (
            "x-forwarded-proto",
            Some(if protocol.is_tls() { "https" } else { "http" }),
        ),
        ("x-forwarded-host", Some("inner.example:8080")),
        ("x-hookward-verified", Some("hubspot-v3")),
        ("x-hookward-route", Some("hubspot")),
        ("x-hookward-secret", Some("current")),
        ("x-hookward-signed-at", Some(&*timestamp)),
        ("x-hookward-rejection", None),
    ];
    for (name, value) in expected {
        assert_eq!(seen.one(name), value, "{name}");
    }
    assert_eq!(seen.all("x-twice"), ["one", "two"]);
    let names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        protocol.is_http2() || names.contains(&"X-HubSpot-Signature-v3"),
        "names keep their spelling: {names:?}"
    );
}

fn a_request_id_is_made_where_there_is_no_sound_one() {
    let app = App::start();
    let proxy = start(&app);
    for unsound in [None, Some("a b"), Some("")] {
        let mut request = Kind::V1.request(b"{}");
        if let Some(id) = unsound {
            request = request.header("X-Request-Id", id);
        }
        assert_eq!(proxy.send(&request).status, 200);
        let seen = app.next();
        let made = seen.one("x-request-id").unwrap();
        assert!(
            made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{made}"
        );
    }
}

fn api_keys_are_taken_out_or_left_as_the_route_says() {
    let app = App::start();
    let secrets = secrets(&[("k", "Bearer a+b c")]);
    let keyed = |name: &str, place: &str| {
        let verify = format!("scheme = \"api-key\"\n{place}\n{secrets}");
        route(name, &format!("/{name}"), app.url(), "", &verify)
    };
    let routes = [
        keyed("header", "header = \"Authorization\""),
        keyed("header-kept", "header = \"Authorization\"\nstrip = false"),
        keyed("query", "query = \"the key\""),
        keyed("query-kept", "query = \"the key\"\nstrip = false"),
    ];
    let proxy = Proxy::start("", &routes.concat());
    for (target, header, seen_target, seen_header) in [
        ("/header?x", Some("Bearer a+b c"), "/header?x", None),
        (
            "/header-kept",
            Some("Bearer a+b c"),
            "/header-kept",
            Some("Bearer a+b c"),
        ),
        ("/query?the+key=Bearer+a%2bb+c", None, "/query", None),
        (
            "/query?a=%41&the%20key=Bearer%20a%2Bb%20c&&b",
            None,
            "/query?a=%41&&b",
            None,
        ),
        (
            "/query-kept?the+key=Bearer+a%2Bb+c",
            None,
            "/query-kept?the+key=Bearer+a%2Bb+c",
            None,
        ),
    ] {
        let mut request = Request::new("POST", target, "{}");
        if let Some(value) = header {
            request = request.header("Authorization", value);
        }
        assert_eq!(proxy.send(&request).status, 200, "{target}");
        let seen = app.next();
        assert_eq!(
            (&*seen.target, seen.one("authorization")),
            (seen_target, seen_header)
        );
    }
}

fn a_route_that_does_not_enforce_forwards_and_says_why_it_would_not_have() {
    let app = App::start();
    let routes = sign::routes(app.url(), "enforce = false");
    let proxy = Proxy::start("", &routes);
    let url = format!("{PUBLIC_URL}/hubspot");
    for (request, reason, scheme) in [
        (
            Request::new("POST", "/hubspot", "{}"),
            "missing_signature",
            "hubspot",
        ),
        (
            Request::new("POST", "/hubspot", "{}").headers(&sign::v2("no", "POST", &url, b"{}")),
            "signature_mismatch",
            "hubspot-v2",
        ),
        (
            Request::new("POST", "/twenty", "{}").headers(&sign::twenty(SECRET, b"{}", "1")),
            "malformed_timestamp",
            "twenty",
        ),
        (
            Request::new("POST", "/key-header", "{}").header("X-Api-Key", "no"),
            "api_key_mismatch",
            "api-key",
        ),
        (
            Request::new("POST", "/key-query?api_key=a&api_key=b&c", "{}"),
            "duplicate_header",
            "api-key",
        ),
    ] {
        let (answer, [_, label, verdict, counted]) = proxy.judge(&request);
        assert_eq!(
            (answer.status, &*verdict, &*counted),
            (200, "unenforced", reason)
        );
        assert_eq!(label, scheme);
        let seen = app.next();
        assert_eq!(seen.one("x-hookward-rejection"), Some(reason));
        assert_eq!(seen.one("x-hookward-verified"), None);
        assert_eq!(seen.one("x-hookward-secret"), None);
        assert_eq!(seen.body, b"{}");
        assert!(
            seen.one("x-api-key").is_none() && !seen.target.contains("api_key"),
            "stripped"
        );
    }
    assert_eq!(proxy.send(&Kind::V3.request(b"{}")).status, 200);
    let seen = app.next();
    assert_eq!(seen.one("x-hookward-verified"), Some("hubspot-v3"));
    assert_eq!(seen.one("x-hookward-rejection"), None);
    for (request, status) in [
        (Request::new("POST", "/hubspot/../x", "{}"), 400),
        (Request::new("POST", "/elsewhere", "{}"), 404),
        (Request::new("DELETE", "/hubspot", "{}"), 405),
    ] {
        assert_eq!(proxy.send(&request).status, status, "never let through");
    }
    app.assert_nothing_more();
}

fn the_apps_answer_passes_whole_whatever_it_is() {
    for (answer, status, body) in [
        ("HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", 204, ""),
        (
            "HTTP/1.1 404 Nope\r\nContent-Length: 4\r\n\r\ngone",
            404,
            "gone",
        ),
        (
            "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            500,
            "abcde",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            302,
            "",
        ),
    ] {
        let app = App::answering(answer.as_bytes());
        let proxy = start(&app);
        let mut connection = proxy.connect();
        for _ in 0..2 {
            let got = connection.exchange(&Kind::Twenty.request(b"{}"));
            assert_eq!(
                (got.status, String::from_utf8(got.body).unwrap()),
                (status, body.to_owned())
            );
        }
        let series = format!(
            "hookward_responses_total{{origin=\"app\",route=\"twenty\",status=\"{status}\"}}"
        );
        crate::support::eventually("both to be counted", || {
            (proxy.metric(&series) == 2.0).then_some(())
        });
    }
}
