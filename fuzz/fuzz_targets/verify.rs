//! Headers and bodies that nobody signed: none may verify, none may panic.
//!
//! Input: lines `Name: value`, an empty line, then the body.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use hookward::http1::fields::{Field, Fields};
use hookward::http1::target::Target;
use hookward::providers;
use hookward::verify::{
    ApiKeyLocation, ApiKeySettings, BodyStart, Freshness, PublicUri, Request, Secret,
    SignatureSettings, Timestamp, Verifier,
};
use http::HeaderName;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| {
    let secrets: Vec<Secret> = ["a secret nobody knows 1", "a secret nobody knows 2"]
        .into_iter()
        .map(|secret| Secret {
            id: secret.into(),
            value: secret.into(),
            not_after: None,
        })
        .collect();
    let freshness = Freshness {
        max_age: Duration::from_secs(300),
        max_skew: Duration::from_secs(300),
    };
    let versions = ["v1", "v2", "v3"].map(str::to_owned);
    let mut verifiers: Vec<Verifier> = providers::PROVIDERS
        .iter()
        .map(|provider| {
            let settings = SignatureSettings {
                provider,
                versions: &versions,
                freshness,
                body_start: BodyStart::Any,
                secrets: &secrets,
            };
            Verifier::for_signatures(settings, true)
        })
        .collect();
    let locations = [
        ApiKeyLocation::Header(HeaderName::from_static("x-api-key")),
        ApiKeyLocation::Query("key".to_owned()),
    ];
    verifiers.extend(locations.map(|location| {
        Verifier::for_api_keys(
            ApiKeySettings {
                location,
                keys: &secrets,
            },
            true,
        )
    }));
    verifiers
});

fuzz_target!(|input: &[u8]| {
    let mut headers = Vec::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, tail) = rest.split_at(end);
        rest = &tail[1..];
        if line.is_empty() {
            break;
        }
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default().trim_ascii();
        headers.push(Field { name, value });
    }
    let headers = Fields::from(&*headers);
    let query = headers.first("query");
    let raw = [b"/?", query.unwrap_or_default()].concat();
    let target = Target::parse(&raw).unwrap();
    let uri = Some(PublicUri::from_base(
        "https://hooks.example.com",
        query.unwrap_or(b"/x"),
    ));
    let request = Request {
        method: "POST",
        target,
        headers,
    };
    for verifier in VERIFIERS.iter() {
        let verdict = verifier
            .begin(request, uri, NOW)
            .and_then(|mut verification| {
                for piece in rest.chunks(13) {
                    verification.update(piece)?;
                }
                verification
                    .finish()
                    .map_err(|rejected| rejected.rejection)
            });
        assert!(verdict.is_err(), "verified without the secret");
    }
});
