//! `/status.json` says how things are: what verified, what is refused and why, how apps fare, and what is waited for.

mod apps;
mod fields;
mod hosts;
mod page;
mod recent;
mod reloads;
mod size;
mod stores;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client::{Answer, Request, exchange};
use crate::support::proxy::Proxy;

/// Asks the admin address by a name that is answered.
fn ask(proxy: &Proxy, method: &str, target: &str) -> Answer {
    let request = Request::new(method, target, "").header("Host", "localhost");
    exchange(proxy.admin, &request)
}

/// What is said, as it is written.
fn text(proxy: &Proxy) -> String {
    let answer = ask(proxy, "GET", "/status.json");
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}

fn status(proxy: &Proxy) -> Value {
    serde_json::from_str(&text(proxy)).unwrap()
}

/// What is said of a route.
fn route(proxy: &Proxy, name: &str) -> Value {
    let status = status(proxy);
    let mut routes = status["routes"].as_array().unwrap().iter();
    let route = routes.find(|route| route["name"] == name);
    route.cloned().unwrap_or_else(|| panic!("no {name}"))
}

/// Milliseconds since the epoch of a time as it is said.
fn millis(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("{time} is no time"));
    assert!(text.ends_with('Z'), "{text} is in UTC");
    let time = OffsetDateTime::parse(text, &Rfc3339).unwrap();
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap()
}

/// The names of an object's fields, in alphabetical order.
fn names(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap_or_else(|| panic!("{object}"));
    let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The sum of a route's last hour of this kind.
fn in_the_last_hour(route: &Value, kind: &str) -> u64 {
    let minutes = route["last_hour"][kind].as_array().unwrap();
    assert_eq!(minutes.len(), 60);
    minutes.iter().map(|count| count.as_u64().unwrap()).sum()
}
