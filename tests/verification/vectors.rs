//! Known answers from outside: requests signed by Python's `hmac` and `hashlib`, and whatever
//! further vectors `HOOKWARD_EXTRA_VECTORS` names, such as captured deliveries.

use std::path::PathBuf;
use std::time::Duration;

use hookward::http1::fields::{Field, Fields};
use hookward::http1::target::Target;
use hookward::providers;
use hookward::verify::{
    BodyStart, Freshness, PublicUri, Request, Secret, SignatureSettings, Timestamp, Verifier, sign,
};
use serde_json::Value;

use crate::known::{Vector, own, own_vector, pairs, text};

/// Judges the request with the clock set to the vector's time.
fn judge(vector: &Vector) -> String {
    let provider = providers::PROVIDERS
        .iter()
        .find(|provider| provider.name == vector.provider)
        .unwrap();
    let verifier = Verifier::for_signatures(
        SignatureSettings {
            provider,
            versions: &["v1", "v2", "v3"].map(str::to_owned),
            freshness: Freshness {
                max_age: Duration::from_secs(300),
                max_skew: Duration::from_secs(300),
            },
            body_start: BodyStart::Any,
            secrets: &[
                secret("wrong", "some other secret"),
                secret("right", &vector.secret),
            ],
        },
        true,
    );
    let headers = vector.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| Field::new(name, value.as_bytes()))
        .collect();
    let request = Request {
        method: &vector.method,
        target: Target::parse(b"/").unwrap(),
        headers: Fields::from(&*headers),
    };
    let verdict = verifier
        .begin(
            request,
            Some(PublicUri::from_base(&vector.url, b"")),
            Timestamp::from_millis(vector.now),
        )
        .and_then(|mut verification| {
            for piece in vector.body.chunks(7) {
                verification.update(piece)?;
            }
            verification.finish().map_err(|rejected| rejected.rejection)
        });
    match verdict {
        Ok(permitted) => {
            assert_eq!(
                &*permitted.permit().proof().unwrap().secret,
                "right",
                "{}",
                vector.name
            );
            "ok".to_owned()
        }
        Err(rejection) => rejection.reason.to_string(),
    }
}

fn secret(id: &str, value: &str) -> Secret {
    Secret {
        id: id.into(),
        value: value.into(),
        not_after: None,
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let vectors: Vec<Vector> = own().iter().map(own_vector).collect();
    assert!(vectors.len() > 150);
    for vector in vectors {
        assert_eq!(judge(&vector), vector.expect, "{}", vector.name);
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
        let scheme = providers::by_label(&label).unwrap();
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
        assert_eq!(judge(&vector), vector.expect, "{}", vector.name);
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
        assert_eq!(judge(&vector), vector.expect, "{}", vector.name);
    }
}
