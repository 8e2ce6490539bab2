//! Known answers from outside: requests signed by Python's `hmac` and `hashlib`, and whatever
//! further vectors `HOOKWARD_EXTRA_VECTORS` names, such as captured deliveries.

use std::path::PathBuf;
use std::time::Duration;

use hookward::verify::{
    Freshness, PublicUri, Request, Secret, SignatureSettings, Timestamp, Verifier, schemes, sign,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::support::app::App;
use crate::support::client;
use crate::support::proxy::{Proxy, project};

/// A signed request and what must be found.
struct Vector {
    name: String,
    provider: String,
    secret: String,
    now: u64,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// `ok` or the reason.
    expect: String,
}

impl Vector {
    /// Judges the request with the clock set to the vector's time.
    fn judge(&self) -> String {
        let provider = schemes::PROVIDERS
            .iter()
            .find(|provider| provider.name == self.provider)
            .unwrap();
        let verifier = Verifier::for_signatures(
            SignatureSettings {
                provider,
                versions: &["v1", "v2", "v3"].map(str::to_owned),
                freshness: Freshness {
                    max_age: Duration::from_secs(300),
                    max_skew: Duration::from_secs(300),
                },
                secrets: &[
                    secret("wrong", "some other secret"),
                    secret("right", &self.secret),
                ],
            },
            true,
        );
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let request = Request {
            method: &self.method,
            uri: Some(PublicUri::from_base(&self.url, b"")),
            query: None,
            headers: &headers,
        };
        let verdict = verifier
            .begin(&request, Timestamp::from_millis(self.now))
            .and_then(|mut verification| {
                for piece in self.body.chunks(7) {
                    verification.update(piece);
                }
                verification.finish()
            });
        match verdict {
            Ok(permit) => {
                assert_eq!(&*permit.proof().unwrap().secret, "right", "{}", self.name);
                "ok".to_owned()
            }
            Err(rejection) => rejection.reason.to_string(),
        }
    }
}

fn secret(id: &str, value: &str) -> Secret {
    Secret {
        id: id.into(),
        value: value.into(),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs
        .map(|pair| {
            (
                pair[0].as_str().unwrap().to_owned(),
                pair[1].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn own() -> Vec<Value> {
    let file = std::fs::read_to_string(project("tests/vectors/vectors.json")).unwrap();
    let document: Value = serde_json::from_str(&file).unwrap();
    document["vectors"].as_array().unwrap().clone()
}

fn own_vector(value: &Value) -> Vector {
    Vector {
        name: text(value, "name"),
        provider: text(value, "provider"),
        secret: text(value, "secret"),
        now: value["now"].as_u64().unwrap(),
        method: text(value, "method"),
        url: text(value, "public_url") + &text(value, "target"),
        headers: pairs(&value["headers"]),
        body: hex::decode(text(value, "body_hex")).unwrap(),
        expect: text(value, "expect"),
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let vectors: Vec<Vector> = own().iter().map(own_vector).collect();
    assert!(vectors.len() > 150);
    for vector in vectors {
        assert_eq!(vector.judge(), vector.expect, "{}", vector.name);
    }
}

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
        let route = format!(
            "[[route]]\nname = \"all\"\npath = \"/*\"\nmethods = [\"POST\", \"GET\", \"PUT\"]\n\
             upstream = \"http://{}\"\npublic_url = \"https://hooks.example.com\"\n\
             [route.verify]\nscheme = \"{provider}\"\n{versions}\n\
             max_age = \"36500d\"\nmax_skew = \"36500d\"\n\
             secrets = [{{ id = \"current\", value = {secret:?} }}]\n",
            app.address
        );
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

fn extra(file: &str) -> Option<String> {
    let folder = std::env::var("HOOKWARD_EXTRA_VECTORS")
        .ok()
        .filter(|folder| !folder.is_empty())?;
    let file = PathBuf::from(folder).join(file);
    Some(
        std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display())),
    )
}

#[test]
fn further_hubspot_vectors_get_their_verdict() {
    let Some(file) = extra("hubspot.json") else {
        return;
    };
    let document: Value = serde_json::from_str(&file).unwrap();
    for value in document["vectors"].as_array().unwrap() {
        let (version, timestamp) = (text(value, "version"), text(value, "timestamp"));
        let label = format!("hubspot-{version}");
        let signature = text(value, "signature");
        let scheme = schemes::by_label(&label).unwrap();
        let body = text(value, "body");
        let (secret, method, url) = (
            text(value, "secret"),
            text(value, "method"),
            text(value, "uri"),
        );
        let signed = sign(
            scheme,
            &secret.clone().into(),
            &method,
            &url,
            body.as_bytes(),
            &timestamp,
            "",
        );
        assert_eq!(signed[0].1, signature, "{value}");
        let mut headers = vec![(scheme.1.signature_header.to_owned(), signature)];
        if version == "v3" {
            headers.push(("X-HubSpot-Request-Timestamp".to_owned(), timestamp.clone()));
        } else {
            headers.push(("X-HubSpot-Signature-Version".to_owned(), version.clone()));
        }
        let vector = Vector {
            name: text(value, "id"),
            provider: "hubspot".to_owned(),
            secret,
            now: timestamp.parse().unwrap_or(0),
            method,
            url,
            headers,
            body: body.into_bytes(),
            expect: if version == "v3" && timestamp.len() != 13 {
                "malformed_timestamp"
            } else {
                "ok"
            }
            .to_owned(),
        };
        assert_eq!(vector.judge(), vector.expect, "{}", vector.name);
    }
}

#[test]
fn further_twenty_vectors_get_their_verdict() {
    let Some(file) = extra("twenty.jsonl") else {
        return;
    };
    for line in file.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let field =
            |key: &str, header: &str| Some((header.to_owned(), value[key].as_str()?.to_owned()));
        let captured = pairs(&value["headers"]);
        let headers = if captured.is_empty() {
            [
                field("timestamp", "X-Twenty-Webhook-Timestamp"),
                field("signature", "X-Twenty-Webhook-Signature"),
                field("nonce", "X-Twenty-Webhook-Nonce"),
            ]
            .into_iter()
            .flatten()
            .collect()
        } else {
            captured
        };
        let name = text(&value, "name");
        let expect = match text(&value, "expect").as_str() {
            valid if valid.starts_with("valid") => "ok",
            "unsigned" => "missing_signature",
            _ if name == "neg_timestamp_seconds" || name.starts_with("edge_boundary_shift") => {
                "malformed_timestamp"
            }
            _ => "signature_mismatch",
        };
        let vector = Vector {
            name,
            provider: "twenty".to_owned(),
            secret: value["secret"].as_str().unwrap_or("whatever").to_owned(),
            now: text(&value, "timestamp")
                .get(..13)
                .and_then(|time| time.parse().ok())
                .unwrap_or(0),
            method: "POST".to_owned(),
            url: String::new(),
            headers,
            body: hex::decode(text(&value, "body_hex")).unwrap(),
            expect: expect.to_owned(),
        };
        assert_eq!(vector.judge(), vector.expect, "{}", vector.name);
    }
}
