//! What is said of the clock.

use super::{NOWHERE, Patient, app_off_by};
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
