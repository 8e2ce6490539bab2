//! Every field has its name, and says what happened.

use serde_json::{Value, json};

use super::{ask, in_the_last_hour, millis, names, route, status};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route as table, secrets};
use crate::support::sign::{self, Kind, SECRET};

#[test]
fn what_has_not_happened_is_null() {
    let began = sign::clock();
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let answer = ask(&proxy, "GET", "/status.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let status: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        names(&status),
        [
            "at",
            "config",
            "hookward",
            "limits",
            "not_ready",
            "ready",
            "recent_refusals",
            "replay",
            "revision",
            "routes",
            "spool",
            "started_at",
            "unrouted",
            "unrouted_last_hour",
            "version"
        ]
    );
    assert_eq!(status["version"], 1);
    assert_eq!(status["hookward"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["ready"], true);
    assert_eq!(status["recent_refusals"], json!([]));
    assert_eq!(status["spool"], Value::Null);
    assert_eq!(status["unrouted"], json!({}));
    assert_eq!(status["unrouted_last_hour"], json!([0; 60].to_vec()));
    assert_eq!(
        status["replay"],
        json!({ "store": "memory", "capacity": 1_000_000, "entries": 0, "ok": true })
    );
    let config = &status["config"];
    assert_eq!(
        names(config),
        ["applied_at", "file", "last_error", "reloads"]
    );
    assert_eq!(config["file"], proxy.config_file());
    assert_eq!(config["reloads"], 0);
    assert_eq!(config["last_error"], Value::Null);
    for time in [&status["started_at"], &config["applied_at"], &status["at"]] {
        assert!((began..=sign::clock()).contains(&millis(time)), "{time}");
    }
    let limits = &status["limits"];
    assert_eq!(
        names(limits),
        [
            "buffered_bytes",
            "connections",
            "max_buffered_bytes",
            "max_connections"
        ]
    );
    assert_eq!(limits["max_buffered_bytes"], 256 << 20);
    assert_eq!(limits["buffered_bytes"], 0);
    assert!(limits["max_connections"].as_u64().unwrap() > 0);
    let routes = status["routes"].as_array().unwrap();
    let order: Vec<&str> = routes
        .iter()
        .map(|route| route["name"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["hubspot", "twenty", "key-header", "key-query"]);
    let twenty = &routes[1];
    assert_eq!(
        names(twenty),
        [
            "app",
            "enforce",
            "last_hour",
            "last_verified_at",
            "longest_silence_seconds",
            "name",
            "path",
            "rejected",
            "scheme",
            "secrets",
            "spool",
            "timestamps",
            "unenforced",
            "upstream",
            "verified"
        ]
    );
    for (field, expected) in [
        ("path", json!("/twenty")),
        ("scheme", json!("twenty")),
        ("upstream", json!(app.address.to_string())),
        ("enforce", json!(true)),
        ("verified", json!(0)),
        ("rejected", json!({})),
        ("unenforced", json!({})),
        ("last_verified_at", Value::Null),
        ("longest_silence_seconds", Value::Null),
        ("spool", Value::Null),
        (
            "timestamps",
            json!({
                "age_seconds": null, "lately": null, "max_age_seconds": 300.0, "max_skew_seconds": 300.0,
            }),
        ),
        (
            "app",
            json!({
                "ok": 0, "failed": 0, "last_failure": null, "last_failure_reason": null, "seconds": null, "lately": null,
                "sender_waits_seconds": 5.0, "late": 0,
            }),
        ),
        (
            "secrets",
            json!([
                { "id": "old", "matches": 0, "last_matched_at": null, "not_after": null },
                { "id": "current", "matches": 0, "last_matched_at": null, "not_after": null },
            ]),
        ),
    ] {
        assert_eq!(twenty[field], expected, "{field}");
    }
    for kind in ["verified", "rejected", "app_failed"] {
        assert_eq!(in_the_last_hour(twenty, kind), 0);
    }
    for kind in ["unenforced", "app_ok", "app_refused"] {
        assert_eq!(twenty["last_hour"][kind], Value::Null);
    }
    assert_eq!(routes[2]["timestamps"], Value::Null, "a key has no time");
    assert_eq!(routes[2]["app"]["sender_waits_seconds"], Value::Null);
}

#[test]
fn what_verified_is_told_with_its_secret_and_its_age() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let began = sign::clock();
    for _ in 0..3 {
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    }
    let early = sign::twenty(SECRET, b"{}", &sign::now(-20_000));
    let early = Request::new("POST", "/twenty", "{}").headers(&early);
    assert_eq!(proxy.send(&early).status, 200);
    let twenty = eventually("four answers of the app", || {
        let twenty = route(&proxy, "twenty");
        (twenty["app"]["ok"] == 4).then_some(twenty)
    });
    let ended = sign::clock();
    assert_eq!(twenty["verified"], 4);
    assert_eq!(twenty["rejected"], json!({}));
    assert_eq!(twenty["secrets"][0]["matches"], 0);
    assert_eq!(twenty["secrets"][1]["matches"], 4);
    assert_eq!(twenty["secrets"][0]["last_matched_at"], Value::Null);
    for time in [
        &twenty["last_verified_at"],
        &twenty["secrets"][1]["last_matched_at"],
    ] {
        assert!((began..=ended).contains(&millis(time)), "{time}");
    }
    assert_eq!(in_the_last_hour(&twenty, "verified"), 4);
    let age = &twenty["timestamps"]["age_seconds"];
    assert!(age["p50"].as_f64().unwrap() < 5.0, "{age}");
    assert!(age["p95"].as_f64().unwrap() > 5.0, "{age}");
    let lately = &twenty["timestamps"]["lately"];
    assert_eq!(lately["count"], 4);
    assert_eq!(
        (&lately["p95"]["from"], &lately["p95"]["to"]),
        (&json!(5.0), &json!(30.0)),
        "{lately}"
    );
    assert_eq!(twenty["app"]["lately"]["count"], 4);
    let seconds = &twenty["app"]["seconds"];
    assert!(seconds["p50"].as_f64().unwrap() <= seconds["p95"].as_f64().unwrap());
    assert_eq!(status(&proxy)["replay"]["entries"], 4);
    let hubspot = route(&proxy, "hubspot");
    assert_eq!(
        (&hubspot["verified"], &hubspot["app"]["ok"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn refusals_are_told_by_reason_and_what_is_let_through_is_none() {
    let app = App::start();
    let secrets = secrets(&[("s", SECRET)]);
    let verify = format!("scheme = \"twenty\"\n{secrets}");
    let routes = table("strict", "/strict", app.url(), "", &verify)
        + &table("lax", "/lax/*", app.url(), "enforce = false", &verify);
    let proxy = Proxy::start("", &routes);
    let signed_at = |path: &str, offset| {
        let signed = sign::twenty(SECRET, b"{}", &sign::now(offset));
        Request::new("POST", path, "{}").headers(&signed)
    };
    let forged = |path: &str| {
        let signed = sign::twenty("another", b"{}", &sign::now(0));
        Request::new("POST", path, "{}").headers(&signed)
    };
    let again = signed_at("/strict", 0);
    let once_more = again.clone();
    for (request, answer) in [
        (Request::new("POST", "/nowhere", "{}"), 404),
        (Request::new("POST", "/strict", "{}"), 401),
        (forged("/strict"), 401),
        (forged("/strict"), 401),
        (signed_at("/strict", -600_000), 401),
        (signed_at("/strict", 600_000), 401),
        (Request::new("PUT", "/strict", "{}"), 405),
        (Request::new("POST", "/strict/../strict", "{}"), 400),
        (again, 200),
        (once_more, 409),
        (forged("/lax/a"), 200),
        (Request::new("POST", "/lax/b", "{}"), 200),
    ] {
        assert_eq!(proxy.send(&request).status, answer, "{request:?}");
    }
    let strict = route(&proxy, "strict");
    assert_eq!(
        strict["rejected"],
        json!({
            "method_not_allowed": 1,
            "missing_signature": 1,
            "replayed": 1,
            "signature_mismatch": 2,
            "timestamp_expired": 1,
            "timestamp_in_future": 1,
        })
    );
    assert_eq!(strict["unenforced"], json!({}));
    assert_eq!(in_the_last_hour(&strict, "rejected"), 7);
    let lax = route(&proxy, "lax");
    assert_eq!(
        (&lax["path"], &lax["enforce"]),
        (&json!("/lax/*"), &json!(false))
    );
    assert_eq!(lax["rejected"], json!({}));
    assert_eq!(
        lax["unenforced"],
        json!({ "missing_signature": 1, "signature_mismatch": 1 })
    );
    assert_eq!(in_the_last_hour(&lax, "rejected"), 0);
    assert_eq!(in_the_last_hour(&lax, "unenforced"), 2);
    let status = status(&proxy);
    assert_eq!(
        status["unrouted"],
        json!({ "bad_target": 1, "no_route": 1 })
    );
    let unrouted = status["unrouted_last_hour"].as_array().unwrap();
    let unrouted = unrouted.iter().map(|count| count.as_u64().unwrap());
    assert_eq!(unrouted.sum::<u64>(), 2);
    let refusals = status["recent_refusals"].as_array().unwrap();
    assert_eq!(refusals.len(), 9, "{refusals:?}");
    assert!(refusals.iter().all(|refusal| refusal["route"] != "lax"));
}

#[test]
fn a_process_that_should_get_no_requests_says_why() {
    let app = App::start();
    let proxy = Proxy::start("max_connections = 1\n", &sign::routes(app.url(), ""));
    assert_eq!(ask(&proxy, "GET", "/readyz").body, b"ready\n");
    let mut busy = Client::connect(proxy.address);
    busy.send(&Kind::Twenty.request(b"{}").head_bytes());
    let status = eventually("the connection to be busy", || {
        let status = status(&proxy);
        (status["ready"] == false).then_some(status)
    });
    let not_ready = status["not_ready"].as_array().unwrap();
    assert_eq!(not_ready.len(), 1);
    assert_eq!(status["limits"]["connections"], 1);
    assert_eq!(status["limits"]["max_connections"], 1);
    let readyz = ask(&proxy, "GET", "/readyz");
    assert_eq!(readyz.status, 503);
    let line = format!("{}\n", not_ready[0].as_str().unwrap());
    assert_eq!(String::from_utf8(readyz.body).unwrap(), line);
    assert_eq!(ask(&proxy, "GET", "/healthz").status, 200);
    busy.send(b"{}");
    assert_eq!(busy.answer("POST").status, 200);
    drop(busy);
    eventually("the connection to be closed", || {
        (ask(&proxy, "GET", "/readyz").status == 200).then_some(())
    });
}
