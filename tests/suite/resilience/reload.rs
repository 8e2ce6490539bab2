//! A changed configuration is taken over while requests are served, and a wrong one never.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::start_on;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route;
use crate::support::sign::{self, SECRET};

const OLD: &str = "the old secret of the route";
const NEW: &str = "the new secret of the route";

/// A Twenty route with these secrets; `extra` stands in the route's table.
fn route(app: &App, secrets: &[(&str, &str)], extra: &str) -> String {
    let secrets: Vec<String> = secrets
        .iter()
        .map(|(id, source)| format!("{{ id = \"{id}\", {source} }}"))
        .collect();
    let verify = format!("scheme = \"twenty\"\nsecrets = [{}]", secrets.join(", "));
    route::route("twenty", "/twenty", app.url(), extra, &verify)
}

fn value(secret: &str) -> String {
    format!("value = \"{secret}\"")
}

fn signed(secret: &str) -> Request {
    Request::new("POST", "/twenty", "{}").headers(&sign::twenty(secret, b"{}", &sign::now(0)))
}

#[test]
fn two_hundred_reloads_under_load_fail_no_request() {
    let app = App::start();
    let always = ("always", value(SECRET));
    let sometimes = ("sometimes", value(NEW));
    let without = route(&app, &[(always.0, &always.1)], "");
    let with = route(
        &app,
        &[(always.0, &always.1), (sometimes.0, &sometimes.1)],
        "",
    );
    let broken = without.replace("scheme = \"twenty\"", "scheme = \"tventy\"");
    let proxy = Arc::new(start_on(&without));
    let is_over = Arc::new(AtomicBool::new(false));
    let load = |secret: &'static str, allowed: &'static [u16]| {
        let (address, is_over) = (proxy.address, Arc::clone(&is_over));
        std::thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut seen = [0_u32; 2];
            while !is_over.load(Ordering::SeqCst) {
                client.send(&signed(secret).bytes());
                let status = client.answer("POST").status;
                assert!(allowed.contains(&status), "{status}");
                seen[usize::from(status == 200)] += 1;
            }
            seen
        })
    };
    let good = [load(SECRET, &[200]), load(SECRET, &[200])];
    let turning = load(NEW, &[200, 401]);
    for round in 0..200 {
        let (text, is_valid) = match round % 4 {
            0 => (&with, true),
            2 => (&without, true),
            _ => (&broken, false),
        };
        proxy.write_config("", text);
        assert_eq!(proxy.reload(), is_valid, "round {round}");
    }
    is_over.store(true, Ordering::SeqCst);
    for load in good {
        let [refused, verified] = load.join().unwrap();
        assert!(refused == 0 && verified > 200, "{verified}");
    }
    let [refused, verified] = turning.join().unwrap();
    assert!(refused > 0 && verified > 0, "{refused} {verified}");
    proxy.logged("config_refused", |line| line["cause"] == "SIGHUP");
    proxy.logged("config_error", |line| {
        line["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `twenty`?")
    });
}

#[test]
fn a_rotation_refuses_nothing_that_either_secret_signed() {
    let app = App::start();
    let (old, new) = (("old", value(OLD)), ("new", value(NEW)));
    let steps = [
        route(&app, &[(old.0, &old.1)], ""),
        route(&app, &[(old.0, &old.1), (new.0, &new.1)], ""),
        route(&app, &[(new.0, &new.1)], ""),
    ];
    let proxy = start_on(&steps[0]);
    let matches = |id: &str| {
        proxy.metric(&format!(
            "hookward_secret_matches_total{{route=\"twenty\",secret=\"{id}\"}}"
        ))
    };
    let mut client = Client::connect(proxy.address);
    let mut send = |secret| {
        client.send(&signed(secret).bytes());
        client.answer("POST").status
    };
    assert_eq!(
        (send(OLD), send(NEW)),
        (200, 401),
        "the new one is not known yet"
    );
    proxy.write_config("", &steps[1]);
    assert!(proxy.reload());
    // The provider changes: what is queued is still signed with the old one.
    for _ in 0..5 {
        assert_eq!((send(NEW), send(OLD)), (200, 200));
    }
    assert_eq!((matches("old"), matches("new")), (6.0, 5.0));
    for _ in 0..5 {
        assert_eq!(send(NEW), 200);
    }
    assert_eq!(
        (matches("old"), matches("new")),
        (6.0, 10.0),
        "the old one is not used any more"
    );
    proxy.write_config("", &steps[2]);
    assert!(proxy.reload());
    assert_eq!((send(NEW), send(OLD)), (200, 401));
}

#[test]
fn a_request_is_judged_wholly_by_the_configuration_it_began_with() {
    let app = App::start();
    let proxy = start_on(&route(&app, &[("old", &value(OLD))], ""));
    let request = signed(OLD);
    let mut begun = Client::connect(proxy.address);
    begun.send(&request.head_bytes());
    eventually("the request to begin", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    proxy.write_config(
        "max_body_bytes = \"1B\"",
        &route(&app, &[("new", &value(NEW))], ""),
    );
    assert!(proxy.reload());
    begun.send(&request.body_bytes());
    assert_eq!(begun.answer("POST").status, 200);
    begun.send(&request.bytes());
    assert_eq!(
        begun.answer("POST").status,
        413,
        "the next one, on the same connection"
    );
}

#[test]
fn a_secret_has_an_end() {
    let app = App::start();
    let past = format!("{}, not_after = \"2020-01-01T00:00:00Z\"", value(OLD));
    let later = format!("{}, not_after = 2999-01-01T00:00:00+01:00", value(NEW));
    let proxy = start_on(&route(&app, &[("past", &past), ("later", &later)], ""));
    assert_eq!(proxy.send(&signed(NEW)).status, 200);
    let (answer, [_, _, _, reason]) = proxy.judge(&signed(OLD));
    assert_eq!((answer.status, &*reason), (401, "signature_mismatch"));
    let line = proxy.logged("refused", |_| true);
    assert_eq!(line["secrets_tried"], "later");
    let left = |id: &str| {
        let labels = format!("{{route=\"twenty\",secret=\"{id}\"}}");
        proxy.metric(&format!("hookward_secret_remaining_seconds{labels}"))
    };
    assert!(left("past") < 0.0 && left("later") > 1e9);
    proxy.logged("config_warning", |line| {
        let message = line["message"].as_str().unwrap();
        message.contains("secret `past` no longer matches since 2020-01-01T00:00:00Z")
    });
}

#[test]
fn what_cannot_change_while_running_is_named_and_the_rest_is_applied() {
    let app = App::start();
    let routes = route(&app, &[("s", &value(SECRET))], "");
    let proxy = start_on(&routes);
    proxy.write_config("threads = 7\nmax_header_bytes = \"1KiB\"", &routes);
    assert!(proxy.reload());
    proxy.logged("config_needs_restart", |line| {
        line["key"] == "server.threads"
    });
    let large = signed(SECRET).header("X-Large", "x".repeat(2_000));
    assert_eq!(proxy.send(&large).status, 431);
    let series = "hookward_config_last_reload_timestamp_seconds";
    assert!(proxy.metric(series) > 1.7e9);
}

/// A pipe that nobody writes to.
fn pipe_in(directory: &Path) -> PathBuf {
    let pipe = directory.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    pipe
}

#[test]
fn a_secret_file_that_never_ends_does_not_end_reloading() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let pipe = pipe_in(directory.path());
    let proxy = start_on(&route(&app, &[("s", &value(SECRET))], ""));
    let source = format!("file = \"{}\"", pipe.display());
    proxy.write_config("", &route(&app, &[("s", &source)], ""));
    assert!(!proxy.reload());
    assert_eq!(proxy.send(&signed(SECRET)).status, 200);
    proxy.write_config("", &route(&app, &[("s", &value(NEW))], ""));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&signed(NEW)).status, 200);
}

#[test]
fn failed_attempts_do_not_use_up_what_reloading_needs() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let pipe = pipe_in(directory.path());
    let proxy = start_on(&route(&app, &[("s", &value(SECRET))], ""));
    // By then all of its threads are there.
    assert_eq!(proxy.send(&signed(SECRET)).status, 200);
    assert!(proxy.reload());
    let threads = proxy.threads();
    for round in 0..50 {
        match round % 3 {
            // A pipe without a writer: opening it to read blocks for ever.
            0 => proxy.link_config(&pipe),
            1 => proxy.link_config(&directory.path().join("missing")),
            _ => proxy.write_config("", "[[route]]"),
        }
        assert!(!proxy.reload(), "round {round}");
        assert_eq!(proxy.send(&signed(SECRET)).status, 200);
    }
    assert_eq!(proxy.threads(), threads);
    proxy.write_config("", &route(&app, &[("s", &value(NEW))], ""));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&signed(NEW)).status, 200);
    assert_eq!(proxy.send(&signed(SECRET)).status, 401);
    proxy.logged("config_refused", |line| {
        let error = line["error"].as_str().unwrap();
        error.contains("only a regular file can be read again")
    });
}

#[test]
fn connections_to_the_app_outlive_a_reload() {
    let app = App::start();
    let routes = route(&app, &[("s", &value(SECRET))], "");
    let proxy = start_on(&routes);
    for _ in 0..3 {
        assert_eq!(proxy.send(&signed(SECRET)).status, 200);
        assert!(proxy.reload());
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn exchanged_links_are_noticed_where_they_are_watched() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // As Kubernetes mounts a secret: a link to a link to the directory that holds the files.
    for (folder, secret) in [("..1", OLD), ("..2", NEW)] {
        std::fs::create_dir(path(folder)).unwrap();
        std::fs::write(path(folder).join("secret"), secret).unwrap();
    }
    std::os::unix::fs::symlink("..1", path("..data")).unwrap();
    std::os::unix::fs::symlink("..data/secret", path("secret")).unwrap();
    let source = format!("file = \"{}\"", path("secret").display());
    let proxy = Proxy::start("watch = true", &route(&app, &[("s", &source)], ""));
    assert_eq!(proxy.send(&signed(OLD)).status, 200);
    std::os::unix::fs::symlink("..2", path("..next")).unwrap();
    std::fs::rename(path("..next"), path("..data")).unwrap();
    eventually("the new secret", || {
        (proxy.send(&signed(NEW)).status == 200).then_some(())
    });
    assert_eq!(proxy.send(&signed(OLD)).status, 401);
    proxy.logged("config_reloaded", |line| line["cause"] == "file");
}

#[test]
fn a_removed_secret_is_nowhere_in_memory() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, OLD).unwrap();
    let source = format!("file = \"{}\"", file.display());
    let twenty = route(&app, &[("old", &source)], "");
    // What v1 and v2 sign begins with the secret itself.
    let hubspot = twenty.replace("twenty", "hubspot").replace(
        "[route.verify]",
        "public_url = \"https://hooks.example.com\"\n[route.verify]\nversions = [\"v1\", \"v2\", \"v3\"]",
    );
    let proxy = start_on(&[twenty, hubspot].concat());
    let mut kept = Client::connect(proxy.address);
    let v1 = Request::new("POST", "/hubspot", "{}").headers(&sign::v1(OLD, b"{}"));
    for _ in 0..20 {
        for request in [&signed(OLD), &v1] {
            kept.send(&request.bytes());
            assert_eq!(kept.answer("POST").status, 200);
        }
        assert_eq!(proxy.send(&signed(NEW)).status, 401);
    }
    assert!(
        occurrences(proxy.pid(), OLD.as_bytes()) > 0,
        "the scan finds it while it is used"
    );
    proxy.write_config("", &route(&app, &[("new", &value(NEW))], ""));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&signed(NEW)).status, 200);
    assert_eq!(occurrences(proxy.pid(), OLD.as_bytes()), 0);
}

/// How often these bytes occur in the writable memory of a process.
fn occurrences(pid: u32, needle: &[u8]) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory =
        std::fs::File::open(Path::new("/proc").join(pid.to_string()).join("mem")).unwrap();
    let mut count = 0;
    for line in maps
        .lines()
        .filter(|line| line.split(' ').nth(1).unwrap().starts_with("rw"))
    {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let from = u64::from_str_radix(from, 16).unwrap();
        let to = u64::from_str_radix(to, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.seek(SeekFrom::Start(from)).unwrap();
        if memory.read_exact(&mut bytes).is_ok() {
            let found = bytes
                .windows(needle.len())
                .filter(|window| *window == needle);
            count += found.count();
        }
    }
    count
}
