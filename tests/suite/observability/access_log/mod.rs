//! With `access_log = true` each request of a route has one line, whatever became of it.

mod broken_off;
mod lines;
mod outcomes;

use serde_json::Value;

use crate::support::client::Request;
use crate::support::proxy::Proxy;

const ON: &str = "access_log = true";

/// The lines of requests with this id, once there is one.
fn lines_of(proxy: &Proxy, id: &str) -> Vec<Value> {
    proxy.logged("request", |line| line["request_id"] == id);
    all_lines(proxy)
        .into_iter()
        .filter(|line| line["request_id"] == id)
        .collect()
}

/// The access log so far.
fn all_lines(proxy: &Proxy) -> Vec<Value> {
    let lines = proxy.log();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["event"] == "request")
        .collect()
}

/// Sends a request, whose one line must have these fields, and none of those that are null. Fields that are not named
/// must be there, but for times and how it came.
fn assert_line(proxy: &Proxy, request: Request, expected: Value) -> Value {
    let id = expected["request_id"].as_str().unwrap();
    let answer = proxy.send(&request.header("X-Request-Id", id));
    assert_eq!(expected["http_status"], answer.status);
    let found = lines_of(proxy, id);
    let [line] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_fields(line, expected);
    line.clone()
}

fn assert_fields(line: &Value, expected: Value) {
    let mut rest = line.as_object().unwrap().clone();
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&line[field], value, "{field} of {line}");
        rest.remove(field);
    }
    assert_eq!(line["level"], "info");
    let of_all = ["timestamp", "level", "event", "message", "client"];
    for field in of_all.iter().chain(&["protocol", "is_tls", "took_ms"]) {
        assert!(rest.remove(*field).is_some(), "{field} of {line}");
    }
    for time in ["signed_at", "age_ms", "upstream_ms"] {
        assert!(rest.remove(time).is_none_or(|time| time.is_i64()), "{line}");
    }
    assert_eq!(rest, serde_json::Map::new(), "{line}");
}
