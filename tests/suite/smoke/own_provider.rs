//! A provider that hookward does not know is configured like those that it does.

use hookward::config::{Options, Secrets, VerifyConfig, read, schema};
use hookward::providers::{HUBSPOT, Providers};
use hookward::verify::Provider;
use hookward::verify::provider::{AnswerRules, KnownFacts, RetryAfterUnit};
use hookward::verify::scheme::{Encoding, MacAlgorithm, Part, Scheme, Selector, Spellings};

static ACME: Provider = Provider {
    name: "acme",
    schemes: &[Scheme {
        label: "acme",
        version: "acme",
        selector: Selector::OwnHeader,
        signature_header: "X-Acme-Signature",
        timestamp_header: None,
        mac: MacAlgorithm::HmacSha256,
        encoding: Encoding::HexLower,
        signed: &[Part::Uri, Part::Body],
        spellings: Spellings::Received,
    }],
    versioned: None,
    nonce_header: None,
    headers: &["X-Acme-Signature"],
    known: KnownFacts {
        display_name: "Acme",
        calls_https_alone: true,
        mistaken_secrets: &[],
    },
    answers: AnswerRules {
        retry_after: RetryAfterUnit::Milliseconds,
        ..AnswerRules::UNKNOWN
    },
    samples: &[],
};

static LIST: [&Provider; 2] = [&ACME, &HUBSPOT];

const PROVIDERS: Providers = Providers::new(&LIST);

fn route(extra: &str, verify: &str) -> String {
    format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"r\"\n\
         path = \"/r\"\nupstream = \"http://127.0.0.1:1\"\n{extra}\n[route.verify]\n{verify}\n\
         secrets = [{{ id = \"a\", value = \"a secret of a sound length\" }}]\n"
    )
}

/// The configuration's `[route.verify]`, or what is wrong.
fn verify(extra: &str, verify: &str) -> (Option<VerifyConfig>, String) {
    let options = Options {
        secrets: Secrets::Read,
        providers: PROVIDERS,
    };
    let loaded = read("x", &route(extra, verify), options);
    let findings: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    let mut routes = loaded
        .config
        .map(|config| config.routes)
        .unwrap_or_default();
    (routes.pop().map(|route| route.verify), findings.join("\n"))
}

const URL: &str = "public_url = \"https://a.example\"";

#[test]
fn a_provider_of_ones_own_is_judged_by_its_description() {
    let (config, findings) = verify(
        &format!("{URL}\nretry_after = \"seconds-to-ms\""),
        "scheme = \"acme\"\nbody_start = \"json\"",
    );
    let config = config.unwrap();
    assert_eq!(config.sender().unwrap().name, "acme");
    assert_eq!(config.schemes().count(), 1);
    assert!(findings.contains("acme signs no time"), "{findings}");

    let (config, findings) = verify(
        "",
        "scheme = \"api-key\"\nheader = \"X-A\"\nsender = \"acme\"",
    );
    assert_eq!(config.unwrap().sender().unwrap().name, "acme", "{findings}");

    for (extra, wrong, said) in [
        ("", "scheme = \"acme\"", "acme signs the public URL"),
        (
            URL,
            "scheme = \"acme\"\nmax_age = \"1m\"",
            "no meaning with this scheme",
        ),
        (
            URL,
            "scheme = \"acme\"\nversions = [\"v1\"]",
            "no meaning with this scheme",
        ),
        (
            URL,
            "scheme = \"acne\"",
            "did you mean `acme`? (valid: acme, hubspot, api-key)",
        ),
        (URL, "scheme = \"twenty\"", "unknown value `twenty`"),
    ] {
        let (config, findings) = verify(extra, wrong);
        assert!(
            config.is_none() && findings.contains(said),
            "{wrong}: {findings}"
        );
    }
    let http = "public_url = \"http://a.example\"";
    let (_, findings) = verify(http, "scheme = \"acme\"");
    assert!(findings.contains("Acme calls https alone"), "{findings}");
}

#[test]
fn the_schema_is_of_the_providers_that_there_are() {
    let schema = schema(PROVIDERS).to_string();
    assert!(
        schema.contains("[\"acme\",\"hubspot\",\"api-key\"]"),
        "{schema}"
    );
    assert!(!schema.contains("twenty"), "{schema}");
}
