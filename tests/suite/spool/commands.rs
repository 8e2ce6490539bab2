//! `hookward spool` tells of what is stored, while the server runs and while it does not.

use serde_json::Value;

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, assert_stored, events, list, next_delivery, only,
    routes, spool, spool_prints, wait_for_none,
};
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::proxy::{Proxy, command, file};
use crate::support::sign::{Kind, SECRET, clock};

/// Two events: a dead one of Twenty, and one of HubSpot that waits for long.
fn two(directory: &Directory, app: &Fickle) -> Proxy {
    let proxy = directory.start(app.url(), ALWAYS);
    app.answers(404);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"dead {}")));
    eventually("the dead letter", || {
        (events(&proxy, "twenty", "dead") == 1.0).then_some(())
    });
    app.says(Says::with(503, "Retry-After: 3600\r\n"));
    let request = Request {
        target: "/hubspot?quiet=please".to_owned(),
        ..Kind::V1.request(b"waiting \x1b[2J {}")
    };
    assert_stored(&proxy.send(&request));
    eventually("the attempt", || {
        (list(&proxy)[1]["attempts"] == 1).then_some(())
    });
    proxy
}

fn millis(time: &Value) -> i64 {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let time = OffsetDateTime::parse(time.as_str().unwrap(), &Rfc3339).unwrap();
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap()
}

fn what_is_told(proxy: &Proxy, before: i64) {
    let all = list(proxy);
    let [dead, waiting] = &*all else {
        panic!("{all:?}");
    };
    const FIELDS: [&str; 8] = [
        "attempts",
        "bytes",
        "id",
        "last_error",
        "next_at",
        "received_at",
        "route",
        "state",
    ];
    for event in [dead, waiting] {
        let mut fields: Vec<&String> = event.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(fields, FIELDS);
        let received_at = millis(&event["received_at"]);
        assert!((before..=clock()).contains(&received_at), "{event}");
        assert_eq!(event["attempts"], 1, "{event}");
        assert_eq!(event["id"].as_str().unwrap().len(), 32, "{event}");
        assert!(
            (200..2_000).contains(&event["bytes"].as_u64().unwrap()),
            "{event}"
        );
    }
    for (event, expected) in [
        (dead, ["twenty", "dead", "the app answered 404"]),
        (waiting, ["hubspot", "waiting", "the app answered 503"]),
    ] {
        let found = ["route", "state", "last_error"].map(|field| event[field].as_str().unwrap());
        assert_eq!(found, expected);
    }
    assert_eq!(dead["next_at"], Value::Null);
    let pause = millis(&waiting["next_at"]) - millis(&waiting["received_at"]);
    assert!(pause >= 3_600_000, "{waiting}");

    let table = spool_prints(proxy, &["list"]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    let names = [
        "ID",
        "ROUTE",
        "STATE",
        "ATTEMPTS",
        "RECEIVED",
        "NEXT",
        "BYTES",
        "LAST ERROR",
    ];
    assert_eq!(rows[0], names);
    for (row, event) in rows[1..].iter().zip(&all) {
        let text = |field: &str| match &event[field] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let fields = [
            "id",
            "route",
            "state",
            "attempts",
            "received_at",
            "next_at",
            "bytes",
            "last_error",
        ];
        assert_eq!(*row, fields.map(text));
    }
    assert_eq!(rows.len(), 3, "{table}");

    for shown in [&table, &all[1].to_string()] {
        for private in ["quiet", "please", "{}", "ignature", SECRET] {
            assert!(!shown.contains(private), "{private} in {shown}");
        }
    }
}

fn what_is_shown(proxy: &Proxy) {
    let waiting = list(proxy).remove(1);
    let id = waiting["id"].as_str().unwrap();
    let shown = spool_prints(proxy, &["show", id, "--format", "json"]);
    let mut shown: Value = serde_json::from_str(&shown).unwrap();
    let head = shown["head"].as_str().unwrap().to_owned();
    assert!(
        head.starts_with("POST /hubspot?quiet=please HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nX-Hookward-Verified: hubspot-v1\r\n"),
        "{head}"
    );
    assert!(!head.contains(SECRET), "{head}");
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD
        .decode(shown["body_base64"].as_str().unwrap())
        .unwrap();
    assert_eq!(body, b"waiting \x1b[2J {}");
    shown
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name != "head" && name != "body_base64");
    assert_eq!(shown, waiting);

    let text = spool_prints(proxy, &["show", id]);
    for part in [
        id,
        "waiting",
        "the app answered 503",
        "POST /hubspot?quiet=please HTTP/1.1",
        "waiting [2J {}",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn what_is_stored_can_be_looked_at_while_it_serves_and_while_it_does_not() {
    let app = Fickle::answering(404);
    let directory = Directory::new();
    let before = clock();
    let proxy = two(&directory, &app);
    what_is_told(&proxy, before);
    what_is_shown(&proxy);
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    what_is_told(&proxy, before);
    what_is_shown(&proxy);
    // What is decided meanwhile is done at the next start.
    let ids = list(&proxy);
    let [dead, waiting] = [0, 1].map(|place| ids[place]["id"].as_str().unwrap());
    spool_prints(&proxy, &["retry", dead]);
    spool_prints(&proxy, &["drop", waiting]);
    assert_eq!(only(&proxy)["state"], "waiting");
    app.answers(200);
    for _ in 0..2 {
        app.next();
    }
    let proxy = directory.start(app.url(), ALWAYS);
    assert_eq!(&*next_delivery(&app).body, b"dead {}");
    wait_for_none(&proxy, "twenty");
    assert_eq!(spool_prints(&proxy, &["list"]), "no events are stored\n");
    app.assert_nothing_more();
}

#[test]
fn an_event_that_is_not_there_is_said_so() {
    let app = Fickle::answering(200);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    let id = "0123456789abcdef0123456789abcdef";
    for what in ["show", "retry", "drop"] {
        let (code, out, errors) = spool(&proxy, &[what, id]);
        assert_eq!((code, &*out), (1, ""), "{errors}");
        assert!(
            errors.contains(id) && errors.contains("spool list"),
            "{errors}"
        );
        let (code, _, errors) = spool(&proxy, &[what, "twelve"]);
        assert_eq!(code, 2);
        assert!(errors.contains("32 hexadecimal digits"), "{errors}");
    }
    assert_eq!(spool(&proxy, &["retry"]).0, 2);
    assert_eq!(spool(&proxy, &["retry", id, "--dead"]).0, 2);
}

#[test]
fn before_the_first_start_there_are_no_events() {
    let directory = Directory::new();
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
        directory.routes("http://127.0.0.1:1", ON_FAILURE)
    );
    let (_guard, path) = file("hookward.toml", text);
    let path = path.to_str().unwrap();
    let (code, out, errors) = command(&["spool", "list", "--config", path]);
    assert_eq!((code, &*out, &*errors), (0, "no events are stored\n", ""));
    let (code, out, _) = command(&["spool", "list", "--format", "json", "--config", path]);
    assert_eq!((code, &*out), (0, "[]\n"));
    assert!(!directory.path.exists(), "looking makes nothing");
}

#[test]
fn without_a_spool_there_is_nothing_to_look_into() {
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
        routes("http://127.0.0.1:1", "")
    );
    let (_guard, path) = file("hookward.toml", text);
    let path = path.to_str().unwrap();
    let id = "0123456789abcdef0123456789abcdef";
    for arguments in [
        &["list"][..],
        &["list", "--format", "json"],
        &["show", id],
        &["retry", id],
        &["retry", "--dead"],
        &["drop", id],
    ] {
        let (code, out, errors) = command(&[&["spool"], arguments, &["--config", path]].concat());
        assert_eq!((code, &*out), (2, ""), "{arguments:?}");
        assert!(errors.contains("no [spool]"), "{errors}");
    }
}
