//! What is said of the apps.

use super::{NOWHERE, Patient, app_off_by, plain_server, tls_app, twenty};
use crate::support::app::App;
use crate::support::sign;

#[test]
fn an_app_that_cannot_be_reached_or_proved_is_told_with_its_cause() {
    let connect = |upstream: &str, keys: &str| {
        let keys = format!("upstream_connect_timeout = \"1s\"\n{keys}");
        Patient::anywhere(&twenty(upstream, &keys)).ask(&[])
    };
    let said = connect(NOWHERE, "");
    assert_eq!(said.code, 1);
    said.is("app", "route twenty", "failed", "connection refused");
    let said = connect("unix:/does/not/exist.sock", "");
    said.is("app", "route twenty", "failed", "no such socket");
    let said = connect("http://does-not-exist.invalid", "");
    said.is("app", "route twenty", "failed", "does-not-exist.invalid");
    let (address, certificate) = tls_app();
    let upstream = format!("https://{address}");
    let said = connect(&upstream, "");
    assert_eq!(said.code, 1);
    said.is(
        "app",
        "route twenty",
        "failed",
        "authority that is not trusted",
    );
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, certificate).unwrap();
    let said = connect(&upstream, &format!("upstream_ca = {ca:?}"));
    assert_eq!(said.code, 0, "{:#?}", said.checks);
    said.is("app", "route twenty", "ok", "its certificate verifies");
    let app = App::start();
    let said = connect(&app.url(), "upstream_protocol = \"h2\"");
    said.is("app", "route twenty", "failed", "HTTP/2");
    let said = connect(&format!("https://{}", plain_server()), "");
    said.is("app", "route twenty", "failed", "does not speak TLS");
}

#[test]
fn routes_to_one_app_are_told_in_one_line() {
    let app = app_off_by(0);
    let said = Patient::anywhere(&sign::routes(app.url(), "").replace(sign::PUBLIC_URL, NOWHERE));
    let said = said.ask(&[]);
    said.is(
        "app",
        "routes hubspot, twenty, key-header and 1 more",
        "ok",
        "takes",
    );
    said.is(
        "public-url",
        "routes hubspot",
        "warning",
        "cannot be reached from here",
    );
    assert_eq!(app.connections(), 1);
}
