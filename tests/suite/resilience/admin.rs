//! The admin address answers when it is wanted most.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::sign::Kind;

#[test]
fn connections_that_are_not_used_do_not_keep_a_scrape_out() {
    let app = App::start();
    let proxy = start("", &app, "");
    let mut silent: Vec<Client> = (0..40).map(|_| Client::connect(proxy.admin)).collect();
    let newest = silent.split_off(24);
    for oldest in &mut silent {
        assert!(oldest.is_closed(), "the oldest make room");
    }
    for mut client in newest {
        client.send(&Request::new("GET", "/healthz", "").bytes());
        assert_eq!(client.answer("GET").status, 200);
    }
    assert!(proxy.metrics().contains("hookward_build_info"));
}

#[test]
fn a_scrape_works_while_the_system_gives_no_file_descriptor() {
    let app = App::start();
    let proxy = start("", &app, "");
    let directory = PathBuf::from(format!("/proc/{}/fd", proxy.pid()));
    let used: Vec<u32> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let first_free = (0..).find(|number| !used.contains(number)).unwrap();
    let limit = format!("--nofile={first_free}:");
    let pid = format!("--pid={}", proxy.pid());
    let limited = Command::new("prlimit").args([&pid, &limit]).status();
    assert_eq!(limited.unwrap(), ExitStatus::from_raw(0));
    let _waiting = Client::connect(proxy.address);
    proxy.logged("accept_failed", |_| true);
    for _ in 0..3 {
        assert!(proxy.metrics().contains("hookward_build_info"));
    }
    let mut unlimited = Command::new("prlimit");
    unlimited.args([&pid, "--nofile=1000:"]);
    assert_eq!(unlimited.status().unwrap(), ExitStatus::from_raw(0));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
}
