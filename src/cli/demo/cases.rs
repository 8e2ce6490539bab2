//! What the demo sends: for each scheme a request as the provider makes it, and forgeries.

use std::net::SocketAddr;

use secrecy::SecretString;

use crate::cli::sign::fresh_nonce;
use crate::providers;
use crate::reason::Reason;
use crate::verify::{self, Provider, Timestamp};

const HUBSPOT_SECRET: &str = "demo-hubspot-client-secret";
const TWENTY_SECRET: &str = "demo-twenty-webhook-secret";
const API_KEY: &str = "demo-api-key-0123456789";
const PUBLIC_URL: &str = "https://hooks.example.com";

/// One request and what should become of it.
pub(super) struct Case {
    pub(super) scheme: &'static str,
    pub(super) sent: &'static str,
    pub(super) method: &'static str,
    pub(super) target: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) expected: Expected,
}

#[derive(Clone, Copy)]
pub(super) enum Expected {
    Verified,
    Refused(Reason),
}

/// The configuration of the proxy, in front of `app`.
pub(super) fn configuration(app: SocketAddr) -> String {
    let route = |name: &str, methods: &str, verify: &str| {
        format!(
            r#"
[[route]]
name = "{name}"
path = "/{name}"
methods = [{methods}]
upstream = "http://{app}"
public_url = "{PUBLIC_URL}"
[route.verify]
{verify}
"#
        )
    };
    let hubspot = format!(
        r#"scheme = "hubspot"
versions = ["v1", "v2", "v3"]
secrets = [{{ id = "current", value = "{HUBSPOT_SECRET}" }}]"#
    );
    let twenty = format!(
        r#"scheme = "twenty"
secrets = [{{ id = "current", value = "{TWENTY_SECRET}" }}]"#
    );
    let key = |place: &str| {
        format!(
            r#"scheme = "api-key"
{place}
secrets = [{{ id = "current", value = "{API_KEY}" }}]"#
        )
    };
    [
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned(),
        route("hubspot", r#""POST", "GET""#, &hubspot),
        route("twenty", r#""POST""#, &twenty),
        route("key-header", r#""POST""#, &key(r#"header = "X-Api-Key""#)),
        route("key-query", r#""POST""#, &key(r#"query = "api_key""#)),
    ]
    .concat()
}

/// A request signed as the provider does at `now`.
fn signed(
    label: &'static str,
    secret: &str,
    method: &'static str,
    target: &'static str,
    body: &[u8],
    now: Timestamp,
) -> Case {
    let headers = providers::by_label(label).map_or(Vec::new(), |scheme| {
        verify::sign(
            scheme,
            &SecretString::from(secret),
            method,
            &format!("{PUBLIC_URL}{target}"),
            body,
            &now.to_string(),
            &fresh_nonce(),
        )
    });
    Case {
        scheme: label,
        sent: "as the provider sends it",
        method,
        target,
        headers,
        body: body.to_vec(),
        expected: Expected::Verified,
    }
}

impl Case {
    fn refused(mut self, sent: &'static str, reason: Reason) -> Self {
        self.sent = sent;
        self.expected = Expected::Refused(reason);
        self
    }

    fn with_body_changed(mut self) -> Self {
        self.body.push(b' ');
        self.refused("with a byte added to the body", Reason::SignatureMismatch)
    }

    fn without(mut self, header: &str, sent: &'static str, reason: Reason) -> Self {
        self.headers.retain(|(name, _)| *name != header);
        self.refused(sent, reason)
    }
}

/// An event as a provider sends it.
fn sample(provider: &Provider) -> &'static [u8] {
    let first = provider.samples.first();
    first.map_or(b"", |sample| sample.body.as_bytes())
}

/// Everything the demo sends.
pub(super) fn all(now: Timestamp) -> Vec<Case> {
    let crm_events = sample(&providers::HUBSPOT);
    let twenty_event = sample(&providers::TWENTY);
    let ten_minutes = 600_000;
    let early = Timestamp::from_millis(now.as_millis().saturating_add(ten_minutes));
    let late = Timestamp::from_millis(now.as_millis().saturating_sub(ten_minutes));
    let hubspot = |label, method, target, body: &[u8]| {
        signed(label, HUBSPOT_SECRET, method, target, body, now)
    };
    let v1 = || hubspot("hubspot-v1", "POST", "/hubspot", crm_events);
    let v2 = || hubspot("hubspot-v2", "POST", "/hubspot?a=1&b=%20", crm_events);
    let v3 = || hubspot("hubspot-v3", "POST", "/hubspot?q=a%40b.c%3A1", crm_events);
    let v3_at = |time| {
        let target = "/hubspot";
        signed(
            "hubspot-v3",
            HUBSPOT_SECRET,
            "POST",
            target,
            crm_events,
            time,
        )
    };
    let twenty = |secret, time| signed("twenty", secret, "POST", "/twenty", twenty_event, time);
    let downgrade = || {
        let mut case = v1();
        case.scheme = "hubspot-v3";
        case.headers.push(("X-HubSpot-Signature-v3", String::new()));
        case.refused(
            "v1's signature beside an empty v3 one",
            Reason::MalformedSignature,
        )
    };
    let mut doubled = twenty(TWENTY_SECRET, now);
    doubled
        .headers
        .push(("X-Twenty-Webhook-Timestamp", late.to_string()));
    let mut cases = vec![
        v1(),
        v1().with_body_changed(),
        v2(),
        Case {
            target: "/hubspot?b=%20&a=1",
            ..v2().refused("with its query re-ordered", Reason::SignatureMismatch)
        },
        Case {
            sent: "a GET without a body",
            ..hubspot("hubspot-v2", "GET", "/hubspot?id=7", b"")
        },
        v2().without(
            "X-HubSpot-Signature-Version",
            "without the version header",
            Reason::UnacceptedVersion,
        ),
        v3(),
        v3().refused("the same again", Reason::Replayed),
        Case {
            sent: "1 MiB",
            ..hubspot("hubspot-v3", "POST", "/hubspot", &vec![b'x'; 1 << 20])
        },
        v3().with_body_changed(),
        v3_at(late).refused("ten minutes old", Reason::TimestampExpired),
        v3_at(early).refused("ten minutes ahead", Reason::TimestampInFuture),
        downgrade(),
        v3().without(
            "X-HubSpot-Signature-v3",
            "unsigned",
            Reason::MissingSignature,
        ),
        twenty(TWENTY_SECRET, now),
        twenty(TWENTY_SECRET, now).refused("again, with another nonce", Reason::Replayed),
        twenty(TWENTY_SECRET, now).with_body_changed(),
        twenty("another secret", now)
            .refused("signed with another secret", Reason::SignatureMismatch),
        doubled.refused("with a second timestamp", Reason::DuplicateHeader),
        twenty(TWENTY_SECRET, now).without(
            "X-Twenty-Webhook-Signature",
            "unsigned",
            Reason::MissingSignature,
        ),
    ];
    cases.extend(with_api_keys());
    let mut lost = twenty(TWENTY_SECRET, now).refused("to a path without a route", Reason::NoRoute);
    lost.target = "/elsewhere";
    cases.push(lost);
    cases
}

fn with_api_keys() -> Vec<Case> {
    let case = |sent, target, headers: &[(&'static str, &str)], expected| Case {
        scheme: verify::API_KEY,
        sent,
        method: "POST",
        target,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: sample(&providers::HUBSPOT).to_vec(),
        expected,
    };
    let refused = Expected::Refused;
    vec![
        case(
            "the key in a header",
            "/key-header",
            &[("X-Api-Key", API_KEY)],
            Expected::Verified,
        ),
        case(
            "a wrong key in the header",
            "/key-header",
            &[("X-Api-Key", "demo-api-key-012345678")],
            refused(Reason::ApiKeyMismatch),
        ),
        case("no key", "/key-header", &[], refused(Reason::MissingApiKey)),
        case(
            "the key in the query",
            "/key-query?api_key=demo-api-key-0123456789&a=1",
            &[],
            Expected::Verified,
        ),
        case(
            "two keys in the query",
            "/key-query?api_key=demo-api-key-0123456789&api%5Fkey=x",
            &[],
            refused(Reason::DuplicateHeader),
        ),
    ]
}
