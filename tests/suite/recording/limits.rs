//! What is kept stays within its limits, and what a disk cannot take is lost and counted.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{KEPT, LOST, body, files, forgery, only_file, routes, start, table, wait_for};
use crate::support::app::App;
use crate::support::eventually;
use crate::support::proxy::{BINARY, Proxy};
use crate::support::sign::{self, Kind, now};

#[test]
fn the_last_ones_are_kept_by_number() {
    let (_app, proxy, _guard, directory) = start("max_requests = 3");
    for index in 0..10_u8 {
        proxy.send(&forgery([index]));
        wait_for(&proxy, KEPT, u32::from(index) + 1);
        assert!(files(&directory).len() <= 3);
    }
    let kept: Vec<Vec<u8>> = files(&directory).iter().map(|file| body(file)).collect();
    assert_eq!(kept, [[7], [8], [9]]);
}

#[test]
fn the_last_ones_are_kept_by_bytes_and_what_is_larger_than_all_is_lost() {
    let (_app, proxy, _guard, directory) = start("max_bytes = \"4KiB\"");
    for index in 0..6_u8 {
        proxy.send(&forgery(vec![index; 1_000]));
        wait_for(&proxy, KEPT, u32::from(index) + 1);
        let files = files(&directory);
        let bytes: u64 = files
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum();
        assert!(bytes <= 4_096, "{bytes}");
    }
    let kept: Vec<u8> = files(&directory).iter().map(|file| body(file)[0]).collect();
    assert!(kept == [3, 4, 5] || kept == [4, 5], "{kept:?}");
    proxy.send(&forgery(vec![b'x'; 5_000]));
    wait_for(&proxy, LOST, 1);
    assert_eq!(files(&directory).len(), kept.len(), "nothing went for it");
}

#[test]
fn old_ones_go_at_the_start_and_nothing_else_is_touched() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    fs::create_dir(&directory).unwrap();
    let outside = guard.path().join("outside");
    fs::write(&outside, "of somebody else").unwrap();
    let write = |name: &str| fs::write(directory.join(name), "x").unwrap();
    let yesterday = now(-86_400_000);
    let recent = format!("{}-twenty-bad_request-1.http", now(-60_000));
    let old = format!("{yesterday}-a-route-bad_request-1.http");
    let abandoned = format!(".{yesterday}-a-route-bad_request-2.http");
    // The request was slow, and its file is being written.
    let unfinished = format!(".{yesterday}-a-route-bad_request-5.http");
    let others = [
        unfinished,
        "notes.txt".to_owned(),
        format!("{yesterday}-twenty.http"),
        format!("{yesterday}-twenty-bad_request-1.http.bak"),
        format!("copy-of-{yesterday}-twenty-bad_request-1.http"),
    ];
    for name in others.iter().chain([&recent, &old, &abandoned]) {
        write(name);
    }
    let file = fs::File::options()
        .write(true)
        .open(directory.join(&abandoned));
    let written = SystemTime::now() - Duration::from_secs(3_600);
    file.unwrap().set_modified(written).unwrap();
    let link = format!("{yesterday}-twenty-bad_request-3.http");
    symlink(&outside, directory.join(&link)).unwrap();
    let folder = format!("{yesterday}-twenty-bad_request-4.http");
    fs::create_dir(directory.join(&folder)).unwrap();
    let proxy = Proxy::start("", &routes(&app, &directory, "max_age = \"1h\""));
    let names = || {
        let files = files(&directory).into_iter();
        let names = files.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    eventually("the old ones to go", || {
        let names = names();
        (!names.contains(&old) && !names.contains(&abandoned)).then_some(())
    });
    let mut expected: Vec<String> = others.to_vec();
    expected.extend([recent, link, folder]);
    expected.sort();
    assert_eq!(names(), expected);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "of somebody else");
    drop(proxy);
}

#[test]
fn each_goes_when_it_is_too_old() {
    let (_app, proxy, _guard, directory) = start("max_age = \"1s\"");
    proxy.send(&forgery("{}"));
    wait_for(&proxy, KEPT, 1);
    eventually("it to go", || files(&directory).is_empty().then_some(()));
}

#[test]
fn each_goes_when_it_is_too_old_though_no_route_records_any_more() {
    let (app, proxy, _guard, directory) = start("");
    proxy.send(&forgery("{}"));
    wait_for(&proxy, KEPT, 1);
    let off = sign::routes(app.url(), "") + &table(&directory, "max_age = \"1s\"");
    proxy.write_config("", &off);
    assert!(proxy.reload());
    eventually("it to go", || files(&directory).is_empty().then_some(()));
}

#[test]
fn two_processes_keep_no_more_than_one() {
    let (app, first, _guard, directory) = start("max_requests = 3");
    let second = Proxy::start("", &routes(&app, &directory, "max_requests = 3"));
    for proxy in [&first, &second] {
        for count in 1..=3 {
            proxy.send(&forgery("{}"));
            wait_for(proxy, KEPT, count);
        }
    }
    eventually("the limit to be kept to", || {
        for proxy in [&first, &second] {
            proxy.send(&forgery("{}"));
        }
        (files(&directory).len() <= 3).then_some(())
    });
}

#[test]
fn what_has_no_room_on_the_way_to_the_disk_is_told() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    let keys = "record = \"refused\"\nmax_body_bytes = \"20MiB\"";
    let all = sign::routes(app.url(), keys) + &table(&directory, "");
    let proxy = Proxy::start("", &all);
    proxy.send(&forgery(vec![b'x'; 17 << 20]));
    wait_for(&proxy, LOST, 1);
    let line = proxy.logged("recordings_lost", |_| true);
    assert!(
        line["error"].as_str().unwrap().starts_with("no room"),
        "{line}"
    );
    assert_eq!(line["directory"], directory.to_str().unwrap());
    assert_eq!(line["count"], 1);
}

#[test]
fn a_directory_that_cannot_be_written_loses_recordings_and_no_request() {
    let (app, proxy, guard, directory) = start("");
    let parent = directory.parent().unwrap();
    fs::write(parent, "a file where a directory should be").unwrap();
    for count in 1..=3 {
        assert_eq!(proxy.send(&forgery("{}")).status, 401);
        wait_for(&proxy, LOST, count);
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
        app.next();
    }
    let line = proxy.logged("recordings_lost", |_| true);
    assert_eq!(line["level"], "warn");
    fs::remove_file(parent).unwrap();
    proxy.send(&forgery("{}"));
    wait_for(&proxy, KEPT, 1);
    assert_eq!(only_file(&directory).1.last(), Some(&b'}'));
    drop(guard);
}

/// As on a disk that is full: what was begun cannot be ended.
#[test]
fn a_file_that_cannot_be_written_to_its_end_leaves_nothing_behind() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    let mut command = Command::new("sh");
    // In blocks of 512 bytes, or of 1024.
    command.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\"", BINARY]);
    let listen = "listen = [\"127.0.0.1:0\"]\n";
    let proxy = Proxy::spawn_listening(command, listen, "", &routes(&app, &directory, ""));
    for count in 1..=2 {
        assert_eq!(proxy.send(&forgery(vec![b'x'; 100_000])).status, 401);
        wait_for(&proxy, LOST, count);
    }
    assert!(files(&directory).is_empty());
    proxy.send(&forgery("{}"));
    wait_for(&proxy, KEPT, 1);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    assert!(proxy.is_running());
}

#[test]
fn a_thousand_refusals_at_once_are_all_answered_and_each_is_kept_or_lost() {
    let (_app, proxy, _guard, directory) = start("max_requests = 50");
    let body = vec![b'x'; 200_000];
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut client = proxy.connect();
                for _ in 0..50 {
                    assert_eq!(client.exchange(&forgery(&*body)).status, 401);
                }
            });
        }
    });
    eventually("all to be counted", || {
        (proxy.metric(KEPT) + proxy.metric(LOST) >= 1_000.0).then_some(())
    });
    assert!(proxy.metric(KEPT) >= 50.0);
    assert_eq!(files(&directory).len(), 50);
    assert!(proxy.metric("hookward_buffered_bytes") < 1.0);
}
