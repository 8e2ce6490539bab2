//! Stores that do not answer are told of, and nobody waits for them.

use serde_json::{Value, json};

use super::{ask, route, status};
use crate::support::app::App;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

#[test]
fn a_redis_that_is_not_there_is_told_of() {
    let app = App::start();
    let replay = "[replay]\nstore = \"redis\"\nurl = \"redis://:a-password@127.0.0.1:1\"\n";
    let proxy = Proxy::start("", &(replay.to_owned() + &sign::routes(app.url(), "")));
    proxy.logged("replay_store_failed", |_| true);
    let status = status(&proxy);
    assert_eq!(
        status["replay"],
        json!({ "store": "redis", "capacity": null, "entries": null, "ok": false })
    );
    assert!(proxy.metrics().contains("\nhookward_replay_store_up 0\n"));
    assert_eq!(status["ready"], true);
    assert_eq!(ask(&proxy, "GET", "/readyz").status, 200);
    assert!(!status.to_string().contains("a-password"));
}

#[test]
fn a_nats_that_says_nothing_is_told_of_at_once() {
    // It takes connections, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let spool = format!("[spool]\nstore = \"nats\"\nurl = \"nats://{address}\"\n");
    let app = App::start();
    let routes = sign::routes(app.url(), "spool = \"on-failure\"");
    let proxy = Proxy::start("", &(spool + &routes));
    // At once nobody knows.
    let told = |ok: Value| json!({ "store": "nats", "ok": ok, "bytes": null, "max_bytes": null });
    let first = status(&proxy)["spool"].clone();
    assert!(
        first == told(Value::Null) || first == told(json!(false)),
        "{first}"
    );
    eventually("it to be known", || {
        (status(&proxy)["spool"] == told(json!(false))).then_some(())
    });
    // It is not waited for.
    assert!(proxy.metrics().contains("hookward_ready 1"));
    assert_eq!(route(&proxy, "twenty")["spool"], Value::Null);
    assert_eq!(ask(&proxy, "GET", "/readyz").status, 200);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
}

#[test]
fn a_spool_that_is_full_is_not_well_though_it_answers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let table = format!("[spool]\nstore = \"disk\"\ndirectory = {path:?}\nmax_bytes = \"4KiB\"\n");
    let routes = sign::routes("http://127.0.0.1:1", "spool = \"always\"");
    let proxy = Proxy::start("", &(routes + &table));
    let of_spool = || status(&proxy)["spool"].clone();
    let well = eventually("the store to answer", || {
        let spool = of_spool();
        (spool["ok"] == true).then_some(spool)
    });
    assert_eq!(
        (&well["bytes"], &well["max_bytes"]),
        (&json!(0), &json!(4_096))
    );
    let zero = json!({ "waiting": 0, "dead": 0, "oldest_at": null });
    assert_eq!(route(&proxy, "twenty")["spool"], zero);
    assert_eq!(
        proxy.send(&Kind::Twenty.request(&[b' '; 8_192])).status,
        503
    );
    let is_up = || {
        let metrics = proxy.metrics();
        metrics.contains("\nhookward_spool_up 1\n")
    };
    assert_eq!(of_spool()["ok"], false);
    assert!(!is_up());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 202);
    assert_eq!(of_spool()["ok"], true);
    assert!(is_up());
    assert!(proxy.metrics().contains("\nhookward_replay_store_up 1\n"));
}
