//! What is done to a message at random is named, or a mistake that no signature can tell apart from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use super::evidence::testing::{OTHER, ROUTE, Setup};
use super::finding::Finding;

/// Something that is done to a message between its signer and us.
struct Way {
    name: &'static str,
    /// What it is called; any of these is right.
    words: &'static [Finding],
    /// Whether only a scheme that signs the method and the URL notices.
    is_of_urls: bool,
    /// The body that is signed, of a compact text of JSON.
    prepare: fn(&str) -> String,
    /// What is signed with, by the text of the secret.
    signer: fn(&str) -> Vec<u8>,
    happens: fn(&mut Setup),
}

impl Way {
    const fn new(name: &'static str, words: &'static [Finding], happens: fn(&mut Setup)) -> Self {
        Self {
            name,
            words,
            is_of_urls: false,
            prepare: str::to_owned,
            signer: |secret| secret.as_bytes().to_vec(),
            happens,
        }
    }

    const fn prepared(mut self, prepare: fn(&str) -> String) -> Self {
        self.prepare = prepare;
        self
    }

    const fn signed_with(mut self, signer: fn(&str) -> Vec<u8>) -> Self {
        self.signer = signer;
        self
    }

    const fn of_urls(mut self) -> Self {
        self.is_of_urls = true;
        self
    }
}

fn body_by(setup: &mut Setup, change: impl FnOnce(&str) -> Vec<u8>) {
    let body = String::from_utf8(setup.capture.body.to_vec()).unwrap();
    setup.capture.body = change(&body).into();
}

fn value(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

fn pretty(body: &str) -> String {
    serde_json::to_string_pretty(&value(body)).unwrap()
}

fn signature_by(setup: &mut Setup, change: impl FnOnce(&str) -> String) {
    let name = setup.accepted[0].signature_header;
    let mut fields = setup.capture.fields.iter_mut();
    let (_, value) = fields.find(|(other, _)| other == name).unwrap();
    *value = change(std::str::from_utf8(value).unwrap()).into_bytes();
}

/// The digest that was presented.
fn digest(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_else(|_| STANDARD.decode(text).unwrap())
}

const WAYS: &[Way] = &[
    Way::new(
        "a line end added",
        &[Finding::BodyNewline, Finding::BodyTrimmed],
        |setup| {
            body_by(setup, |body| format!("{body}\n").into());
        },
    ),
    Way::new(
        "a line end lost",
        &[Finding::BodyNewline, Finding::BodyTrimmed],
        |setup| {
            body_by(setup, |body| body.strip_suffix('\n').unwrap().into());
        },
    )
    .prepared(|body| format!("{body}\n")),
    Way::new("blanks lost", &[Finding::BodyTrimmed], |setup| {
        body_by(setup, |body| body.trim().into());
    })
    .prepared(|body| format!("{body}  ")),
    Way::new(
        "other line ends",
        &[Finding::BodyLineEnds, Finding::BodyReserialized],
        |setup| {
            body_by(setup, |body| body.replace('\n', "\r\n").into());
        },
    )
    .prepared(pretty),
    Way::new(
        "written anew, pretty",
        &[Finding::BodyReserialized],
        |setup| {
            body_by(setup, |body| pretty(body).into());
        },
    ),
    Way::new(
        "written anew, compact",
        &[Finding::BodyReserialized],
        |setup| {
            body_by(setup, |body| value(body).to_string().into());
        },
    )
    .prepared(pretty),
    Way::new("put into a string", &[Finding::BodyStringified], |setup| {
        body_by(setup, |body| serde_json::to_vec(body).unwrap());
    }),
    Way::new("UTF-8 read as Latin-1", &[Finding::BodyCharset], |setup| {
        let wrong: String = setup.capture.body.iter().copied().map(char::from).collect();
        setup.capture.body = wrong.into();
    })
    .prepared(|body| body.replacen(r#"":""#, r#"":"é"#, 1)),
    Way::new(
        "a byte-order mark added",
        &[Finding::BodyCharset],
        |setup| {
            body_by(setup, |body| format!("\u{feff}{body}").into());
        },
    ),
    Way::new("base64", &[Finding::BodyBase64], |setup| {
        body_by(setup, |body| STANDARD.encode(body).into());
    }),
    Way::new(
        "an empty object for nothing",
        &[Finding::BodyEmpty],
        |setup| {
            setup.capture.body = "{}".into();
        },
    )
    .prepared(|_| String::new()),
    Way::new(
        "a blank after the secret",
        &[Finding::SecretBlanks],
        |setup| {
            setup.secrets[0].2.push('\n');
        },
    ),
    Way::new(
        "quotes around the secret",
        &[Finding::SecretQuotes],
        |setup| {
            setup.secrets[0].2 = format!("\"{}\"", setup.secrets[0].2);
        },
    ),
    Way::new(
        "the secret decoded from base64",
        &[Finding::SecretDecoded],
        |setup| {
            setup.secrets[0].2 = STANDARD.encode(&setup.secrets[0].2);
        },
    ),
    Way::new("the secret in hex", &[Finding::SecretDecoded], |_| {})
        .signed_with(|secret| hex::encode(secret).into_bytes()),
    Way::new(
        "another route's secret",
        &[Finding::SecretOfOtherRoute],
        |setup| {
            setup.secrets[0].0 = OTHER;
            let own = (ROUTE, "own", "a secret that signs nothing".to_owned(), None);
            setup.secrets.push(own);
        },
    ),
    Way::new(
        "a secret whose time is over",
        &[Finding::SecretExpired],
        |setup| {
            setup.secrets[0].3 = Some(setup.now - 1_000);
        },
    ),
    Way::new(
        "the signature in capitals or another alphabet",
        &[Finding::SignatureEncoding],
        |setup| {
            signature_by(setup, |text| match hex::decode(text) {
                Ok(digest) => STANDARD.encode(digest),
                Err(_) => hex::encode(digest(text)),
            });
        },
    ),
    Way::new(
        "a prefix before the signature",
        &[Finding::SignatureEncoding],
        |setup| {
            signature_by(setup, |text| format!("sha256={text}"));
        },
    ),
    Way::new("another method", &[Finding::Method], |setup| {
        "PUT".clone_into(&mut setup.capture.method);
    })
    .of_urls(),
    Way::new("another scheme", &[Finding::UrlScheme], |setup| {
        setup.url = setup.url.replacen("https", "http", 1);
    })
    .of_urls(),
    Way::new("a port", &[Finding::UrlPort], |setup| {
        setup.url = setup.url.replacen(".com", ".com:443", 1);
    })
    .of_urls(),
    Way::new(
        "a start of the path added",
        &[Finding::UrlPathPrefix],
        |setup| {
            setup.url = setup.url.replacen(".com/", ".com/in/", 1);
            setup.capture.target = b"/in/hook?a=1".to_vec();
        },
    )
    .of_urls(),
    Way::new(
        "a slash at the end",
        &[Finding::UrlTrailingSlash],
        |setup| {
            setup.url = setup.url.replacen('?', "/?", 1);
        },
    )
    .of_urls(),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn what_is_done_to_a_message_is_named(
        way in 0..WAYS.len(),
        is_twenty in any::<bool>(),
        secret in "[A-Za-z0-9]{20,40}",
        texts in proptest::collection::vec("[A-Za-z0-9 äß/<&]{1,12}", 3),
        number in 1_u32..1_000_000,
        millis in 1_795_289_000_000_u64..1_795_289_999_999,
    ) {
        let way = &WAYS[way];
        let setup = if is_twenty && !way.is_of_urls { Setup::twenty() } else { Setup::hubspot() };
        // In the order of the alphabet, in which serde_json writes them.
        let body = format!(r#"{{"a":"{}","b":{number},"c":["{}"],"d":{{"e":"{}"}}}}"#, texts[0], texts[1], texts[2]);
        let time = millis.to_string();
        let mut setup = setup.body(&(way.prepare)(&body)).secret(&secret).time(&time);
        setup.now = millis;
        setup = setup.signed(&(way.signer)(&secret), &time);
        (way.happens)(&mut setup);
        let found = setup.search().map(|(words, _)| words).unwrap_or_default();
        let is_named = matches!(&found[..], [word] if way.words.contains(word));
        prop_assert!(is_named, "{}: {:?}", way.name, found);
    }
}
