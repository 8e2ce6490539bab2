//! `send --event` sends what looks like the providers' own events.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::app::App;
use crate::support::proxy::{Proxy, command, file};
use crate::support::sign::{self, SECRET};

struct Sender {
    _guard: tempfile::TempDir,
    secret: String,
    to: String,
}

impl Sender {
    fn send(&self, scheme: &str, event: &str, more: &[&str]) -> (i32, String, String) {
        let path = if scheme == "twenty" {
            "/twenty"
        } else {
            "/hubspot"
        };
        let url = format!("{}{path}", sign::PUBLIC_URL);
        let arguments = [
            "send",
            "--scheme",
            scheme,
            "--secret-file",
            &self.secret,
            "--url",
            &url,
            "--to",
            &self.to,
            "--event",
            event,
        ];
        command(&[&arguments[..], more].concat())
    }

    /// The events of a scheme, as the message about an unknown one lists them.
    fn events(&self, scheme: &str) -> Vec<String> {
        let (code, out, error) = self.send(scheme, "no.such", &[]);
        assert_eq!((code, &*out), (2, ""), "{error}");
        let (_, list) = error.trim_end().split_once("expected one of ").unwrap();
        list.split(", ").map(str::to_owned).collect()
    }
}

fn start() -> (App, Proxy, Sender) {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let (guard, secret) = file("secret", SECRET);
    let sender = Sender {
        _guard: guard,
        secret: secret.to_str().unwrap().to_owned(),
        to: format!("http://{}", proxy.address),
    };
    (app, proxy, sender)
}

/// Sends an event and returns what the app got.
fn sent(app: &App, sender: &Sender, scheme: &str, event: &str) -> Value {
    let (code, out, error) = sender.send(scheme, event, &[]);
    assert_eq!((code, &*out), (0, "200 OK\nok\n"), "{event}: {error}");
    let seen = app.next();
    assert_eq!(seen.one("x-hookward-verified"), Some(scheme));
    assert_eq!(seen.one("content-type"), Some("application/json"));
    serde_json::from_slice(&seen.body).unwrap_or_else(|error| panic!("{event}: {error}"))
}

#[test]
fn every_event_of_hubspot_is_a_list_as_crm_subscriptions_send_it() {
    let (app, _proxy, sender) = start();
    let events = sender.events("hubspot-v3");
    assert_eq!(sender.events("hubspot-v1"), events);
    let mut ids = Vec::new();
    for object in ["contact", "company", "deal", "ticket"] {
        for what in ["creation", "propertyChange", "deletion"] {
            assert!(events.contains(&format!("{object}.{what}")), "{events:?}");
        }
    }
    for event in &events {
        let body = sent(&app, &sender, "hubspot-v3", event);
        let [only] = body.as_array().unwrap().as_slice() else {
            panic!("one event");
        };
        assert_eq!(only["subscriptionType"], **event);
        for number in ["eventId", "subscriptionId", "portalId", "appId", "objectId"] {
            assert!(only[number].is_u64(), "{event}: {number}");
        }
        assert!(only["occurredAt"].as_u64().unwrap() > 1_700_000_000_000);
        let is_change = event.ends_with(".propertyChange");
        let names =
            ["propertyName", "propertyValue", "changeFlag"].map(|key| only[key].is_string());
        assert_eq!(names, [is_change, is_change, !is_change], "{event}");
        ids.push(only["eventId"].as_u64().unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
    assert_eq!(sender.send("hubspot-v1", "deal.creation", &[]).0, 0);
}

/// The keys of an event in their order: Twenty signs the text, and apps that parse it see them so.
const KEYS_OF_TWENTY: &str = "targetUrl eventName objectMetadata workspaceId webhookId eventDate userId \
                              workspaceMemberId record";

#[test]
fn every_event_of_twenty_is_one_object_as_it_sends_it() {
    let (app, _proxy, sender) = start();
    let events = sender.events("twenty");
    for object in ["person", "company", "opportunity"] {
        for what in ["created", "updated", "deleted"] {
            assert!(events.contains(&format!("{object}.{what}")), "{events:?}");
        }
    }
    for event in &events {
        let (code, _, error) = sender.send("twenty", event, &[]);
        assert_eq!(code, 0, "{event}: {error}");
        let text = String::from_utf8(app.next().body).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["eventName"], **event);
        let (object, what) = event.split_once('.').unwrap();
        assert_eq!(body["objectMetadata"]["nameSingular"], object);
        assert_eq!(
            body["updatedFields"].is_array(),
            what == "updated",
            "{event}"
        );
        assert_eq!(
            body["record"]["deletedAt"].is_string(),
            what == "deleted",
            "{event}"
        );
        assert!(body["record"]["id"].is_string() && body["record"]["createdBy"].is_object());
        let places = KEYS_OF_TWENTY
            .split_whitespace()
            .map(|key| text.find(&format!("\"{key}\":")));
        let places: Vec<usize> = places.map(Option::unwrap).collect();
        assert!(places.is_sorted(), "{event}: {places:?}");
        assert_eq!(
            body.as_object().unwrap().len(),
            9 + usize::from(what == "updated")
        );
        let changed = body["updatedFields"][0].as_str();
        assert!(
            changed.is_none_or(|changed| !body["record"][changed].is_null()),
            "{event}"
        );
    }
}

#[test]
fn two_events_are_two_and_happen_now() {
    let (app, _proxy, sender) = start();
    let before = u64::try_from(sign::clock()).unwrap();
    let events: Vec<Value> = (0..2)
        .map(|_| sent(&app, &sender, "hubspot-v3", "deal.creation"))
        .collect();
    let after = u64::try_from(sign::clock()).unwrap();
    assert_ne!(events[0][0]["eventId"], events[1][0]["eventId"]);
    for event in &events {
        let at = event[0]["occurredAt"].as_u64().unwrap();
        assert!((before..=after).contains(&at), "{at}");
    }
    for (event, changed) in [
        ("person.created", &["createdAt", "updatedAt"][..]),
        ("person.updated", &["updatedAt"]),
        ("person.deleted", &["updatedAt", "deletedAt"]),
    ] {
        let body = sent(&app, &sender, "twenty", event);
        let date = body["eventDate"].as_str().unwrap();
        assert_eq!(date.len(), "2026-11-21T09:31:00.424Z".len(), "{date}");
        let at = OffsetDateTime::parse(date, &Rfc3339).unwrap();
        let at = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap();
        let now = u64::try_from(sign::clock()).unwrap();
        assert!((before..=now).contains(&at), "{date}");
        for name in changed {
            assert_eq!(body["record"][name], date, "{event}: {name}");
        }
    }
}

#[test]
fn an_event_of_another_provider_and_an_event_with_a_body_are_wrong_usage() {
    let (app, _proxy, sender) = start();
    assert_eq!(sender.send("twenty", "contact.creation", &[]).0, 2);
    assert_eq!(sender.send("hubspot-v3", "person.created", &[]).0, 2);
    let (code, _, error) = sender.send("twenty", "person.created", &["--body", &sender.secret]);
    assert!(code == 2 && error.contains("--body"), "{error}");
    app.assert_nothing_more();
}
