//! What is said of secrets, files and limits.

use std::path::Path;

use super::{Patient, app_off_by, permit, twenty};
use crate::support::proxy::Proxy;
use crate::support::route::route;
use crate::support::sign::SECRET;

#[test]
fn a_secret_that_others_may_read_is_a_warning_and_one_that_is_missing_a_failure() {
    let app = app_off_by(0);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let verify = format!("scheme = \"twenty\"\nsecrets = [{{ id = \"a\", file = {file:?} }}]");
    let patient = Patient::anywhere(&route("r", "/r", app.url(), "", &verify));
    permit(&file, 0o644);
    let said = patient.ask(&[]);
    assert_eq!(said.code, 0);
    said.is("secrets", "hookward.toml", "warning", "mode 644");
    permit(&file, 0o600);
    let said = patient.ask(&[]);
    said.is("secrets", "all routes", "ok", "all 1 can be read");
    std::fs::remove_file(&file).unwrap();
    let said = patient.ask(&["--send"]);
    assert_eq!(said.code, 1);
    said.is(
        "secrets",
        "hookward.toml",
        "failed",
        "cannot read the secret file",
    );
    said.is("app", "route r", "ok", "takes connections");
    said.is("send", "route r", "warning", "its secret cannot be read");
}

#[test]
fn secrets_in_a_configuration_that_others_may_read_are_a_warning() {
    let app = app_off_by(0);
    let patient = Patient::anywhere(&twenty(app.url(), ""));
    let file = patient.file();
    patient
        .ask(&[])
        .is("files", &file, "ok", "for its owner alone");
    permit(Path::new(&file), 0o640);
    patient.ask(&[]).is("files", &file, "warning", "mode 640");
}

#[test]
fn a_directory_that_is_missing_or_no_directory_is_a_failure() {
    let app = app_off_by(0);
    let patient = |pid: &str| {
        let server = format!("listen = [\"127.0.0.1:0\"]\npid_file = {pid:?}");
        Patient::new(&server, "127.0.0.1:0", &twenty(app.url(), ""))
    };
    let said = patient("/does/not/exist/pid").ask(&[]);
    assert_eq!(said.code, 1);
    said.is(
        "files",
        "/does/not/exist",
        "failed",
        "the directory cannot be used",
    );
    let said = patient("/etc/hostname/pid").ask(&[]);
    said.is("files", "/etc/hostname", "failed", "director");
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_told_with_the_one_that_is_needed() {
    let app = app_off_by(0);
    let routes = twenty(app.url(), "");
    let server = "listen = [\"127.0.0.1:0\"]\nmax_connections = 1000000000";
    let patient = Patient::new(server, "127.0.0.1:0", &routes);
    let said = patient.ask(&[]);
    said.is(
        "open-files",
        "max_connections",
        "warning",
        "raise the limit to 2285714",
    );
    // The limit that counts is that of the process that serves.
    let proxy = Proxy::start_with_open_files(400, &routes);
    let patient = Patient::of(&proxy, "max_connections = 200", &routes);
    let said = patient.ask(&[]);
    said.is(
        "open-files",
        "max_connections",
        "warning",
        "process that serves, 400",
    );
}
