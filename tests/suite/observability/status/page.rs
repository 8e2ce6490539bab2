//! The page at `/` shows the process that serves it, and is sent with the policy that keeps markup text.

use super::ask;
use crate::support::app::App;
use crate::support::client::{Request, exchange};
use crate::support::proxy::Proxy;
use crate::support::sign;

fn page(proxy: &Proxy) -> String {
    let answer = ask(proxy, "GET", "/");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn it_waits_for_a_first_request_and_then_shows_it() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    assert!(page(&proxy).contains("All is well, waiting for the first request</h1>"));
    let refused = Request::new("POST", "/none/<b>/%3Cb%3E", "").header("X-Forwarded-For", "<b>");
    exchange(proxy.address, &refused);
    let shown = page(&proxy);
    assert!(
        shown.contains("No request has verified yet</h1>"),
        "{shown}"
    );
    assert!(shown.contains("/none/&#60;b&#62;/%3Cb%3E"), "{shown}");
    assert!(!shown.contains("<b>/"), "{shown}");
    for _ in 0..20 {
        exchange(proxy.address, &Request::new("POST", "/twnety", "{}"));
    }
    let shown = page(&proxy);
    assert!(shown.contains("1 thing needs attention</h1>"), "{shown}");
    let what = "21 requests had no route in the last 15 minutes, mostly no_route: POST /twnety";
    assert!(shown.contains(what), "{shown}");
}

#[test]
fn it_shows_what_is_let_through() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), "enforce = false"));
    for _ in 0..5 {
        let request = Request::new("POST", "/twenty", "{}");
        assert_eq!(proxy.send(&request).status, 200);
    }
    let shown = page(&proxy);
    assert!(shown.contains("All is well</h1>"), "{shown}");
    assert!(shown.contains("5 let through unverified"), "{shown}");
}
