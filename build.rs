//! Records which revision is built, for `hookward_build_info`, and of when it is, for the manual page.

use std::path::Path;
use std::process::Command;

fn main() {
    // The library alone has no metrics, and so nothing to run again.
    if std::env::var_os("CARGO_FEATURE_PROXY").is_none() {
        println!("cargo:rerun-if-changed=build.rs");
        return;
    }
    println!("cargo:rerun-if-env-changed=HOOKWARD_REVISION");
    // Where they are depends on how the folder was checked out. One that is not there would count as changed always.
    for name in ["HEAD", "refs/heads"] {
        let path = git(&["rev-parse", "--git-path", name]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let revision = std::env::var("HOOKWARD_REVISION")
        .ok()
        .filter(|revision| !revision.is_empty())
        .or_else(|| git(&["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=HOOKWARD_REVISION={revision}");
    let date = git(&["log", "-1", "--format=%cs"]).unwrap_or_default();
    println!("cargo:rustc-env=HOOKWARD_DATE={date}");
}

/// What git says of the folder that is built, where it is of a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let said = said.trim();
    (output.status.success() && !said.is_empty()).then(|| said.to_owned())
}
