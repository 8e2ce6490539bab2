//! What is said of the clock.

use std::io::Write;
use std::time::{Duration, SystemTime};

use super::{NOWHERE, Patient, app_off_by, twenty};
use crate::support::app::App;
use crate::support::route::route;
use crate::support::route::secrets;
use crate::support::sign::SECRET;

#[test]
fn a_clock_that_is_off_is_told_with_how_much() {
    let ask = |app: &App, keys: &str, arguments: &[&str]| {
        let verify = format!("scheme = \"twenty\"\n{keys}\n{}", secrets(&[("a", SECRET)]));
        let routes = route("r", "/r", app.url(), "", &verify);
        Patient::anywhere(&routes).ask(arguments)
    };
    let right = app_off_by(0);
    let from = right.address.to_string();
    for (seconds, keys, code, result, words) in [
        (
            -3_601,
            "",
            1,
            "failed",
            "1 h 0 min ahead of its, more than half of max_age",
        ),
        (
            3_601,
            "",
            1,
            "failed",
            "behind its, more than half of max_skew",
        ),
        (-60, "", 0, "warning", " s ahead of its"),
        (60, "", 0, "warning", "behind its"),
        (-60, "max_age = \"90s\"", 1, "failed", "max_age"),
        (60, "max_age = \"90s\"", 0, "warning", "behind its"),
        (60, "max_skew = \"90s\"", 1, "failed", "max_skew"),
        (0, "", 0, "ok", "agrees"),
    ] {
        let app = app_off_by(seconds);
        let said = ask(&app, keys, &[]);
        said.is("clock", &app.address.to_string(), result, words);
        assert_eq!(said.code, code, "{seconds}");
        let said = ask(
            &right,
            keys,
            &["--time-from", &format!("{}/t?k=v", app.url())],
        );
        said.is("clock", &app.url(), result, words);
        let other = said.checks.iter().filter(|it| it["about"] == from.as_str());
        assert!(other.clone().count() == 1 && other.clone().all(|it| it["result"] == "ok"));
    }
    let said = ask(&App::start(), "", &[]);
    said.is("clock", "this machine", "warning", "--time-from");
    let said = ask(&right, "", &["--time-from", NOWHERE]);
    said.is("clock", NOWHERE, "warning", "connection refused");
}

#[test]
fn an_answer_from_a_cache_tells_no_time() {
    let an_hour_old = |age: &'static str| {
        App::behaving(move |stream, _| {
            let date = SystemTime::now() - Duration::from_secs(3_600);
            let date = httpdate::fmt_http_date(date);
            let head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\n{age}");
            let answer = format!("{head}Content-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).is_ok()
        })
    };
    let ask =
        |app: &App, arguments: &[&str]| Patient::anywhere(&twenty(app.url(), "")).ask(arguments);
    let right = app_off_by(0);
    let cached = an_hour_old("Age: 3600\r\n");
    let said = ask(&right, &["--time-from", &cached.url()]);
    assert_eq!(said.code, 0);
    said.is("clock", &cached.url(), "warning", "comes from a cache");
    let said = ask(&cached, &[]);
    assert_eq!(said.code, 0);
    said.is("clock", "this machine", "warning", "--time-from");
    // What a cache has just fetched is as good as the server's own word.
    let said = ask(&right, &["--time-from", &an_hour_old("Age: 0\r\n").url()]);
    assert_eq!(said.code, 1);
    let dateless = App::start();
    let said = ask(&right, &["--time-from", &dateless.url()]);
    said.is("clock", &dateless.url(), "warning", "no `Date`");
}
