//! What verifies is forwarded whole, and the app gets exactly what the contract says.

use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::proxy::{Proxy, file};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

const SIZES: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 1 << 20, 8 << 20];

fn body(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| u8::try_from(index % 251).unwrap())
        .collect()
}

fn start(app: &App) -> Proxy {
    Proxy::start(
        "",
        &sign::routes(format_args!("http://{}", app.address), ""),
    )
}

#[test]
fn every_kind_verifies_at_every_size_in_both_framings_on_one_connection() {
    let app = App::start();
    let proxy = start(&app);
    let mut client = Client::connect(proxy.address);
    for kind in Kind::ALL {
        for size in SIZES {
            for framing in [Framing::Length, Framing::Chunked(10_007)] {
                let body = body(size);
                let request = kind.request(&body).framed(framing);
                client.send(&request.bytes());
                let answer = client.answer("POST");
                let what = format!("{kind:?} {size} {framing:?}");
                assert_eq!(
                    (answer.status, &answer.body[..]),
                    (200, &b"ok"[..]),
                    "{what}"
                );
                assert_eq!(answer.header("x-app"), Some("yes"), "{what}");
                let seen = app.next();
                assert!(seen.body == body, "{what}: the body changed");
                assert_eq!(
                    seen.one("content-length"),
                    Some(&*size.to_string()),
                    "{what}"
                );
                assert_eq!(
                    seen.one("x-hookward-verified"),
                    Some(kind.label()),
                    "{what}"
                );
                assert_eq!(seen.one("x-hookward-secret"), Some("current"), "{what}");
                assert_eq!(seen.target, kind.path(), "{what}: the key is stripped");
            }
        }
    }
    app.assert_nothing_more();
    let sent = Kind::ALL.len() * SIZES.len() * 2;
    let matched: f64 = ["hubspot", "twenty", "key-header", "key-query"]
        .map(|route| {
            proxy.metric(&format!(
                "hookward_secret_matches_total{{route=\"{route}\",secret=\"current\"}}"
            ))
        })
        .iter()
        .sum();
    assert_eq!(matched, f64::from(u32::try_from(sent).unwrap()));
    assert_eq!(proxy.metric("hookward_buffered_bytes"), 0.0);
    assert_eq!(proxy.metric("hookward_connections"), 1.0);
}

#[test]
fn a_body_of_one_byte_chunks_and_one_cut_anywhere_arrive_whole() {
    let app = App::start();
    let proxy = start(&app);
    let body = body(3_000);
    let request = Kind::Twenty.request(&body).framed(Framing::Chunked(1));
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(app.next().body, body);
    let request = Kind::V3.request(b"0123456789");
    let bytes = request.bytes();
    for cut in (1..bytes.len()).step_by(5) {
        let mut client = Client::connect(proxy.address);
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        assert_eq!(client.answer("POST").status, 200, "cut at {cut}");
        assert_eq!(app.next().body, b"0123456789", "cut at {cut}");
    }
}

#[test]
fn pipelined_requests_of_mixed_verdicts_are_answered_in_order() {
    let app = App::start();
    let proxy = start(&app);
    let good = |body: &str| Kind::Twenty.request(body.as_bytes());
    let forged = || Request {
        body: b"forged".to_vec(),
        ..good("signed")
    };
    let mut client = Client::connect(proxy.address);
    let pipelined = [
        good("first").bytes(),
        forged().bytes(),
        good("third").framed(Framing::Chunked(2)).bytes(),
        good("unsigned")
            .without("X-Twenty-Webhook-Signature")
            .bytes(),
        Request::new("GET", "/nowhere", "").bytes(),
        good("sixth").bytes(),
    ];
    client.send(&pipelined.concat());
    let statuses: Vec<u16> = pipelined
        .iter()
        .map(|_| client.answer("POST").status)
        .collect();
    assert_eq!(statuses, [200, 401, 200, 401, 404, 200]);
    let bodies: Vec<Vec<u8>> = (0..3).map(|_| app.next().body).collect();
    assert_eq!(
        bodies,
        [b"first".to_vec(), b"third".to_vec(), b"sixth".to_vec()]
    );
    app.assert_nothing_more();
}

#[test]
fn a_sender_that_asks_to_go_on_is_told_to_only_after_the_header_checks() {
    let app = App::start();
    let proxy = start(&app);
    let good = Kind::V3
        .request(&body(100_000))
        .header("Expect", "100-continue");
    let mut client = Client::connect(proxy.address);
    client.send(&good.head_bytes());
    assert_eq!(client.try_answer("POST").unwrap().status, 100);
    client.send(&good.body);
    assert_eq!(client.answer("POST").status, 200);
    let seen = app.next();
    assert_eq!((seen.body.len(), seen.one("expect")), (100_000, None));
    client.send(&Kind::V3.request(b"{}").bytes());
    assert_eq!(client.answer("POST").status, 200, "the connection stays");
    app.next();

    let stale = good.with("X-HubSpot-Request-Timestamp", sign::now(-400_000));
    let mut client = Client::connect(proxy.address);
    client.send(&stale.head_bytes());
    assert_eq!(client.try_answer("POST").unwrap().status, 401);
    app.assert_nothing_more();
}

#[test]
fn the_app_receives_the_headers_as_they_came_and_the_hand_off() {
    let app = App::start();
    let proxy = start(&app);
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
        .header("X-Request-Id", "from.the-sender_1")
        .header("Connection", "close, X-Hop")
        .header("X-Hop", "gone")
        .header("Keep-Alive", "timeout=5");
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
        ("x-forwarded-proto", Some("http")),
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
        names.contains(&"X-HubSpot-Signature-v3"),
        "names keep their spelling: {names:?}"
    );
}

#[test]
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

#[test]
fn any_of_five_secrets_from_any_source_verifies() {
    let app = App::start();
    let (_guard, path) = file("secret", "a secret from a file\n");
    let secrets = format!(
        "secrets = [{{ id = \"1\", value = \"one\" }}, {{ id = \"2\", value = \"two\" }}, \
         {{ id = \"3\", value = \"three\" }}, {{ id = \"file\", file = {path:?} }}, \
         {{ id = \"env\", env = \"HOOKWARD_TEST_SECRET\" }}]"
    );
    let routes = format!(
        "[[route]]\nname = \"t\"\npath = \"/t\"\nupstream = \"http://{}\"\n[route.verify]\n\
         scheme = \"twenty\"\nreplay = false\n{secrets}\n",
        app.address
    );
    let proxy = Proxy::start("", &routes);
    for (secret, id) in [
        ("one", "1"),
        ("two", "2"),
        ("three", "3"),
        ("a secret from a file", "file"),
        ("a secret from the environment", "env"),
    ] {
        let request =
            Request::new("POST", "/t", "{}").headers(&sign::twenty(secret, b"{}", &sign::now(0)));
        assert_eq!(proxy.send(&request).status, 200, "{id}");
        assert_eq!(app.next().one("x-hookward-secret"), Some(id));
    }
    let forged =
        Request::new("POST", "/t", "{}").headers(&sign::twenty("six", b"{}", &sign::now(0)));
    assert_eq!(proxy.send(&forged).status, 401);
    let refused = proxy.logged("refused", |_| true);
    assert_eq!(refused["secrets_tried"], "1,2,3,file,env");
}

#[test]
fn the_public_url_may_have_a_path_that_takes_the_routes_place() {
    let app = App::start();
    let verify = format!(
        "[route.verify]\nscheme = \"hubspot\"\nversions = [\"v2\"]\n\
         secrets = [{{ id = \"s\", value = \"{SECRET}\" }}]\n"
    );
    let route = |name: &str, path: &str, url: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"http://{}\"\n\
             public_url = \"{url}\"\n{verify}",
            app.address
        )
    };
    let routes = [
        route("origin", "/a", "https://h.example"),
        route("slash", "/b", "https://h.example/"),
        route("exact", "/c", "https://h.example/hooks/c"),
        route("prefix", "/d/*", "https://h.example/hooks/"),
    ];
    let proxy = Proxy::start("", &routes.concat());
    for (target, url) in [
        ("/a?x=1", "https://h.example/a?x=1"),
        ("/b", "https://h.example/b"),
        ("/c", "https://h.example/hooks/c"),
        ("/c?x=1", "https://h.example/hooks/c?x=1"),
        ("/c?", "https://h.example/hooks/c?"),
        ("/d/", "https://h.example/hooks/"),
        ("/d/e/f?x=1", "https://h.example/hooks/e/f?x=1"),
    ] {
        let request =
            Request::new("POST", target, "{}").headers(&sign::v2(SECRET, "POST", url, b"{}"));
        assert_eq!(proxy.send(&request).status, 200, "{target}");
        assert_eq!(app.next().target, target);
    }
}

#[test]
fn the_url_is_rebuilt_from_what_a_trusted_proxy_reports() {
    let app = App::start();
    let route = format!(
        "[[route]]\nname = \"h\"\npath = \"/h\"\nupstream = \"http://{}\"\n[route.verify]\n\
         scheme = \"hubspot\"\nversions = [\"v2\"]\n\
         secrets = [{{ id = \"s\", value = \"{SECRET}\" }}]\n",
        app.address
    );
    let signed =
        |url: &str| Request::new("POST", "/h", "{}").headers(&sign::v2(SECRET, "POST", url, b"{}"));
    let hosts = "public_hosts = [\"Hooks.example.com\", \"proxy.internal\"]\n";
    let trusting = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    let x_forwarded = Proxy::start(&format!("{hosts}{trusting}"), &route);
    let request = signed("https://hooks.example.com/h")
        .header("X-Forwarded-For", "9.9.9.9, 203.0.113.7")
        .header("X-Forwarded-Proto", "http, https")
        .header("X-Forwarded-Host", "evil.example, hooks.example.com")
        .header("X-Forwarded-Port", "443")
        .header("Forwarded", "host=evil.example;proto=http");
    assert_eq!(x_forwarded.send(&request).status, 200);
    let seen = app.next();
    assert_eq!(
        seen.one("x-forwarded-for"),
        Some("9.9.9.9, 203.0.113.7, 127.0.0.1")
    );
    assert_eq!(seen.one("x-forwarded-proto"), Some("http, https, http"));
    assert_eq!(
        seen.one("x-forwarded-host"),
        Some("evil.example, hooks.example.com, proxy.internal")
    );
    assert_eq!(
        (seen.one("x-forwarded-port"), seen.one("forwarded")),
        (Some("443"), None)
    );
    let bare = signed("http://proxy.internal/h");
    assert_eq!(
        x_forwarded.send(&bare).status,
        200,
        "the Host where the proxy gives none"
    );
    app.next();
    let (answer, [route_name, _, _, reason]) =
        x_forwarded.judge(&signed("https://x.example/h").header("X-Forwarded-Host", "x.example"));
    assert_eq!(
        (answer.status, &*route_name, &*reason),
        (400, "h", "bad_target")
    );

    let forwarded = Proxy::start(
        &format!("{hosts}{trusting}forwarding = \"forwarded\"\n"),
        &route,
    );
    let request = signed("https://hooks.example.com/h")
        .header(
            "Forwarded",
            "host=evil.example, for=\"[2001:db8::1]\";host=hooks.example.com;proto=https",
        )
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Port", "1");
    assert_eq!(forwarded.send(&request).status, 200);
    let seen = app.next();
    assert_eq!(seen.one("x-forwarded-host"), Some("proxy.internal"));
    assert_eq!(seen.one("x-forwarded-port"), None);
    assert!(seen.one("forwarded").is_some());
    app.assert_nothing_more();
}

#[test]
fn api_keys_are_taken_out_or_left_as_the_route_says() {
    let app = App::start();
    let route = |name: &str, place: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"http://{}\"\n\
             [route.verify]\nscheme = \"api-key\"\n{place}\n\
             secrets = [{{ id = \"k\", value = \"Bearer a+b c\" }}]\n",
            app.address
        )
    };
    let routes = [
        route("header", "header = \"Authorization\""),
        route("header-kept", "header = \"Authorization\"\nstrip = false"),
        route("query", "query = \"the key\""),
        route("query-kept", "query = \"the key\"\nstrip = false"),
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

#[test]
fn a_route_that_does_not_enforce_forwards_and_says_why_it_would_not_have() {
    let app = App::start();
    let routes = sign::routes(format_args!("http://{}", app.address), "enforce = false");
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

#[test]
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
        let mut client = Client::connect(proxy.address);
        for _ in 0..2 {
            client.send(&Kind::Twenty.request(b"{}").bytes());
            let got = client.answer("POST");
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
