//! How near limits are, and whether the process is as it should be, as metrics: alerts can see no configuration.

use crate::support::app::App;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, SECRET};

fn twenty(app: &App, keys: &str) -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("s", SECRET)]));
    route("twenty", "/twenty", app.url(), keys, &verify)
}

#[test]
fn limits_are_those_of_the_configuration_in_use() {
    let app = App::start();
    let limits = |connections: u32, bytes: &str| {
        format!("max_connections = {connections}\nmax_buffered_bytes = \"{bytes}\"\n")
    };
    let replay = |capacity: u32| format!("[replay]\ncapacity = {capacity}\n");
    let routes = twenty(&app, "");
    let proxy = Proxy::start(&limits(50, "32MiB"), &(replay(70) + &routes));
    assert_eq!(proxy.metric("hookward_connections_limit"), 50.0);
    let bytes = f64::from(32 << 20);
    assert_eq!(proxy.metric("hookward_buffered_bytes_limit"), bytes);
    assert_eq!(proxy.metric("hookward_replay_entries_limit"), 70.0);
    let metrics = proxy.metrics();
    assert!(!metrics.contains("\nhookward_spool_bytes_limit"));
    assert!(!metrics.contains("\nhookward_spool_max_age_seconds"));
    proxy.write_config(&limits(60, "64MiB"), &(replay(80) + &routes));
    assert!(proxy.reload());
    assert_eq!(proxy.metric("hookward_connections_limit"), 60.0);
    let bytes = f64::from(64 << 20);
    assert_eq!(proxy.metric("hookward_buffered_bytes_limit"), bytes);
    assert_eq!(proxy.metric("hookward_replay_entries_limit"), 80.0);
}

#[test]
fn a_spools_limits_are_there_where_there_is_a_spool() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let spool = format!(
        "[spool]\ndirectory = \"{}\"\nmax_bytes = \"9MiB\"\n",
        directory.path().join("spool").display()
    );
    let keys = "spool = \"on-failure\"\nspool_max_age = \"2h\"\n";
    let proxy = Proxy::start("", &(spool + &twenty(&app, keys)));
    let bytes = f64::from(9 << 20);
    assert_eq!(proxy.metric("hookward_spool_bytes_limit"), bytes);
    let max_age = "hookward_spool_max_age_seconds{route=\"twenty\"}";
    assert_eq!(proxy.metric(max_age), 7_200.0);
    assert!(
        proxy
            .metrics()
            .contains("\nhookward_spool_failures_total 0\n")
    );
}

#[test]
fn how_long_a_sender_waits_is_there_where_it_is_known() {
    let app = App::start();
    let metrics = Proxy::start("", &sign::routes(app.url(), "")).metrics();
    let known: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("hookward_sender_timeout_seconds"))
        .collect();
    assert_eq!(
        known,
        ["hookward_sender_timeout_seconds{route=\"twenty\"} 5"]
    );
}

#[test]
fn a_refused_reload_shows_until_one_is_applied() {
    let app = App::start();
    let proxy = Proxy::start("", &twenty(&app, ""));
    let successful = "hookward_config_last_reload_successful";
    assert_eq!(proxy.metric(successful), 1.0);
    proxy.write_config("", &twenty(&app, "no_such_key = true\n"));
    assert!(!proxy.reload());
    assert!(
        proxy
            .metrics()
            .contains("\nhookward_config_last_reload_successful 0\n")
    );
    proxy.write_config("", &twenty(&app, ""));
    assert!(proxy.reload());
    assert_eq!(proxy.metric(successful), 1.0);
}

#[test]
fn the_process_says_whether_it_is_ready() {
    let app = App::start();
    let proxy = Proxy::start("max_connections = 1\n", &twenty(&app, ""));
    assert_eq!(proxy.metric("hookward_ready"), 1.0);
    let mut busy = crate::support::client::Client::connect(proxy.address);
    busy.send(&sign::Kind::Twenty.request(b"{}").head_bytes());
    eventually("the process to be busy", || {
        proxy
            .metrics()
            .contains("\nhookward_ready 0\n")
            .then_some(())
    });
    busy.send(b"{}");
    assert_eq!(busy.answer("POST").status, 200);
}
