//! What is said of signed requests.

use super::{NOWHERE, Patient, app_off_by, twenty};
use crate::support::app::App;
use crate::support::proxy::Proxy;
use crate::support::sign;
use crate::support::sign::SECRET;

#[test]
fn signed_requests_tell_whether_the_process_that_serves_has_the_secrets() {
    let app = app_off_by(0);
    let routes = |upstream: &str| sign::routes(upstream, "").replace(sign::PUBLIC_URL, NOWHERE);
    let proxy = Proxy::start("", &routes(&app.url()));
    // The first secret is the one that is sent.
    let doctors = routes(&app.url());
    let said = Patient::of(&proxy, "", &doctors).ask(&["--send"]);
    assert_eq!(said.code, 0, "{:#?}", said.not_ok());
    assert_eq!(app.next().method, "HEAD");
    let mut verified: Vec<String> = Vec::new();
    for name in ["hubspot", "twenty", "key-header", "key-query"] {
        said.is(
            "send",
            &format!("route {name}"),
            "ok",
            "secret old, answered 200",
        );
        let seen = app.next();
        assert!(
            seen.one("x-request-id")
                .unwrap()
                .starts_with("hookward-doctor-")
        );
        verified.push(seen.one("x-hookward-verified").unwrap().to_owned());
    }
    verified.sort();
    assert_eq!(verified, ["api-key", "api-key", "hubspot-v3", "twenty"]);
    let others = doctors.replace(
        "an older secret of the route",
        "a secret that nobody else has",
    );
    let said = Patient::of(&proxy, "", &others).ask(&["--send"]);
    assert_eq!(said.code, 1);
    for name in ["hubspot", "twenty", "key-header", "key-query"] {
        said.is(
            "send",
            &format!("route {name}"),
            "failed",
            "answered 401: hookward refused it",
        );
    }
    assert!(
        !said
            .checks
            .iter()
            .any(|it| it.to_string().contains("nobody else has"))
    );
}

#[test]
fn signed_requests_tell_what_the_app_does() {
    let send = |upstream: &str, keys: &str, doctors: &str| {
        let keys = format!("upstream_connect_timeout = \"1s\"\n{keys}");
        let proxy = Proxy::start("", &twenty(upstream, &keys));
        Patient::of(&proxy, "", &doctors.replace("UPSTREAM", upstream)).ask(&["--send"])
    };
    let usual = twenty("UPSTREAM", "upstream_connect_timeout = \"1s\"");
    let said = send(NOWHERE, "", &usual);
    said.is(
        "send",
        "route twenty",
        "failed",
        "answered 502: the app could not be reached",
    );
    let app = App::answering(b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\nno");
    let said = send(&app.url(), "", &usual);
    said.is(
        "send",
        "route twenty",
        "warning",
        "answered 422: it verified",
    );
    let app = App::answering(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno");
    let said = send(&app.url(), "", &usual);
    assert_eq!(said.code, 1);
    said.is(
        "send",
        "route twenty",
        "failed",
        "answered 500: it verified, and the app failed",
    );
    // What is let through unverified is not taken for verified.
    let app = App::start();
    let unenforced = usual.replace("upstream_connect", "enforce = false\nupstream_connect");
    let wrong = unenforced.replace(SECRET, "a secret that nobody else has");
    let said = send(&app.url(), "enforce = false", &wrong);
    said.is("send", "route twenty", "failed", "it did not verify");
    let said = send(&app.url(), "enforce = false", &unenforced);
    said.is("send", "route twenty", "ok", "the app took it");
    // Where no hookward serves, and none can be called from outside.
    let said = Patient::anywhere(&twenty(app.url(), "")).ask(&["--send"]);
    said.is(
        "send",
        "route twenty",
        "warning",
        "no hookward of this configuration listens here",
    );
    let keys = format!("public_url = \"{NOWHERE}\"");
    let said = Patient::anywhere(&twenty(app.url(), &keys)).ask(&["--send"]);
    said.is(
        "send",
        "route twenty",
        "warning",
        "public_url cannot be reached",
    );
    // It is sent by the public URL where no hookward is found here.
    let proxy = Proxy::start("", &twenty(app.url(), ""));
    let keys = format!("public_url = \"http://{}\"", proxy.address);
    let said = Patient::anywhere(&twenty(app.url(), &keys)).ask(&["--send"]);
    assert_eq!(said.code, 0);
    said.is(
        "send",
        "route twenty",
        "warning",
        "sent to public_url with secret current, answered 200: that hookward verified it cannot be seen",
    );
}

#[test]
fn an_answer_that_hookward_has_not_counted_is_no_success() {
    let app = App::start();
    let page = App::start();
    let keys = format!("public_url = \"{}\"", page.url());
    let routes = twenty(app.url(), &keys);
    // Nothing of ours serves, and public_url leads to a page that answers 200 to all.
    let said = Patient::anywhere(&routes).ask(&["--send"]);
    said.is(
        "send",
        "route twenty",
        "warning",
        "cannot be seen from here",
    );
    // hookward serves, at another address than the configuration says, and the page answers.
    let proxy = Proxy::start("", &routes);
    let admin = proxy.admin.to_string();
    let patient = Patient::new("listen = [\"127.0.0.1:0\"]", &admin, &routes);
    let said = patient.ask(&["--send"]);
    said.is(
        "send",
        "route twenty",
        "warning",
        "did not count it as verified",
    );
    // It serves by a configuration that lets all through, which is not the one that is asked about.
    let lax = twenty(app.url(), "enforce = false");
    let lax = Proxy::start("", &lax);
    let other = twenty(app.url(), "").replace(SECRET, "a secret that nobody else has");
    let said = Patient::of(&lax, "", &other).ask(&["--send"]);
    assert_eq!(said.code, 1);
    said.is(
        "send",
        "route twenty",
        "failed",
        "did not count it as verified",
    );
}

#[test]
fn an_app_knows_the_doctors_requests_whatever_is_done_to_their_ids() {
    let app = app_off_by(0);
    let keys = format!("public_url = \"{NOWHERE}\"");
    let routes = twenty(app.url(), &keys);
    let proxy = Proxy::start("", &routes);
    Patient::of(&proxy, "", &routes).ask(&["--send"]);
    for method in ["HEAD", "POST"] {
        let seen = app.next();
        assert_eq!(
            (&*seen.method, seen.one("hookward-doctor")),
            (method, Some("1"))
        );
    }
    app.assert_nothing_more();
}
