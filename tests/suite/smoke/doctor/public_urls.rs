//! What is said of public URLs.

use std::io::Write;

use super::{Patient, app_off_by, plain_server, tls_app, twenty};
use crate::support::app::App;
use crate::support::client::{Request, exchange};
use crate::support::proxy::Proxy;

#[test]
fn a_public_url_that_leads_elsewhere_is_told() {
    let app = app_off_by(0);
    let ask = |public_url: &str| {
        let keys = format!("public_url = {public_url:?}");
        Patient::anywhere(&twenty(app.url(), &keys)).ask(&[])
    };
    let moved = App::answering(
        b"HTTP/1.1 301 Moved\r\nLocation: https://a.example/b?key=c\r\nContent-Length: 0\r\n\r\n",
    );
    let said = ask(&moved.url());
    assert_eq!(said.code, 1);
    said.is(
        "public-url",
        &moved.url(),
        "failed",
        "redirects (301) to https://a.example:",
    );
    let other = App::answering(b"HTTP/1.1 405 No\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n");
    let said = ask(&other.url());
    said.is("public-url", &other.url(), "warning", "something else");
    let (address, _) = tls_app();
    let said = ask(&format!("https://{address}"));
    let of_tls = said.one("public-url", &address.to_string());
    assert!(
        of_tls["text"].as_str().unwrap().contains("certificate"),
        "{of_tls}"
    );
    let said = ask(&format!("https://{}", plain_server()));
    said.is("public-url", "https", "failed", "does not speak TLS");
    // A hookward with this route: by its answer alone, and where what is in front changes the path.
    let proxy = Proxy::start("", &twenty(app.url(), ""));
    let here = format!("http://{}", proxy.address);
    ask(&here).is(
        "public-url",
        &here,
        "ok",
        "leads to a hookward with this route",
    );
    let keys = format!("public_url = \"{here}/changed\"");
    let said = Patient::of(&proxy, "", &twenty(app.url(), &keys)).ask(&[]);
    assert_eq!(said.code, 1);
    said.is("public-url", &here, "failed", "not for this route (404)");
}

#[test]
fn the_requests_of_others_do_not_make_an_answer_hookwards() {
    let app = app_off_by(0);
    let proxy = Proxy::start("", &twenty(app.url(), ""));
    let here = proxy.address;
    // Somebody else's page, and hookward judges a request of a sender's meanwhile.
    let page = App::behaving(move |stream, _| {
        let unsigned = Request::new("POST", "/twenty", "");
        assert_eq!(exchange(here, &unsigned).status, 401);
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).is_ok()
    });
    let keys = format!("public_url = \"{}\"", page.url());
    let said = Patient::of(&proxy, "", &twenty(app.url(), &keys)).ask(&[]);
    assert_eq!(said.code, 0);
    said.is("public-url", &page.url(), "warning", "something else");
}
