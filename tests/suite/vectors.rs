//! The known answers again, from the running program.

use serde_json::Value;

use crate::support::app::App;
use crate::support::client;
use crate::support::known::{own, own_vector, text};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};

#[test]
fn every_vector_gets_its_verdict_from_the_running_program() {
    let app = App::start();
    let mut vectors = own();
    vectors.sort_by_key(|value| (text(value, "provider"), text(value, "secret")));
    let same_route =
        |a: &Value, b: &Value| a["provider"] == b["provider"] && a["secret"] == b["secret"];
    for vectors in vectors.chunk_by(same_route) {
        let (provider, secret) = (text(&vectors[0], "provider"), text(&vectors[0], "secret"));
        let versions = match provider.as_str() {
            "hubspot" => "versions = [\"v1\", \"v2\", \"v3\"]",
            _ => "",
        };
        let keys =
            "methods = [\"POST\", \"GET\", \"PUT\"]\npublic_url = \"https://hooks.example.com\"";
        // Some are the same request under two names.
        let verify = format!(
            "scheme = \"{provider}\"\n{versions}\nmax_age = \"36500d\"\nmax_skew = \"36500d\"\n\
             replay = false\n{}",
            secrets(&[("current", &secret)])
        );
        let route = route("all", "/*", app.url(), keys, &verify);
        let proxy = Proxy::start("", &route);
        for value in vectors {
            judge_by_program(&proxy, &app, value);
        }
    }
    app.assert_nothing_more();
}

fn judge_by_program(proxy: &Proxy, app: &App, value: &Value) {
    let vector = own_vector(value);
    // What is judged by the clock is judged by today's here.
    if vector.name.ends_with("ms old") {
        return;
    }
    let target = text(value, "target");
    let mut request = client::Request::new(&vector.method, &target, vector.body.clone());
    for (name, value) in &vector.headers {
        request = request.header(name, value);
    }
    let (answer, [_, _, _, reason]) = proxy.judge(&request);
    assert_eq!(reason, vector.expect, "{}", vector.name);
    if vector.expect == "ok" {
        assert_eq!(answer.status, 200, "{}", vector.name);
        let seen = app.next();
        assert_eq!(
            (seen.target, seen.body),
            (target, vector.body),
            "{}",
            vector.name
        );
    } else {
        assert_eq!(answer.status, 401, "{}", vector.name);
    }
}
