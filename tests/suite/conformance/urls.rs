//! The signed URL is put together as the configuration says, and any secret of a route verifies.

use crate::support::app::App;
use crate::support::client::Request;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::{Proxy, file};
use crate::support::route::{route, secrets};
use crate::support::sign::{self, SECRET};

over_each_protocol!(
    any_of_five_secrets_from_any_source_verifies,
    the_public_url_may_have_a_path_that_takes_the_routes_place,
    with_body_start_json_no_byte_moves_between_a_signed_url_and_its_body,
);

/// Of a route that takes HubSpot v2.
fn v2() -> String {
    let secrets = secrets(&[("s", SECRET)]);
    format!("scheme = \"hubspot\"\nversions = [\"v2\"]\n{secrets}")
}

fn any_of_five_secrets_from_any_source_verifies() {
    let app = App::start();
    let (_guard, path) = file("secret", "a secret from a file\n");
    let secrets = format!(
        "secrets = [{{ id = \"1\", value = \"one\" }}, {{ id = \"2\", value = \"two\" }}, \
         {{ id = \"3\", value = \"three\" }}, {{ id = \"file\", file = {path:?} }}, \
         {{ id = \"env\", env = \"HOOKWARD_TEST_SECRET\" }}]"
    );
    let verify = format!("scheme = \"twenty\"\nreplay = false\n{secrets}");
    let proxy = Proxy::start("", &route("t", "/t", app.url(), "", &verify));
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

fn the_public_url_may_have_a_path_that_takes_the_routes_place() {
    let app = App::start();
    let called = |name: &str, path: &str, url: &str| {
        let public_url = format!("public_url = \"{url}\"");
        route(name, path, app.url(), &public_url, &v2())
    };
    let routes = [
        called("origin", "/a", "https://h.example"),
        called("slash", "/b", "https://h.example/"),
        called("exact", "/c", "https://h.example/hooks/c"),
        called("prefix", "/d/*", "https://h.example/hooks/"),
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
    let route = route("h", "/h", app.url(), "", &v2());
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
    // nginx's `$host:$server_port`: nobody calls, or signs, the port that is its scheme's own.
    for (proto, host) in [
        ("https", "hooks.example.com:443"),
        ("http", "hooks.example.com:80"),
    ] {
        let request = signed(&format!("{proto}://hooks.example.com/h"))
            .header("X-Forwarded-Proto", proto)
            .header("X-Forwarded-Host", host);
        assert_eq!(x_forwarded.send(&request).status, 200, "{host}");
        app.next();
    }
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

fn with_body_start_json_no_byte_moves_between_a_signed_url_and_its_body() {
    let app = App::start();
    let secrets = secrets(&[("s", SECRET)]);
    let keys = "methods = [\"POST\", \"GET\", \"DELETE\"]\npublic_url = \"https://h.example\"";
    let on = |name: &str, body_start: &str| {
        let versions = "scheme = \"hubspot\"\nversions = [\"v1\", \"v2\", \"v3\"]";
        let verify = format!("{versions}\nbody_start = \"{body_start}\"\n{secrets}");
        route(name, &format!("/{name}"), app.url(), keys, &verify)
    };
    let proxy = Proxy::start("", &[on("any", "any"), on("json", "json")].concat());
    let signed = |version: &str, method: &str, target: &str, body: &[u8]| {
        let url = format!("https://h.example{target}");
        match version {
            "v2" => sign::v2(SECRET, method, &url, body),
            _ => sign::v3(SECRET, method, &url, body, &sign::now(0)),
        }
    };
    for version in ["v2", "v3"] {
        for method in ["POST", "DELETE", "GET"] {
            for (name, expected) in [("any", 200), ("json", 400)] {
                // What was signed for userId=51 is sent for userId=5, with a body of `1`.
                let headers = signed(version, method, &format!("/{name}?userId=51"), b"");
                let cut = Request::new(method, &format!("/{name}?userId=5"), "1").headers(&headers);
                let answer = proxy.send(&cut);
                assert_eq!(answer.status, expected, "{version} {method} {name}");
                if expected == 200 {
                    assert_eq!(app.next().body, b"1");
                }
            }
            for body in ["", "{}", "[1]", "\"text\"", " {}", "<a/>"] {
                let headers = signed(version, method, "/json?userId=51", body.as_bytes());
                let whole = Request::new(method, "/json?userId=51", body).headers(&headers);
                assert_eq!(
                    proxy.send(&whole).status,
                    200,
                    "{version} {method} {body:?}"
                );
                assert_eq!(app.next().body, body.as_bytes());
            }
        }
    }
    proxy.logged("refused", |line| {
        line["reason"] == "bad_request" && line["detail"].to_string().contains("body_start")
    });
    // v1 signs no URL, so nothing can move.
    let v1 = Request::new("POST", "/json", "1").headers(&sign::v1(SECRET, b"1"));
    assert_eq!(proxy.send(&v1).status, 200);
    assert_eq!(app.next().body, b"1");
    app.assert_nothing_more();
}
