//! What comes again is refused, or answered as the route says.

use serde_json::Value;

use super::{
    ON_ITS_WAY, Step, TAKEN, app_that_waits, assert_replayed, claims, detail, replayed, routes,
    start,
};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{Kind, SECRET};

over_each_protocol!(
    the_same_request_again_is_refused_and_explained,
    what_is_on_its_way_is_refused_too,
    a_route_may_acknowledge_what_its_app_has_taken,
);

fn the_same_request_again_is_refused_and_explained() {
    let app = App::start();
    let proxy = start(&app, "", "");
    for kind in [Kind::V3, Kind::Twenty] {
        let route = &kind.path()[1..];
        let request = kind.request(b"{}").header("X-Request-Id", "mine");
        let (answer, verdict) = proxy.judge(&request);
        assert_eq!((answer.status, &*verdict[3]), (200, "ok"));
        assert_eq!(app.next().one("x-hookward-verified"), Some(kind.label()));
        for times in 1..=2 {
            let (answer, verdict) = proxy.judge(&request);
            assert_replayed(&answer, route);
            assert_eq!(verdict, [route, kind.label(), "rejected", "replayed"]);
            assert_eq!(replayed(&proxy, route, kind.label()), f64::from(times));
        }
        let line = proxy.logged("refused", |line| line["route"] == route);
        for (field, expected) in [
            ("reason", Value::from("replayed")),
            ("message", "the same request came before".into()),
            ("detail", TAKEN.into()),
            ("scheme", kind.label().into()),
            ("request_id", "mine".into()),
            ("method", "POST".into()),
            ("path", kind.path().into()),
            ("http_status", 409.into()),
        ] {
            assert_eq!(line[field], expected, "{field} of {line}");
        }
        app.assert_nothing_more();
    }
    assert_eq!(claims(&proxy, "new"), 2.0);
    assert_eq!(claims(&proxy, "replayed"), 4.0);
    assert_eq!(proxy.metric("hookward_replay_entries"), 2.0);
    assert_eq!(proxy.metric("hookward_replay_store_seconds_count"), 6.0);
    for result in ["released", "evicted", "failed"] {
        assert_eq!(claims(&proxy, result), 0.0, "{result}");
    }
}

fn what_is_on_its_way_is_refused_too() {
    for verify in ["", "on_replay = \"acknowledge\""] {
        let (app, answer) = app_that_waits();
        let proxy = start(&app, "", verify);
        let request = Kind::Twenty.request(b"{}");
        let protocol = Protocol::current();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let mut status = 0;
                protocol.run(|| status = proxy.send(&request).status);
                status
            });
            app.next();
            assert_replayed(&proxy.send(&request), verify);
            assert_eq!(detail(&proxy, "replayed"), ON_ITS_WAY);
            answer.send(super::OK).unwrap();
            assert_eq!(first.join().unwrap(), 200);
        });
        app.assert_nothing_more();
    }
}

fn a_route_may_acknowledge_what_its_app_has_taken() {
    let app = App::start();
    let proxy = start(&app, "", "on_replay = \"acknowledge\"");
    let request = Kind::V3.request(b"{}");
    let first = proxy.send(&request);
    assert_eq!((first.status, &*first.body), (200, &b"ok"[..]));
    app.next();
    let (again, verdict) = proxy.judge(&request);
    assert_eq!((again.status, &*again.body), (200, &b""[..]));
    assert_eq!(again.header("x-app"), None, "it is not the app's answer");
    assert_eq!(verdict, ["hubspot", "hubspot-v3", "rejected", "replayed"]);
    let own = "hookward_responses_total{origin=\"hookward\",route=\"hubspot\",status=\"200\"}";
    assert_eq!(proxy.metric(own), 1.0);
    let line = proxy.logged("refused", |_| true);
    assert_eq!(
        (&line["http_status"], &line["detail"]),
        (&200.into(), &TAKEN.into())
    );
    app.assert_nothing_more();
}

#[test]
fn the_same_request_behind_itself_on_its_connection_is_refused() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let bytes = Kind::Twenty.request(b"{}").bytes();
    let mut client = crate::support::client::Client::connect(proxy.address);
    client.send(&bytes.repeat(3));
    let statuses = [(); 3].map(|()| client.answer("POST").status);
    assert_eq!(statuses, [200, 409, 409]);
    app.next();
    app.assert_nothing_more();
}

#[test]
fn a_route_without_replay_protection_delivers_every_time() {
    let app = App::start();
    let proxy = start(&app, "", "replay = false");
    for kind in [Kind::V3, Kind::Twenty] {
        let request = kind.request(b"{}");
        for _ in 0..3 {
            assert_eq!(proxy.send(&request).status, 200);
            app.next();
        }
    }
    assert_eq!(claims(&proxy, "new"), 0.0);
    assert_eq!(proxy.metric("hookward_replay_entries"), 0.0);
    let metrics = proxy.metrics();
    assert!(!metrics.contains("replayed\",route"), "{metrics}");
}

#[test]
fn each_route_counts_for_itself() {
    let app = App::start();
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("s", SECRET)]));
    let of = |name: &str| route(name, &format!("/{name}"), app.url(), "", &verify);
    let proxy = Proxy::start("", &(of("a") + &of("b")));
    // Twenty signs neither path nor host.
    let request = Kind::Twenty.request(b"{}");
    for status in [200, 409] {
        for route in ["a", "b"] {
            let request = Request {
                target: format!("/{route}"),
                ..request.clone()
            };
            assert_eq!(proxy.send(&request).status, status, "{route}");
        }
    }
    for route in ["a", "b"] {
        assert_eq!(app.next().one("x-hookward-route"), Some(route));
        assert_eq!(replayed(&proxy, route, "twenty"), 1.0);
    }
    app.assert_nothing_more();
}

#[test]
fn what_is_not_signed_makes_no_other_request() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let request = Kind::Twenty.request(b"{}");
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    let nonce = "X-Twenty-Webhook-Nonce";
    for other in [
        request
            .clone()
            .with(nonce, "ffeeddccbbaa99887766554433221100"),
        request.clone().without(nonce),
        request.clone().header("X-Request-Id", "another"),
        Request {
            target: "/twenty?another".to_owned(),
            ..request.clone()
        },
    ] {
        let (answer, verdict) = proxy.judge(&other);
        assert_replayed(&answer, &format!("{other:?}"));
        assert_eq!(verdict[3], "replayed");
    }
    let hubspot = Kind::V3.request(b"{}");
    assert_eq!(proxy.send(&hubspot).status, 200);
    app.next();
    // Beside v3, what signs no time is not looked at.
    let beside = Kind::V1.request(b"{}").headers.into_iter();
    let beside = beside.fold(hubspot, |request, (name, value)| {
        request.header(&name, value)
    });
    assert_replayed(&proxy.send(&beside), "v1 beside v3");
    app.assert_nothing_more();
}

#[test]
fn another_spelling_of_a_signature_is_no_signature() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let value = |request: &Request, name: &str| {
        let mut headers = request.headers.iter();
        let (_, value) = headers.find(|(found, _)| found == name).unwrap();
        String::from_utf8(value.clone()).unwrap()
    };
    let (twenty, hubspot) = (Kind::Twenty.request(b"{}"), Kind::V3.request(b"{}"));
    let (of_twenty, of_hubspot) = ("X-Twenty-Webhook-Signature", "X-HubSpot-Signature-v3");
    let hex = value(&twenty, of_twenty);
    let base64 = value(&hubspot, of_hubspot);
    // The last character before the padding has two bits that say nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = alphabet.find(&base64[42..43]).unwrap();
    let stray = format!("{}{}=", &base64[..42], &alphabet[last + 1..last + 2]);
    assert_eq!(proxy.send(&twenty).status, 200);
    assert_eq!(proxy.send(&hubspot).status, 200);
    app.next();
    app.next();
    let spellings = [
        (&twenty, of_twenty, hex.to_uppercase()),
        (&twenty, of_twenty, format!("sha256={hex}")),
        (&twenty, of_twenty, format!("{hex}00")),
        (
            &hubspot,
            of_hubspot,
            base64.trim_end_matches('=').to_owned(),
        ),
        (&hubspot, of_hubspot, format!("{base64}=")),
        (&hubspot, of_hubspot, stray),
    ];
    for (request, name, spelling) in spellings {
        let (answer, verdict) = proxy.judge(&request.clone().with(name, &spelling));
        assert_eq!(
            (answer.status, &*verdict[3]),
            (401, "malformed_signature"),
            "{spelling}"
        );
    }
    app.assert_nothing_more();
}

#[test]
fn what_signs_no_time_may_come_again() {
    let app = App::start();
    let proxy = start(&app, "", "");
    for kind in [Kind::V1, Kind::V2] {
        let request = kind.request(b"{}");
        for _ in 0..3 {
            assert_eq!(proxy.send(&request).status, 200, "{kind:?}");
            assert_eq!(app.next().one("x-hookward-verified"), Some(kind.label()));
        }
    }
    assert_eq!(claims(&proxy, "new"), 0.0);
    let request = Kind::V3.request(b"{}");
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    assert_replayed(&proxy.send(&request), "v3 on a route of all versions");
    assert_eq!(claims(&proxy, "new"), 1.0);
}

#[test]
fn without_enforcement_a_replay_is_let_through_and_told() {
    for verify in ["", "on_replay = \"acknowledge\""] {
        let app = App::start();
        let proxy = start(&app, "enforce = false", verify);
        let request = Kind::Twenty.request(b"{}");
        assert_eq!(proxy.send(&request).status, 200);
        assert_eq!(app.next().one("x-hookward-rejection"), None);
        let (answer, verdict) = proxy.judge(&request);
        assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]));
        assert_eq!(verdict, ["twenty", "twenty", "unenforced", "replayed"]);
        let seen = app.next();
        assert_eq!(seen.one("x-hookward-rejection"), Some("replayed"));
        assert_eq!(seen.one("x-hookward-verified"), None);
        assert_eq!(seen.one("x-hookward-secret"), None);
        assert_eq!(seen.one("x-hookward-signed-at"), None);
        let line = proxy.logged("unenforced", |_| true);
        assert_eq!(
            (&line["reason"], &line["detail"]),
            (&"replayed".into(), &TAKEN.into())
        );
        assert_eq!(replayed(&proxy, "twenty", "twenty"), 0.0);
    }
}

#[test]
fn what_is_let_through_without_a_claim_ends_none() {
    let (app, answer) = app_that_waits();
    let proxy = start(&app, "enforce = false", "");
    let request = Kind::Twenty.request(b"{}");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| proxy.send(&request).status);
        app.next();
        assert_eq!(proxy.send(&request).status, 200);
        assert_eq!(app.next().one("x-hookward-rejection"), Some("replayed"));
        answer
            .send(Step::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
            .unwrap();
        assert_eq!(first.join().unwrap(), 500);
    });
    // The first one was not taken, whatever became of the second.
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(app.next().one("x-hookward-verified"), Some("twenty"));
}

#[test]
fn a_replay_can_be_recorded() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    let table = format!("[record]\ndirectory = {directory:?}\n");
    let routes = routes(app.url(), "record = \"refused\"", "") + &table;
    let proxy = Proxy::start("", &routes);
    let request = Kind::Twenty.request(b"{\"n\":1}");
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(proxy.send(&request).status, 409);
    let kept = crate::support::eventually("the file", || {
        let mut files = std::fs::read_dir(&directory).ok()?;
        let path = files.next()?.unwrap().path();
        let kept = std::fs::read_to_string(path).ok()?;
        kept.ends_with("\r\n\r\n{\"n\":1}").then_some(kept)
    });
    assert!(kept.contains("X-Hookward-Reason: replayed\r\n"), "{kept}");
}

#[test]
fn what_is_counted_is_there_from_the_start() {
    let app = App::start();
    let enforcing = start(&app, "", "");
    let metrics = enforcing.metrics();
    let results = ["new", "replayed", "released", "evicted", "failed"];
    let mut expected = results
        .map(|result| format!("hookward_replay_claims_total{{result=\"{result}\"}} 0"))
        .to_vec();
    expected.push("hookward_replay_store_seconds_count 0".to_owned());
    expected.push("hookward_replay_entries 0".to_owned());
    for (route, scheme) in [("hubspot", "hubspot-v3"), ("twenty", "twenty")] {
        for reason in ["replayed", "replay_store_unavailable"] {
            expected.push(format!(
                "hookward_verdicts_total{{reason=\"{reason}\",route=\"{route}\",scheme=\"{scheme}\",verdict=\"rejected\"}} 0"
            ));
        }
        expected.push(format!(
            "hookward_responses_total{{origin=\"hookward\",route=\"{route}\",status=\"409\"}} 0"
        ));
    }
    let lacking: Vec<_> = expected
        .iter()
        .filter(|line| !metrics.lines().any(|found| found == *line))
        .collect();
    assert!(lacking.is_empty(), "{lacking:?}");
    assert!(!metrics.contains("reason=\"replayed\",route=\"hubspot\",scheme=\"hubspot-v1\""));
    let lenient = start(&app, "enforce = false", "").metrics();
    for reason in ["replayed", "replay_store_unavailable"] {
        let line = format!(
            "hookward_verdicts_total{{reason=\"{reason}\",route=\"twenty\",scheme=\"twenty\",verdict=\"unenforced\"}} 0"
        );
        assert!(lenient.contains(&line), "{line}");
    }
}
