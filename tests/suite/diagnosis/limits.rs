//! How many are examined.

use super::{DIAGNOSES, count, forgery, routes, send_until_diagnosed, with_a_line_end};
use crate::support::app::App;
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file};

const MOST: f64 = 10.0;

#[test]
fn ten_are_examined_in_a_minute_for_each_route_and_a_reload_changes_nothing_of_it() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    let twenty = || count(&proxy, "twenty", "body_newline");
    let send = || assert_eq!(proxy.send(&with_a_line_end("/twenty")).status, 401);
    for done in 1..=6 {
        send();
        eventually("it to be examined", || {
            (twenty() >= f64::from(done)).then_some(())
        });
    }
    proxy.write_config(
        "",
        &routes(
            app.url(),
            &format!("{DIAGNOSES}\nmax_body_bytes = \"1MiB\""),
        ),
    );
    assert!(proxy.reload());
    eventually("the last of the ten", || {
        send();
        (twenty() >= MOST).then_some(())
    });
    for _ in 0..20 {
        send();
    }
    // What another route has examined now comes after all that there was of this one.
    send_until_diagnosed(
        &proxy,
        || with_a_line_end("/other"),
        "other",
        "body_newline",
    );
    assert!((twenty() - MOST).abs() < 0.5, "{}", twenty());
}

#[test]
fn what_had_no_room_is_not_one_of_the_ten() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), DIAGNOSES));
    // One takes long, and meanwhile more come than can wait.
    assert_eq!(proxy.send(&forgery("/other")).status, 401);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut client = proxy.connect();
                for _ in 0..5 {
                    let request = with_a_line_end("/twenty");
                    assert_eq!(client.exchange(&request).status, 401);
                }
            });
        }
    });
    eventually("ten to be examined", || {
        assert_eq!(proxy.send(&with_a_line_end("/twenty")).status, 401);
        (count(&proxy, "twenty", "body_newline") >= MOST).then_some(())
    });
}

#[test]
fn check_counts_what_it_takes_of_memory() {
    for (keys, expected) in [(DIAGNOSES, "601 MiB"), ("", "572 MiB")] {
        let routes = routes("http://127.0.0.1:1", keys);
        let config = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n{routes}"
        );
        let (_guard, path) = file("hookward.toml", config);
        let (code, out, _) = command(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(code, 0, "{out}");
        assert!(
            out.contains(&format!("memory: at most {expected}")),
            "{out}"
        );
        assert_eq!(out.contains("29 MiB diagnose"), keys == DIAGNOSES, "{out}");
    }
}
