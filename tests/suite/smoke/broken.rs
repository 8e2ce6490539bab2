//! Each of these configurations has a mistake that somebody will make. What is said of it is kept beside
//! it, to be read: does it tell a newcomer what to change?
//!
//! After a change of the messages, `INSTA_UPDATE=always make test` writes them anew.

use std::process::Command;

use crate::support::proxy::{BINARY, project};

/// In the names of files: what is warned of may be used all the same.
const WARNED: &str = "warned-of-";

#[test]
fn broken_configurations_are_explained() {
    let mut count = 0;
    insta::glob!("broken/*.toml", |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        // As an operator would name it, without the place of this project in the output.
        let output = Command::new(BINARY)
            .current_dir(project("tests/suite/smoke/broken"))
            .args(["check", "--config", name])
            .output()
            .unwrap();
        let code = if name.starts_with(WARNED) { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{name}");
        let said = String::from_utf8(output.stdout).unwrap();
        for secret in [
            "a secret of",
            "another one of",
            "another-one-of",
            "d2b8c1e0",
            "pat-na1",
            "in quotes and",
        ] {
            assert!(!said.contains(secret), "{name}: {said}");
        }
        insta::assert_snapshot!(said);
        count += 1;
    });
    assert!(count >= 60, "{count}");
}
