//! What serving a request costs grows with its size and not with the square of it.
//!
//! The requests are so large that anything quadratic would take hours. No time is measured.

use crate::support::app::App;
use crate::support::client::{Framing, Request};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, SECRET};

const MANY: usize = 3 << 20;

/// A proxy that takes heads of this size, before prefix routes and a route of every kind.
fn start(app: &App) -> Proxy {
    let secrets = secrets(&[("s", SECRET)]);
    let verify = format!("scheme = \"twenty\"\n{secrets}");
    let under = |name: &str, path: &str| route(name, path, app.url(), "", &verify);
    let prefixes: String = (0..200)
        .map(|number| {
            under(
                &format!("p{number}"),
                &format!("{}x/*", "/".repeat(number + 1)),
            )
        })
        .collect();
    let routes = [
        sign::routes(app.url(), ""),
        prefixes,
        under("slashes", "//*"),
    ];
    let server = "max_header_bytes = \"4MiB\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n\
                  forwarding = \"forwarded\"\nheader_timeout = \"30s\"\n";
    Proxy::start(server, &routes.concat())
}

#[test]
fn no_target_is_looked_up_or_checked_in_quadratic_time() {
    let app = App::start();
    let proxy = start(&app);
    let many = |text: &str| text.repeat(MANY / text.len());
    for (target, status) in [
        (many("/"), 401),
        (format!("/nowhere{}", many("/")), 404),
        (format!("/nowhere/{}", many("%2F")), 404),
        (format!("/nowhere/{}", many(".;")), 400),
        (format!("/key-query?{}", many("api_ke%79&")), 401),
        (format!("/key-query?api_key={}", many("%41")), 401),
        (format!("/hubspot?{}", many("%3A")), 401),
    ] {
        let request = Request {
            target,
            ..Kind::V3.request(b"{}")
        };
        let name = request.target.get(..20).unwrap();
        assert_eq!(proxy.send(&request).status, status, "{name}");
    }
    app.assert_nothing_more();
}

#[test]
fn no_header_is_read_in_quadratic_time() {
    let app = App::start();
    let proxy = start(&app);
    let many = |text: &str| text.repeat(MANY / text.len());
    for (name, value) in [
        ("Connection", many("close,")),
        ("X-Request-Id", many("a")),
        ("X", many(" \t")),
    ] {
        let request = Kind::Twenty.request(b"{}").header(name, value);
        assert_eq!(proxy.send(&request).status, 200, "{name}");
        app.next();
    }
    let named = Kind::Twenty.request(b"{}").header("Connection", many("x,"));
    assert_eq!(proxy.send(&named).status, 400);
    // Who called is read for the log where a request is refused.
    let parameters = || (0..MANY / 8).map(|number| format!("p{number}=x"));
    for value in [
        many("for=a,"),
        many("a=b;c=d,"),
        many("a=\"\\b\","),
        many("\""),
        many(";"),
        parameters().collect::<Vec<_>>().join(";"),
        parameters().collect::<Vec<_>>().join(","),
    ] {
        let unsigned = Request::new("POST", "/twenty", "{}").header("Forwarded", &value);
        assert_eq!(proxy.send(&unsigned).status, 401, "{:?}", value.get(..8));
    }
    app.assert_nothing_more();
}

#[test]
fn a_chunk_for_every_byte_is_read_in_linear_time() {
    let app = App::start();
    let proxy = start(&app);
    let body = vec![b'x'; 512 << 10];
    let request = Kind::Twenty.request(&body).framed(Framing::Chunked(1));
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(app.next().body, body);
}
