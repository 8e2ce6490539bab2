//! A successor takes over on the same sockets, and nobody who sends notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::start;
use crate::support::app::App;
use crate::support::eventually;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::{Proxy, command};
use crate::support::sign::{Kind, SECRET};
use crate::support::upgrade::{Files, Successor, signal};

over_each_protocol!(upgrades_under_load_lose_no_request);

/// Starts with these files, once the process has written who it is.
fn start_with(files: &Files, server: &str, app: &App) -> Proxy {
    let proxy = start(&format!("{}{server}", files.keys()), app, "");
    eventually("the pid file", || files.pid_file().exists().then_some(()));
    assert_eq!(files.pid(), proxy.pid());
    proxy
}

fn upgrades_under_load_lose_no_request() {
    const UPGRADES: usize = 3;
    let app = App::start();
    let files = Files::new();
    let proxy = Arc::new(start_with(&files, "", &app));
    let (is_over, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let protocol = Protocol::current();
    let senders: Vec<_> = (0..4)
        .map(|number| {
            let (proxy, is_over, served) = (
                Arc::clone(&proxy),
                Arc::clone(&is_over),
                Arc::clone(&served),
            );
            std::thread::spawn(move || {
                protocol.run(|| {
                    let mut kept = proxy.connect();
                    while !is_over.load(Ordering::SeqCst) {
                        // Half of them keep their connection for as long as it is told to stay.
                        if number % 2 == 0 {
                            kept = proxy.connect();
                        }
                        let Some(answer) = kept.try_exchange(&Kind::Twenty.request(b"{}")) else {
                            kept = proxy.connect();
                            continue;
                        };
                        assert_eq!(answer.status, 200);
                        served.fetch_add(1, Ordering::SeqCst);
                        if answer.header("connection") == Some("close") {
                            kept = proxy.connect();
                        }
                    }
                });
            })
        })
        .collect();
    let mut successor = None;
    for _ in 0..UPGRADES {
        let before = files.pid();
        let (code, out, errors) = command(&["upgrade", "--config", &proxy.config_file()]);
        assert_eq!(code, 0, "{errors}");
        eventually("the successor's pid", || {
            (files.pid() != before).then_some(())
        });
        assert!(out.contains(&files.pid().to_string()), "{out}");
        let old = Successor(before);
        let so_far = served.load(Ordering::SeqCst);
        eventually("requests that the successor serves", || {
            (served.load(Ordering::SeqCst) > so_far + 20).then_some(())
        });
        if before == proxy.pid() {
            assert!(proxy.wait().success());
        } else {
            eventually("the old process to end", || (!old.is_there()).then_some(()));
        }
        successor = Some(Successor(files.pid()));
    }
    is_over.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }
    assert!(proxy.metrics().contains("hookward_build_info"));
    successor.unwrap().stop();
    assert!(
        !files.pid_file().exists(),
        "the last one takes its files along"
    );
}

#[test]
fn what_cannot_serve_takes_nothing() {
    let app = App::start();
    let files = Files::new();
    let proxy = start_with(&files, "", &app);
    let sound = std::fs::read_to_string(proxy.config_file()).unwrap();
    let upgrade = || command(&["upgrade", "--config", &proxy.config_file()]);
    for broken in [
        sound.replace("[[route]]", "[[rout]]"),
        // The command finds nothing wrong with it, and the successor does.
        sound.replacen(
            &format!("value = \"{SECRET}\""),
            "file = \"/nonexistent\"",
            1,
        ),
    ] {
        std::fs::write(proxy.config_file(), &broken).unwrap();
        let (code, _, errors) = upgrade();
        assert_eq!(code, 1, "{errors}");
        assert_eq!(files.pid(), proxy.pid());
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    }
    // The successor says in words for people what is wrong, on the same standard error.
    eventually("the failure in the log", || {
        let log = proxy.log();
        let mut lines = log.iter();
        lines.find(|line| {
            line.contains("upgrade_failed") && line.contains("ended before it served")
        })?;
        log.iter()
            .find(|line| line.contains("/nonexistent"))
            .map(drop)
    });
    std::fs::write(proxy.config_file(), &sound).unwrap();
    let (code, ..) = upgrade();
    assert_eq!(code, 0);
    eventually("the successor's pid", || {
        (files.pid() != proxy.pid()).then_some(())
    });
    let successor = Successor(files.pid());
    assert!(proxy.wait().success());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    successor.stop();
    let (code, _, errors) = upgrade();
    assert_eq!(code, 1);
    assert!(errors.contains("no hookward answers"), "{errors}");
}

#[test]
fn a_signal_asks_for_a_successor_too() {
    let app = App::start();
    let files = Files::new();
    let proxy = start_with(&files, "", &app);
    signal(proxy.pid(), "QUIT");
    eventually("the successor's pid", || {
        (files.pid() != proxy.pid()).then_some(())
    });
    let successor = Successor(files.pid());
    assert!(proxy.wait().success());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    successor.stop();
}
