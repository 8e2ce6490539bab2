//! Exit codes, and lines for people.

use serde_json::Value;

use super::{NOWHERE, Patient, app_off_by, twenty};
use crate::support::proxy::command;

#[test]
fn the_exit_code_tells_a_check_that_failed_from_a_configuration_that_cannot_be_used() {
    let (code, out, error) = command(&["doctor", "--config", "/does/not/exist.toml"]);
    assert_eq!((code, &*out), (2, ""));
    assert!(error.contains("/does/not/exist.toml"), "{error}");
    let arguments = [
        "doctor",
        "--format",
        "json",
        "--config",
        "/does/not/exist.toml",
    ];
    let (code, out, _) = command(&arguments);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said["failed"]), (2, &Value::from(1)));
    let patient = Patient::anywhere("[[route]]\nname = \"x\"\n");
    let said = patient.ask(&[]);
    assert_eq!(said.code, 2);
    assert!(said.checks.len() > 1 && said.not_ok().len() == said.checks.len());
    let (code, _, _) = command(&["doctor", "--config", &patient.file(), "--time-from", "x"]);
    assert_eq!(code, 2);
}

#[test]
fn people_get_a_line_for_each_check() {
    let app = app_off_by(0);
    let other = twenty(NOWHERE, "upstream_connect_timeout = \"1s\"");
    let other = other.replace("name = \"twenty\"", "name = \"other\"");
    let other = other.replace("\"/twenty\"", "\"/other\"");
    let patient = Patient::anywhere(&(twenty(app.url(), "") + &other));
    let (code, out, error) = command(&["doctor", "--config", &patient.file()]);
    assert_eq!((code, &*error), (1, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), patient.ask(&[]).checks.len(), "{out}");
    let app_lines: Vec<&&str> = lines
        .iter()
        .filter(|line| line.contains("  app  "))
        .collect();
    assert!(app_lines[0].starts_with("ok       app "), "{out}");
    assert!(app_lines[1].starts_with("failed   app ") && app_lines[1].contains("; start the app"));
    assert!(!out.contains('\u{1b}'), "no terminal");
}
