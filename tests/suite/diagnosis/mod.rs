//! With `diagnose = true`, mistakes that were made for real are named as they happen, in the log and in the
//! metrics, and nothing else changes.

mod limits;
mod told;

use serde_json::Value;

use crate::support::client::Request;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, PUBLIC_URL, SECRET};

const HUBSPOT: &str = "scheme = \"hubspot\"\nversions = [\"v3\"]\n";
const TWENTY: &str = "scheme = \"twenty\"\n";
const DIAGNOSES: &str = "diagnose = true";

/// A route of HubSpot and two of Twenty, with `keys` in each route's table.
fn routes(upstream: impl std::fmt::Display, keys: &str) -> String {
    let secrets = secrets(&[("current", SECRET)]);
    let keys = format!("public_url = \"{PUBLIC_URL}\"\n{keys}");
    let routes = [("hubspot", HUBSPOT), ("twenty", TWENTY), ("other", TWENTY)];
    let route = |(name, scheme)| {
        let verify = format!("{scheme}{secrets}");
        route(name, &format!("/{name}"), &upstream, &keys, &verify)
    };
    routes.into_iter().map(route).collect()
}

/// A request of Twenty to `path` whose body got a line end after it was signed.
fn with_a_line_end(path: &str) -> Request {
    let signed = sign::twenty(SECRET, b"{\"a\":1}", &sign::now(0));
    Request::new("POST", path, "{\"a\":1}\n").headers(&signed)
}

/// A request of Twenty to `path` that somebody else signed.
fn forgery(path: &str) -> Request {
    let signed = sign::twenty("not the secret", b"{}", &sign::now(0));
    Request::new("POST", path, "{}").headers(&signed)
}

/// How many findings of this word a route has.
fn count(proxy: &Proxy, route: &str, finding: &str) -> f64 {
    let labels = format!("finding=\"{finding}\",route=\"{route}\"");
    proxy.metric(&format!("hookward_mismatch_findings_total{{{labels}}}"))
}

/// Waits for the finding of one more mismatch, which is sent until there was room for it.
fn send_until_diagnosed(proxy: &Proxy, request: impl Fn() -> Request, route: &str, finding: &str) {
    let before = count(proxy, route, finding);
    eventually("a mismatch to be examined", || {
        assert_eq!(proxy.send(&request()).status, 401);
        (count(proxy, route, finding) > before).then_some(())
    });
}

/// Everything that was logged as diagnosed.
fn diagnosed(proxy: &Proxy) -> Vec<Value> {
    let log = proxy.log().into_iter();
    let lines = log.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["event"] == "diagnosed").collect()
}
