//! Verification alone, for counting its instructions: no socket, no time, no thread.
//!
//! usage: `verification CASE COUNT`: judges one request of the case COUNT times. `tools/guard` runs it
//! under callgrind with two counts; what is more in the larger one is what the requests took.

#![allow(missing_docs, clippy::expect_used, reason = "a measuring program")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use hookward::http1::fields::{Field, Fields};
use hookward::http1::target::Target;
use hookward::providers;
use hookward::verify::{
    BodyStart, Freshness, PublicUri, Request, Secret, SignatureSettings, Timestamp, Verifier, sign,
};

const NOW: u64 = 1_760_000_000_000;
const URL: &str = "https://hooks.example.com/hubspot";

/// What is verified.
struct Case {
    name: &'static str,
    scheme: &'static str,
    body_bytes: usize,
    secrets: usize,
    /// How old the request is.
    age_millis: u64,
}

const CASES: [Case; 5] = [
    Case::new("hubspot-1kB", "hubspot-v3", 1_000, 1, 0),
    Case::new("hubspot-16kB", "hubspot-v3", 16_000, 1, 0),
    Case::new("twenty-1kB", "twenty", 1_000, 1, 0),
    Case::new("five-secrets-1kB", "hubspot-v3", 1_000, 5, 0),
    Case::new("expired", "hubspot-v3", 1_000, 1, 3_600_000),
];

impl Case {
    const fn new(
        name: &'static str,
        scheme: &'static str,
        body_bytes: usize,
        secrets: usize,
        age_millis: u64,
    ) -> Self {
        Self {
            name,
            scheme,
            body_bytes,
            secrets,
            age_millis,
        }
    }

    fn run(&self, count: u32) {
        let (provider, scheme) = providers::by_label(self.scheme).expect("a known scheme");
        let secrets: Vec<Secret> = (1..=self.secrets)
            .map(|number| Secret {
                id: format!("s{number}").into(),
                value: format!("a-secret-for-measuring-alone-{number}").into(),
                not_after: None,
            })
            .collect();
        let last = secrets.last().expect("at least one secret");
        let body = vec![b'a'; self.body_bytes];
        let signed_at = NOW.saturating_sub(self.age_millis).to_string();
        let nonce = "0123456789abcdef";
        let signed = sign(
            (provider, scheme),
            &last.value,
            "POST",
            URL,
            &body,
            &signed_at,
            nonce,
        );
        let signed = signed
            .iter()
            .map(|(name, value)| Field::new(name, value.as_bytes()));
        let fields: Vec<_> = [
            Field::new("Host", b"hooks.internal"),
            Field::new("Content-Type", b"application/json"),
            Field::new("Accept", b"*/*"),
            Field::new("User-Agent", b"a sender"),
        ]
        .into_iter()
        .chain(signed)
        .collect();
        let minutes = Duration::from_secs(300);
        let settings = SignatureSettings {
            provider,
            versions: &["v3".to_owned()],
            freshness: Freshness {
                max_age: minutes,
                max_skew: minutes,
            },
            body_start: BodyStart::Any,
            secrets: &secrets,
        };
        let verifier = Verifier::for_signatures(settings, true);
        let request = Request {
            method: "POST",
            target: Target::parse(b"/in").expect("a target"),
            headers: Fields::from(&*fields),
        };
        let uri = Some(PublicUri::from_base(URL, b""));
        let mut verified = 0_u32;
        for _ in 0..count {
            let begun = verifier.begin(black_box(request), uri, Timestamp::from_millis(NOW));
            let verdict = begun.and_then(|mut verification| {
                verification.update(black_box(&body))?;
                verification.finish().map_err(|rejected| rejected.rejection)
            });
            verified = verified.saturating_add(u32::from(verdict.is_ok()));
        }
        let expected = if self.age_millis == 0 { count } else { 0 };
        assert_eq!(
            verified, expected,
            "{} does what it is to measure",
            self.name
        );
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let case = arguments.next();
    let case = case.and_then(|name| CASES.iter().find(|case| case.name == name));
    let count = arguments.next().and_then(|count| count.parse().ok());
    let (Some(case), Some(count)) = (case, count) else {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        eprintln!("usage: verification {} COUNT", names.join("|"));
        return ExitCode::from(2);
    };
    case.run(count);
    ExitCode::SUCCESS
}
