//! The last refusals: the newest first, few, and with nothing in them that is nobody's business.

use serde_json::{Value, json};

use super::{in_the_last_hour, millis, route, status, text};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::route::{route as table, secrets};
use crate::support::sign::{self, PUBLIC_URL, SECRET};

fn refusals(proxy: &Proxy) -> Vec<Value> {
    status(proxy)["recent_refusals"].as_array().unwrap().clone()
}

/// A route of Twenty and one of an API key, with `keys` in the table of the first.
fn routes(upstream: impl std::fmt::Display, keys: &str) -> String {
    let secrets = secrets(&[("s", SECRET)]);
    let key = format!("scheme = \"api-key\"\nquery = \"api_key\"\n{secrets}");
    let twenty = format!("scheme = \"twenty\"\n{secrets}");
    table("twenty", "/twenty/*", &upstream, keys, &twenty)
        + &table("key", "/key", &upstream, "", &key)
}

fn forgery(path: &str, body: &str) -> Request {
    let signed = sign::twenty("another secret", body.as_bytes(), &sign::now(0));
    Request::new("POST", path, body).headers(&signed)
}

#[test]
fn a_refusal_says_who_asked_for_what_and_what_was_wrong() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), ""));
    let began = sign::clock();
    let request = forgery("/twenty/a?token=private", "a private body");
    let request = request.header("X-Request-Id", "the-one");
    assert_eq!(proxy.send(&request).status, 401);
    let refusals = refusals(&proxy);
    assert_eq!(refusals.len(), 1);
    let at = millis(&refusals[0]["at"]);
    assert!((began..=sign::clock()).contains(&at));
    let mut refusal = refusals[0].clone();
    refusal["at"] = Value::Null;
    assert_eq!(
        refusal,
        json!({
            "at": null, "route": "twenty", "reason": "signature_mismatch", "request_id": "the-one",
            "client": "127.0.0.1", "method": "POST", "path": "/twenty/a",
            "detail": "signed: a query of 13 bytes, a body of 14 bytes; secrets tried: s",
            "finding": null, "fix": null,
        })
    );
}

#[test]
fn the_newest_come_first_and_there_are_fifty_at_most() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), ""));
    let mut client = Client::connect(proxy.address);
    let mut newest = 0_u32;
    // The log has twenty a second, and so has this.
    eventually("more than there is room for", || {
        for _ in 0..25 {
            newest += 1;
            let request = Request::new("POST", &format!("/twenty/{newest}"), "");
            client.send(&request.bytes());
            assert_eq!(client.answer("POST").status, 401);
        }
        let logged = proxy
            .log()
            .iter()
            .filter(|line| line.contains("\"refused\""))
            .count();
        (logged > 60).then_some(())
    });
    let refusals = refusals(&proxy);
    assert_eq!(refusals.len(), 50);
    let numbers = refusals.iter().map(|refusal| {
        let path = refusal["path"].as_str().unwrap();
        path.rsplit('/').next().unwrap().parse::<u32>().unwrap()
    });
    let numbers: Vec<u32> = numbers.collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    // They are those of the log.
    for refusal in &refusals {
        let id = &refusal["request_id"];
        proxy.logged("refused", |line| line["request_id"] == *id);
    }
    let twenty = route(&proxy, "twenty");
    assert_eq!(twenty["rejected"]["missing_signature"], newest);
    assert_eq!(in_the_last_hour(&twenty, "rejected"), u64::from(newest));
}

#[test]
fn a_flood_costs_its_lines_in_the_log_and_hides_no_other_route() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), ""));
    let other = Request::new("POST", "/key", "");
    assert_eq!(proxy.send(&other).status, 401);
    let flood = Request::new("POST", "/twenty/flood", "")
        .bytes()
        .repeat(100);
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (address, flood) = (proxy.address, flood.clone());
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..5 {
                    client.send(&flood);
                    for _ in 0..100 {
                        assert_eq!(client.answer("POST").status, 401);
                    }
                }
            })
        })
        .collect();
    while floods.iter().any(|flood| !flood.is_finished()) {
        assert!(refusals(&proxy).len() <= 50);
    }
    for flood in floods {
        flood.join().unwrap();
    }
    assert_eq!(
        route(&proxy, "twenty")["rejected"]["missing_signature"],
        2_000
    );
    let logged = proxy.log();
    let logged = logged
        .iter()
        .filter(|line| line.contains("\"event\":\"refused\""));
    assert_eq!(refusals(&proxy).len(), logged.count().min(50));
}

#[test]
fn nothing_that_a_sender_writes_is_more_than_text_and_nothing_secret_is_in_it() {
    let app = App::start();
    let server = "trusted_proxies = [\"127.0.0.1\"]\n";
    let proxy = Proxy::start(server, &routes(app.url(), ""));
    let url = format!("{PUBLIC_URL}/twenty");
    let signature = sign::v3(SECRET, "POST", &url, b"{}", &sign::now(0));
    let long = "a".repeat(5_000);
    for path in [
        "/twenty/\"><script>alert(1)</script>",
        "/twenty/%00%1b[2J\u{202e}",
        "/nowhere/\\\"}],\"ready\":false,\"x\":[{\"",
        &format!("/twenty/{long}"),
        "http://localhost/twenty/absolute?api_key=in-the-query",
        "/twenty/a#in-the-query",
        "/key?api_key=in-the-query&b=1",
    ] {
        let mut client = Client::connect(proxy.address);
        let request = Request::new("POST", path, "in-the-body")
            .header("Host", "localhost")
            .header("X-Forwarded-For", "10.0.0.1, <img src=x>\"")
            .header("X-Request-Id", "a\"b")
            .header("X-Twenty-Webhook-Timestamp", "<b>in time</b>")
            .header("X-Twenty-Webhook-Signature", &signature[1].1)
            .header("Cookie", "in-a-cookie");
        client.send_what_is_taken(&request.bytes());
        client.answer("POST");
    }
    for head in [
        "POST /key?api_key=in-the-query HTTP/1.1\r\nno header: in-a-cookie\r\n\r\n",
        "POST /key?api_key=in-the-query HTTP/9.9\r\n\r\n",
        "POST http://u:p@localhost/key?api_key=in-the-query HTTP/1.1\r\n\r\n",
        "/key?api_key=in-the-query POST\r\n\r\n",
        "in-the-body\r\n\r\n",
    ] {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(head.as_bytes());
        client.answer("POST");
    }
    let text = text(&proxy);
    for hidden in [
        "in-the-query",
        "in-the-body",
        "in-a-cookie",
        SECRET,
        &signature[1].1,
    ] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    assert!(text.is_ascii());
    assert!(text.len() < 20_000, "{}", text.len());
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["ready"], true);
    let refusals = status["recent_refusals"].as_array().unwrap();
    assert_eq!(refusals.len(), 12);
    for refusal in refusals {
        for field in refusal.as_object().unwrap().values() {
            let text = field.as_str().unwrap_or_default();
            assert!(text.len() <= 1_200, "{field}");
            assert!(!text.contains(char::is_control), "{field}");
        }
    }
}

#[test]
fn what_is_found_out_is_told_with_the_refusal_that_it_is_about() {
    let app = App::start();
    let proxy = Proxy::start("", &routes(app.url(), "diagnose = true"));
    // The sender gives all of them one id.
    let with_id = |request: Request| request.header("X-Request-Id", "the-same");
    let signed = sign::twenty(SECRET, b"{\"a\":1}", &sign::now(0));
    let changed = Request::new("POST", "/twenty/changed", "{\"a\":1}\n").headers(&signed);
    assert_eq!(proxy.send(&with_id(changed)).status, 401);
    eventually("what was found out", || {
        let found = refusals(&proxy);
        (!found[0]["finding"].is_null()).then_some(())
    });
    assert_eq!(
        proxy.send(&with_id(forgery("/twenty/forged", "{}"))).status,
        401
    );
    let unsigned = Request::new("POST", "/twenty/unsigned", "");
    assert_eq!(proxy.send(&with_id(unsigned)).status, 401);
    let found = eventually("what was found out of the forgery", || {
        let found = refusals(&proxy);
        (!found[1]["finding"].is_null()).then_some(found)
    });
    let told: Vec<_> = found
        .iter()
        .map(|refusal| (refusal["path"].as_str().unwrap(), &refusal["finding"]))
        .collect();
    assert_eq!(
        told,
        [
            ("/twenty/unsigned", &Value::Null),
            ("/twenty/forged", &json!("unknown")),
            ("/twenty/changed", &json!("body_newline")),
        ]
    );
    assert!(found[2]["fix"].as_str().unwrap().len() > 20, "{}", found[2]);
}
