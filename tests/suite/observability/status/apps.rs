//! How apps fare, whatever their requests came from.

use std::io::Write;

use serde_json::{Value, json};

use super::{ask, in_the_last_hour, millis, route, status};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route as table, secrets};
use crate::support::sign::{self, SECRET};

/// An app that answers the status that stands at the end of the path, or, without one, nothing.
fn app() -> App {
    App::behaving(|stream, seen| {
        let status = seen.target.rsplit('/').next().unwrap();
        if status.parse::<u16>().is_err() {
            let begun = if status == "cut" {
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
            } else {
                ""
            };
            let _ = stream.write_all(begun.as_bytes());
            return false;
        }
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).is_ok()
    })
}

fn routes(upstream: impl std::fmt::Display, keys: &str) -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("s", SECRET)]));
    table("r", "/in/*", upstream, keys, &verify)
}

fn request(path: &str) -> Request {
    let signed = sign::twenty(SECRET, b"{}", &sign::now(0));
    Request::new("POST", path, "{}").headers(&signed)
}

/// What is said of the app once it was counted so often.
fn once_counted(proxy: &Proxy, ok: u64, failed: u64) -> Value {
    let route = eventually(&format!("{ok} and {failed}"), || {
        let route = route(proxy, "r");
        let app = &route["app"];
        // The hour is read a moment before the sum.
        let is_counted = app["ok"] == ok
            && app["failed"] == failed
            && in_the_last_hour(&route, "app_failed") == failed;
        is_counted.then_some(route)
    });
    route["app"].clone()
}

#[test]
fn an_app_fails_by_what_it_answers_and_by_not_answering() {
    let app = app();
    let proxy = Proxy::start("", &routes(app.url(), "upstream_timeout = \"30s\""));
    let (mut ok, mut failed) = (0, 0);
    for (end, failure) in [
        ("200", None),
        ("500", Some("500")),
        ("302", None),
        ("429", Some("429")),
        ("404", None),
        ("nothing", Some("app_closed")),
        ("401", None),
        ("503", Some("503")),
    ] {
        let began = sign::clock();
        proxy.send(&request(&format!("/in/{end}")));
        match failure {
            Some(_) => failed += 1,
            None => ok += 1,
        }
        let told = once_counted(&proxy, ok, failed);
        if let Some(reason) = failure {
            assert_eq!(told["last_failure_reason"], reason, "{told}");
            let at = millis(&told["last_failure"]);
            assert!((began..=sign::clock()).contains(&at), "{told}");
        }
    }
    let all = route(&proxy, "r");
    assert_eq!(in_the_last_hour(&all, "app_ok"), ok);
    assert_eq!(in_the_last_hour(&all, "app_refused"), 2, "404 and 401");
    // Nothing of it is of the process.
    assert_eq!(ask(&proxy, "GET", "/healthz").status, 200);
    assert_eq!(ask(&proxy, "GET", "/readyz").status, 200);
    assert_eq!(status(&proxy)["ready"], true);
}

#[test]
fn an_answer_that_breaks_off_and_an_app_that_is_too_slow_or_gone_have_failed() {
    let proxy = Proxy::start("", &routes(app().url(), ""));
    let mut client = crate::support::client::Client::connect(proxy.address);
    client.send(&request("/in/cut").bytes());
    let told = once_counted(&proxy, 0, 1);
    assert_eq!(told["last_failure_reason"], "app_closed");

    let slow = App::behaving(|_, _| true);
    let proxy = Proxy::start("", &routes(slow.url(), "upstream_timeout = \"50ms\""));
    assert_eq!(proxy.send(&request("/in/x")).status, 504);
    let told = once_counted(&proxy, 0, 1);
    assert_eq!(told["last_failure_reason"], "app_too_slow");

    let proxy = Proxy::start("", &routes("http://127.0.0.1:1", ""));
    assert_eq!(proxy.send(&request("/in/x")).status, 502);
    let told = once_counted(&proxy, 0, 1);
    assert_eq!(told["last_failure_reason"], "app_unreachable");
    assert_eq!(ask(&proxy, "GET", "/readyz").status, 200);
}

#[test]
fn deliveries_count_as_requests_do_and_what_was_not_sent_does_not() {
    let app = app();
    let directory = tempfile::tempdir().unwrap();
    let spool = format!(
        "[spool]\nstore = \"disk\"\ndirectory = {:?}\n",
        directory.path().join("spool")
    );
    let keys = "spool = \"always\"";
    let proxy = Proxy::start("", &(routes(app.url(), keys) + &spool));
    assert_eq!(proxy.send(&request("/in/204")).status, 202);
    once_counted(&proxy, 1, 0);
    assert_eq!(proxy.send(&request("/in/410")).status, 202);
    once_counted(&proxy, 2, 0);
    assert_eq!(proxy.send(&request("/in/503")).status, 202);
    let told = eventually("a failed delivery", || {
        let told = route(&proxy, "r")["app"].clone();
        (told["failed"].as_u64() >= Some(1)).then_some(told)
    });
    assert_eq!(told["last_failure_reason"], "503");
    let stored = eventually("one that waits and one that is dead", || {
        let stored = route(&proxy, "r")["spool"].clone();
        (stored["waiting"] == 1 && stored["dead"] == 1).then_some(stored)
    });
    let age = sign::clock() - millis(&stored["oldest_at"]);
    assert!((0..=60_000).contains(&age), "{stored}");
    let spool = status(&proxy)["spool"].clone();
    assert_eq!(
        (&spool["store"], &spool["ok"]),
        (&json!("disk"), &json!(true))
    );
    assert!(spool["bytes"].as_u64().unwrap() > 0, "{spool}");
    assert!(spool["max_bytes"].as_u64().unwrap() > 1 << 20, "{spool}");
}
