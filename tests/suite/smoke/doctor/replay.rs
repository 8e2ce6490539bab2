//! What is said of the Redis of `[replay]`. One that answers is asked in the interoperation suite.

use std::net::TcpListener;

use super::{Patient, app_off_by, permit, twenty};
use crate::support::proxy::file;
use crate::support::route::route;
use crate::support::sign::SECRET;

#[test]
fn a_redis_that_is_not_there_and_one_that_says_nothing_are_failures() {
    let app = app_off_by(0);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone_at = gone.local_addr().unwrap();
    drop(gone);
    for (at, words) in [
        (gone_at, "Connection refused"),
        (silent.local_addr().unwrap(), "timed out"),
    ] {
        let table = format!("[replay]\nstore = \"redis\"\nurl = \"redis://:a-password@{at}/0\"\n");
        let patient = Patient::anywhere(&(table + &twenty(app.url(), "")));
        let said = patient.ask(&[]);
        assert_eq!(said.code, 1);
        said.is("replay", &at.to_string(), "failed", words);
        said.is("replay", "(replay.url)", "failed", "docs/operations.md");
    }
}

#[test]
fn a_password_in_a_file_that_others_may_read_is_warned_of() {
    let app = app_off_by(0);
    let (_directory, secret) = file("secret", SECRET);
    permit(&secret, 0o600);
    let verify = format!("scheme = \"twenty\"\nsecrets = [{{ id = \"a\", file = {secret:?} }}]");
    let route = route("twenty", "/twenty", app.url(), "", &verify);
    let table = "[replay]\nstore = \"redis\"\nurl = \"redis://:a-password@127.0.0.1:1/0\"\n";
    let patient = Patient::anywhere(&format!("{table}{route}"));
    let own = patient.directory.path().join("hookward.toml");
    for (mode, result) in [(0o644, "warning"), (0o600, "ok")] {
        permit(&own, mode);
        let said = patient.ask(&[]);
        said.is("files", "hookward.toml", result, "secrets in it");
    }
}
