//! Thousands of routes load and reload, and the work does not grow with the square of their number. If it
//! did, these tests would take minutes, and a reload would give up after seconds.

use std::process::{Command, Stdio};

use crate::support::eventually;
use crate::support::proxy::{BINARY, Proxy, file};

/// Routes that share a secret, every other one below a prefix that another takes too.
fn routes(count: u32) -> String {
    let route = |number: u32| {
        let path = if number.is_multiple_of(2) {
            format!("/{number}/*")
        } else {
            format!("/{}/in", number - 1)
        };
        format!(
            "[[route]]\nname = \"r{number}\"\npath = \"{path}\"\nupstream = \"http://127.0.0.1:{}\"\n\
             [route.verify]\nscheme = \"twenty\"\n\
             secrets = [{{ id = \"s\", value = \"a secret of a sound length\" }}]\n",
            number + 1
        )
    };
    (0..count).map(route).collect()
}

#[test]
fn ten_thousand_routes_are_checked_and_warned_of() {
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n";
    let (_guard, path) = file("hookward.toml", format!("{server}{}", routes(10_000)));
    let (out, findings) = (tempfile::tempfile().unwrap(), 9_999 + 5_000);
    let mut child = Command::new(BINARY)
        .args([
            "check",
            "--format",
            "json",
            "--config",
            path.to_str().unwrap(),
        ])
        .stdout(Stdio::from(out.try_clone().unwrap()))
        .spawn()
        .unwrap();
    let status = eventually("the check to end", || child.try_wait().unwrap());
    assert!(status.success());
    let mut out = out;
    std::io::Seek::rewind(&mut out).unwrap();
    let report: serde_json::Value = serde_json::from_reader(out).unwrap();
    let found = report["findings"].as_array().unwrap();
    assert_eq!(found.len(), findings);
    let last = found.last().unwrap();
    assert_eq!(last["line"], 4 + 10_000 * 7);
    assert_eq!(last["column"], 12);
}

#[test]
fn thousands_of_routes_are_reloaded() {
    let routes = routes(3_000);
    let proxy = Proxy::start("", &routes);
    assert!(proxy.reload(), "within the time that a reload has");
    proxy.write_config("", &routes.replace("/in", "/out"));
    assert!(proxy.reload());
}
