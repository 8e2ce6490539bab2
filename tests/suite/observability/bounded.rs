//! Nobody who sends requests, and no app that answers them, makes series: values of labels come from the configuration
//! and from fixed lists alone.

use std::collections::BTreeSet;
use std::io::Write;

use crate::support::app::App;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

/// What no label may have in it; it is in everything odd.
const MARK: &str = "odd";

/// Requests that are odd in one way each, and in another way for each number.
fn requests(number: usize) -> Vec<Request> {
    let odd = format!("{MARK}{number}");
    let post = |target: &str| Request::new("POST", target, "{}");
    let signed = |status: &str| Kind::Twenty.request(b"{}").header("X-Answer", status);
    let mut requests = vec![
        Request::new(&odd.to_uppercase(), "/twenty", "{}"),
        post(&format!("/{odd}")),
        post(&format!("/twenty/{odd}")),
        post(&format!("/%2e/{odd}")),
        post(&format!("/twenty?{odd}={odd}")),
        post("/twenty").header("Host", format!("{odd}.example")),
        post("/hubspot").header("X-Forwarded-Host", &odd),
        post("/hubspot")
            .header("X-HubSpot-Signature-Version", &odd)
            .header("X-HubSpot-Signature", &odd),
        post("/hubspot").header(&format!("X-HubSpot-Signature-{odd}"), &odd),
        post("/key-header").header("X-Api-Key", &odd),
        post(&format!("/key-query?api_key={odd}")),
        post("/twenty").header("Content-Type", &odd),
        Kind::V1.request(odd.as_bytes()),
        signed("200").header("X-Request-Id", &odd),
        signed("200").header("X-Hookward-Route", &odd),
        signed("200").header("X-Hookward-Secret", &odd),
        signed("200").with("X-Twenty-Webhook-Timestamp", &odd),
        signed("200").with("X-Twenty-Webhook-Signature", &odd),
    ];
    // Of an app's statuses, each that HTTP knows has a series, and all others share one.
    requests.extend(["299", "599"].map(signed));
    requests.push(signed(&(600 + number % 400).to_string()));
    requests
}

/// What stands before the values of a scrape.
fn series(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

fn odd_requests_add_no_series() {
    let app = App::behaving(|stream, seen| {
        let status = seen.one("X-Answer").unwrap_or("200").to_owned();
        let answer = format!("HTTP/1.1 {status} {MARK}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let before = series(&proxy.metrics());
    for request in requests(0) {
        proxy.send(&request);
    }
    expect_statuses(&proxy, 1.0);
    let first = series(&proxy.metrics());
    for number in 1..20 {
        for request in requests(number) {
            proxy.send(&request);
        }
    }
    expect_statuses(&proxy, 20.0);
    let metrics = proxy.metrics();
    let last = series(&metrics);
    assert_eq!(
        last.difference(&first).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert!(!metrics.to_lowercase().contains(MARK), "{metrics}");
    // Both routes that served have their distributions and time; one has the app's statuses too.
    let added: Vec<_> = last.difference(&before).collect();
    let new_routes: BTreeSet<_> = added.iter().map(|series| route_of(series)).collect();
    assert_eq!(new_routes, BTreeSet::from(["hubspot", "twenty"]));
}

/// Returns once the app's odd statuses were counted so often: that may be after the sender has its answer.
fn expect_statuses(proxy: &Proxy, count: f64) {
    for status in ["299", "599", "other"] {
        let answered = format!(
            "hookward_responses_total{{origin=\"app\",route=\"twenty\",status=\"{status}\"}}"
        );
        eventually(&answered, || {
            (proxy.metric(&answered) == count).then_some(())
        });
    }
}

fn route_of(series: &str) -> &str {
    let (_, rest) = series.split_once("route=\"").unwrap_or_default();
    rest.split('"').next().unwrap()
}

over_each_protocol!(odd_requests_add_no_series);
