//! What cannot be stored is answered as without a spool, and told of; what waits is delivered all the same.

use std::process::Command;

use serde_json::Value;

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, assert_stored, free_address, list, next_delivery,
    routes, stored, wait_for_none,
};
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::{BINARY, Proxy};
use crate::support::sign::Kind;

over_each_protocol!(
    on_failure_the_sender_gets_what_the_app_says,
    always_the_sender_is_told_to_come_again,
);

/// `[spool]` with room for so much.
fn room_for(directory: &Directory, bytes: u32) -> String {
    format!("{}max_bytes = \"{bytes}B\"\n", directory.table())
}

fn on_failure_the_sender_gets_what_the_app_says() {
    let app = Fickle::answering(200);
    let directory = Directory::new();
    let proxy = Proxy::start(
        "",
        &(routes(
            app.url(),
            &format!("{ON_FAILURE}\nupstream_timeout = \"300ms\""),
        ) + &room_for(&directory, 100)),
    );
    for status in [500, 503, 429] {
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\nX-App: yes\r\n\r\nsorry");
        app.says(Says::Text(text));
        let answer = proxy.send(&Kind::Twenty.request(b"{}"));
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-app"), Some("yes"));
        assert_eq!(answer.body, b"sorry");
    }
    app.says(Says::Breaks(String::new()));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    app.says(Says::Nothing);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 504);
    app.answers(200);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    assert!(list(&proxy).is_empty());
    assert_eq!(stored(&proxy, "twenty"), 0.0);
    assert_eq!(proxy.metric("hookward_spool_failures_total"), 5.0);
}

fn always_the_sender_is_told_to_come_again() {
    let app = Fickle::answering(200);
    let directory = Directory::new();
    let proxy = Proxy::start(
        "",
        &(routes(app.url(), ALWAYS) + &room_for(&directory, 100)),
    );
    for (kind, status) in [(Kind::V3, 429), (Kind::Twenty, 503), (Kind::KeyHeader, 503)] {
        let answer = proxy.send(&kind.request(b"{}"));
        assert_eq!(
            (answer.status, &*answer.body),
            (status, &b""[..]),
            "{kind:?}"
        );
        let retry_after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        // HubSpot reads milliseconds.
        assert_eq!(
            retry_after >= 100,
            kind == Kind::V3,
            "{kind:?}: {retry_after}"
        );
    }
    // Without a spool either the app would not have got it: it is the spool that is overloaded.
    app.assert_nothing_more();
    assert!(list(&proxy).is_empty());
}

#[test]
fn an_app_that_is_not_there_is_answered_for_with_502() {
    let directory = Directory::new();
    let keys = format!("{ON_FAILURE}\nupstream_connect_timeout = \"100ms\"");
    let app = format!("http://{}", free_address());
    let proxy = Proxy::start("", &(routes(app, &keys) + &room_for(&directory, 100)));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
}

#[test]
fn room_comes_back_with_what_is_delivered_and_with_a_reload() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let directory = Directory::new();
    let config = |bytes| routes(app.url(), ON_FAILURE) + &room_for(&directory, bytes);
    // For one, and not for two.
    let body = vec![b'x'; 10_000];
    let proxy = Proxy::start("", &config(16_000));
    assert_stored(&proxy.send(&Kind::Twenty.request(&body)));
    assert_eq!(proxy.send(&Kind::Twenty.request(&body)).status, 503);
    proxy.write_config("", &config(26_000));
    assert!(proxy.reload());
    assert_stored(&proxy.send(&Kind::Twenty.request(&body)));
    assert_eq!(proxy.send(&Kind::Twenty.request(&body)).status, 503);
    let bytes = proxy.metric("hookward_spool_bytes");
    assert!((20_000.0..26_000.0).contains(&bytes), "{bytes}");
    app.answers(200);
    assert_eq!(proxy.send(&Kind::Twenty.request(&body)).status, 200);
    wait_for_none(&proxy, "twenty");
    assert_eq!(proxy.metric("hookward_spool_bytes"), 0.0);
    app.says(Says::with(503, "Retry-After: 3600\r\n"));
    assert_stored(&proxy.send(&Kind::Twenty.request(&body)));
}

#[test]
fn a_failing_spool_is_told_of_once_a_second() {
    const REQUESTS: u64 = 200;
    let app = Fickle::answering(503);
    let directory = Directory::new();
    let proxy = Proxy::start(
        "",
        &(routes(app.url(), ON_FAILURE) + &room_for(&directory, 100)),
    );
    let began = std::time::Instant::now();
    for _ in 0..REQUESTS {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"private")).status, 503);
    }
    // One at the beginning of each second, and one for the second that had begun.
    let most = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let line = proxy.logged("spool_failed", |_| true);
    assert_eq!(line["level"], "error");
    assert_eq!(line["count"], 1);
    assert_eq!(line["store"], directory.path.to_str().unwrap());
    assert!(
        line["error"].as_str().unwrap().contains("max_bytes"),
        "{line}"
    );
    let log = proxy.log();
    let events = log
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let count = events
        .filter(|line| line["event"] == "spool_failed")
        .count();
    assert!((1..=most).contains(&count), "{count} in {most} s");
    assert!(!log.concat().contains("private"));
}

#[test]
fn a_disk_that_fills_up_keeps_what_it_has() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let directory = Directory::new();
    let mut shell = Command::new("sh");
    // No file gets larger than 9 MiB, and who tries is told so instead of being killed.
    let script = "trap '' XFSZ; ulimit -f 18432; exec \"$0\" \"$@\"";
    shell.args(["-c", script, BINARY]);
    let keys = format!("{ON_FAILURE}\nmax_body_bytes = \"2MiB\"");
    let config = directory.routes(app.url(), &keys);
    let proxy = Proxy::spawn_listening(shell, "listen = [\"127.0.0.1:0\"]\n", "", &config);
    let send = |number: u8| proxy.send(&Kind::Twenty.request(&[number; 1 << 20])).status;
    let kept = (0..50).take_while(|number| send(*number) == 202).count();
    assert!((1..50).contains(&kept), "{kept}");
    // No room, and so what the app says.
    assert_eq!(send(100), 503);
    proxy.logged("spool_failed", |_| true);
    app.answers(200);
    assert_eq!(send(101), 200);
    let mut bodies: Vec<u8> = (0..kept).map(|_| next_delivery(&app).body[0]).collect();
    bodies.sort_unstable();
    let expected: Vec<u8> = (0..u8::try_from(kept).unwrap()).collect();
    assert_eq!(bodies, expected);
    assert_eq!(
        stored(&proxy, "twenty"),
        f64::from(u32::try_from(kept).unwrap())
    );
}
