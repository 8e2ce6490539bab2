//! `hookward health` says of the process that serves by a configuration whether it should get requests.

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file};
use crate::support::route::{route, secrets};
use crate::support::sign::{self, SECRET};

fn health(file: &str) -> (i32, String) {
    let (code, out, error) = command(&["health", "--config", file]);
    (code, out + &error)
}

/// A configuration with this admin address.
fn config(admin: &str, rest: &str) -> (tempfile::TempDir, String) {
    let text =
        format!("[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"{admin}\"\n{rest}");
    let (guard, path) = file("hookward.toml", text);
    let path = path.to_str().unwrap().to_owned();
    (guard, path)
}

/// A route, to an app that nobody is.
fn a_route() -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("current", SECRET)]));
    route("twenty", "/twenty", "http://127.0.0.1:9", "", &verify)
}

#[test]
fn a_process_that_serves_is_well_and_one_that_is_gone_is_not() {
    let proxy = Proxy::start("", &a_route());
    let admin = proxy.admin.to_string();
    let (_guard, file) = config(&admin, &a_route());
    let (code, said) = health(&file);
    assert_eq!(code, 0, "{said}");
    drop(proxy);
    let (code, said) = health(&file);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&admin), "{said}");
}

#[test]
fn a_process_that_listens_on_all_addresses_is_asked_on_this_machine() {
    let proxy = Proxy::start("", &a_route());
    let (_guard, file) = config(&format!("0.0.0.0:{}", proxy.admin.port()), &a_route());
    assert_eq!(health(&file).0, 0);
}

#[test]
fn a_process_that_stops_is_not_ready_and_says_why() {
    let proxy = Proxy::start("shutdown_grace = \"30s\"\n", &a_route());
    let (_guard, file) = config(&proxy.admin.to_string(), &a_route());
    // A request that has begun keeps it from ending.
    let mut connection = Client::connect(proxy.address);
    let request = Request::new("POST", "/twenty", "body").headers(&sign::twenty(
        SECRET,
        b"body",
        &sign::now(0),
    ));
    connection.send(&request.head_bytes());
    eventually("the request to begin", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    let (code, said) = health(&file);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("not ready"), "{said}");
}

#[test]
fn a_file_with_errors_is_not_in_use_and_makes_nobody_unwell() {
    let proxy = Proxy::start("", &a_route());
    let (_guard, file) = config(&proxy.admin.to_string(), "[no_such_table]\n");
    let (code, said) = health(&file);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn who_cannot_be_asked_is_not_well() {
    let (_guard, any_port) = config("127.0.0.1:0", &a_route());
    let (_guard, nowhere) = file("hookward.toml", "[server]\n");
    for file in ["/does/not/exist.toml", &any_port, nowhere.to_str().unwrap()] {
        let (code, said) = health(file);
        assert_eq!(code, 1, "{said}");
        assert!(!said.is_empty());
    }
}

#[test]
fn somebody_else_at_the_address_is_not_hookward() {
    let app = App::answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let admin = app.address.to_string();
    let (_guard, file) = config(&admin, &a_route());
    let (code, said) = health(&file);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("404"), "{said}");
}
