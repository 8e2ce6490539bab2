//! What a reload changes, and what it does not.

use serde_json::{Value, json};

use super::{in_the_last_hour, millis, route, status, text};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route as table, secrets};
use crate::support::sign::{self, SECRET};

const OLDER: &str = "the secret that goes one day";

fn named(name: &str, app: &App, known: &[(&str, &str)]) -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(known));
    table(name, &format!("/{name}"), app.url(), "", &verify)
}

fn send(proxy: &Proxy, path: &str, secret: &str) -> u16 {
    let signed = sign::twenty(secret, b"{}", &sign::now(0));
    let request = Request::new("POST", path, "{}").headers(&signed);
    proxy.send(&request).status
}

#[test]
fn a_refused_reload_is_told_until_one_is_applied() {
    let app = App::start();
    let routes = named("r", &app, &[("s", SECRET)]);
    let proxy = Proxy::start("", &routes);
    let first = status(&proxy)["config"].clone();
    let broken = routes.replace("path = \"/r\"", "path = \"r\"\nmethods = []");
    let broken = broken.replace(SECRET, "a secret in a broken file");
    proxy.write_config("", &broken);
    assert!(!proxy.reload());
    let refused = status(&proxy)["config"].clone();
    let error = refused["last_error"].as_str().unwrap();
    for part in ["hookward.toml:", "route.path", "more"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!text(&proxy).contains("a secret in"));
    assert_eq!(refused["applied_at"], first["applied_at"]);
    assert_eq!(refused["reloads"], 0);
    std::fs::remove_file(proxy.config_file()).unwrap();
    assert!(!proxy.reload());
    let gone = status(&proxy)["config"]["last_error"].clone();
    assert!(gone.as_str().unwrap().contains("cannot read"), "{gone}");
    let began = sign::clock();
    proxy.write_config("", &routes);
    assert!(proxy.reload());
    let applied = status(&proxy)["config"].clone();
    assert_eq!(applied["last_error"], Value::Null);
    assert_eq!(applied["reloads"], 1);
    assert!((began..=sign::clock()).contains(&millis(&applied["applied_at"])));
}

#[test]
fn a_rotation_of_secrets_can_be_followed() {
    let app = App::start();
    let proxy = Proxy::start("", &named("r", &app, &[("older", OLDER)]));
    assert_eq!(send(&proxy, "/r", OLDER), 200);
    let both = named("r", &app, &[("older", OLDER), ("newer", SECRET)]);
    let ends = both.replacen(
        "value = \"the secret that goes one day\"",
        "value = \"the secret that goes one day\", not_after = \"2999-01-01T00:00:00Z\"",
        1,
    );
    assert_ne!(both, ends);
    proxy.write_config("", &ends);
    assert!(proxy.reload());
    let before = route(&proxy, "r");
    assert_eq!(before["secrets"][0]["id"], "older");
    assert_eq!(before["secrets"][0]["matches"], 1);
    assert_eq!(before["secrets"][0]["not_after"], "2999-01-01T00:00:00Z");
    assert_eq!(before["secrets"][1]["matches"], 0);
    assert_eq!(send(&proxy, "/r", SECRET), 200);
    let after = route(&proxy, "r");
    let [older, newer] = [&after["secrets"][0], &after["secrets"][1]];
    assert_eq!(
        older["last_matched_at"],
        before["secrets"][0]["last_matched_at"]
    );
    assert_eq!(
        (&newer["id"], &newer["matches"]),
        (&json!("newer"), &json!(1))
    );
    assert!(millis(&newer["last_matched_at"]) >= millis(&older["last_matched_at"]));
    proxy.write_config("", &named("r", &app, &[("newer", SECRET)]));
    assert!(proxy.reload());
    let last = route(&proxy, "r");
    assert_eq!(last["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(last["secrets"][0], *newer);
    assert_eq!(last["verified"], 2);
    assert_eq!(in_the_last_hour(&last, "verified"), 2);
}

#[test]
fn a_route_that_is_removed_is_gone_while_its_requests_end() {
    let app = App::start();
    let known = [("s", SECRET)];
    let kept = named("kept", &app, &known);
    let routes = named("removed", &app, &known) + &kept;
    let proxy = Proxy::start("", &routes);
    assert_eq!(send(&proxy, "/removed", SECRET), 200);
    assert_eq!(send(&proxy, "/kept", SECRET), 200);
    let mut busy = Client::connect(proxy.address);
    let signed = sign::twenty(SECRET, b"{}", &sign::now(0));
    let request = Request::new("POST", "/removed", "{}").headers(&signed);
    busy.send(&request.head_bytes());
    eventually("the request to begin", || {
        (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
    });
    proxy.write_config("", &kept);
    assert!(proxy.reload());
    let names = |status: &Value| {
        let routes = status["routes"].as_array().unwrap().iter();
        routes
            .map(|route| route["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&status(&proxy)), ["kept"]);
    busy.send(b"{}");
    assert_eq!(busy.answer("POST").status, 200);
    drop(busy);
    let kept = route(&proxy, "kept");
    assert_eq!(in_the_last_hour(&kept, "verified"), 1);
    eventually("the request to end", || {
        (proxy.metric("hookward_requests_in_flight") == 0.0).then_some(())
    });
    proxy.write_config("", &routes);
    assert!(proxy.reload());
    let back = route(&proxy, "removed");
    assert_eq!(in_the_last_hour(&back, "verified"), 0, "it begins anew");
    assert_eq!(send(&proxy, "/removed", SECRET), 200);
    assert_eq!(in_the_last_hour(&route(&proxy, "removed"), "verified"), 1);
}
