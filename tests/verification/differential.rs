//! The streaming engine against a deliberately plain second implementation, and the boundaries
//! between the parts that a scheme signs.
//!
//! The second implementation puts the whole message together and hashes it once, with another
//! library (ring). It shares no code with the program beyond the types of its interface.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookward::http1::fields::{Field, Fields};
use hookward::http1::head::is_field_line;
use hookward::http1::target::Target;
use hookward::providers;
use hookward::verify::{
    BodyStart, Freshness, PublicUri, Request, Secret, SignatureSettings, Timestamp, Verifier,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use ring::{digest, hmac};

const NOW: u64 = 1_760_000_000_000;

/// A request as parts, however it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    method: String,
    uri: String,
    body: Vec<u8>,
    timestamp: String,
}

impl Parts {
    /// What HubSpot v3 signs, for a spelling of the URL.
    fn v3_message(&self, uri: &str) -> Vec<u8> {
        [
            self.method.as_bytes(),
            uri.as_bytes(),
            &self.body,
            self.timestamp.as_bytes(),
        ]
        .concat()
    }

    fn message(&self, scheme: &str, uri: &str) -> Vec<u8> {
        match scheme {
            "hubspot-v1" => self.body.clone(),
            "hubspot-v2" => [self.method.as_bytes(), uri.as_bytes(), &self.body].concat(),
            "hubspot-v3" => self.v3_message(uri),
            _ => [self.timestamp.as_bytes(), b":", &self.body].concat(),
        }
    }
}

/// The plain implementation: the signature header of a message.
fn signature(scheme: &str, secret: &str, message: &[u8]) -> String {
    let tag = || {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::sign(&key, message).as_ref().to_vec()
    };
    match scheme {
        "hubspot-v1" | "hubspot-v2" => {
            let whole = [secret.as_bytes(), message].concat();
            hex::encode(digest::digest(&digest::SHA256, &whole))
        }
        "hubspot-v3" => STANDARD.encode(tag()),
        _ => hex::encode(tag()),
    }
}

/// The plain implementation of HubSpot's decoding: one replacement after the other, once each,
/// on a text in which no replacement makes a further escape.
fn decoded(uri: &str) -> String {
    let escapes = [
        ("3a", ":"),
        ("2f", "/"),
        ("3f", "?"),
        ("40", "@"),
        ("21", "!"),
        ("24", "$"),
        ("27", "'"),
        ("28", "("),
        ("29", ")"),
        ("2a", "*"),
        ("2c", ","),
        ("3b", ";"),
    ];
    let mut pieces = uri.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.get(..2).unwrap_or_default().to_ascii_lowercase();
        match escapes.iter().find(|(escape, _)| *escape == digits) {
            Some((_, plain)) => out = out + plain + &piece[2..],
            None => out = out + "%" + piece,
        }
    }
    out
}

/// The program's verdict: the id of the secret that matched, or the reason.
fn judge(
    scheme: &str,
    secrets: &[String],
    parts: &Parts,
    signature: &str,
    cuts: &[Index],
) -> Result<String, String> {
    let (provider, description) = providers::by_label(scheme).unwrap();
    let secrets: Vec<Secret> = secrets
        .iter()
        .enumerate()
        .map(|(index, secret)| Secret {
            id: index.to_string().into(),
            value: secret.as_str().into(),
            not_after: None,
        })
        .collect();
    let verifier = Verifier::for_signatures(
        SignatureSettings {
            provider,
            versions: &[description.version.to_owned()],
            freshness: Freshness {
                max_age: Duration::from_secs(300),
                max_skew: Duration::from_secs(300),
            },
            body_start: BodyStart::Any,
            secrets: &secrets,
        },
        true,
    );
    let mut headers = vec![Field::new(
        description.signature_header,
        signature.as_bytes(),
    )];
    if scheme == "hubspot-v1" || scheme == "hubspot-v2" {
        let version = description.version.as_bytes();
        headers.push(Field::new("X-HubSpot-Signature-Version", version));
    }
    if let Some(header) = description.timestamp_header {
        headers.push(Field::new(header, parts.timestamp.as_bytes()));
    }
    let uri = Some(PublicUri::from_base(&parts.uri, b""));
    let request = Request {
        method: &parts.method,
        target: Target::parse(b"/").unwrap(),
        headers: Fields::from(&*headers),
    };
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(parts.body.len() + 1))
        .collect();
    cuts.extend([0, parts.body.len()]);
    cuts.sort_unstable();
    let outcome = verifier
        .begin(request, uri, Timestamp::from_millis(NOW))
        .and_then(|mut verification| {
            for pair in cuts.windows(2) {
                verification.update(&parts.body[pair[0]..pair[1]])?;
            }
            verification.finish().map_err(|rejected| rejected.rejection)
        });
    match outcome {
        Ok(permitted) => Ok(permitted.permit().proof().unwrap().secret.to_string()),
        Err(rejection) => Err(rejection.reason.to_string()),
    }
}

fn scheme() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("hubspot-v1"),
        Just("hubspot-v2"),
        Just("hubspot-v3"),
        Just("twenty")
    ]
}

fn secrets() -> impl Strategy<Value = Vec<String>> {
    let secret = prop_oneof!["[ -~]{1,70}", "[ -~]{60,200}", "[a-zé🔑]{1,50}"];
    proptest::collection::hash_set(secret, 1..=5).prop_map(|secrets| secrets.into_iter().collect())
}

fn uri() -> impl Strategy<Value = String> {
    let escape =
        "%(3[aA]|2[fF]|3[fF]|40|21|24|27|28|29|2[aA]|2[cC]|3[bB]|20|25|26|3[dD]|[cC]3%[aA]9|2540)";
    let piece = prop_oneof!["[a-zA-Z0-9/._~!$&'()*+,;=:@-]{0,12}", escape];
    (
        vec(piece.clone(), 0..4),
        proptest::option::of(vec(piece, 0..6)),
    )
        .prop_map(|(path, query)| {
            let query = query.map_or(String::new(), |query| format!("?{}", query.concat()));
            format!(
                "https://hooks.example.com/{}{query}",
                path.concat().replace('%', "%25")
            )
        })
}

fn parts() -> impl Strategy<Value = Parts> {
    let body = prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(any::<u8>(), 55..=73),
        "[a-z{}\\[\\]\":,0-9é]{0,80}".prop_map(String::into_bytes),
    ];
    let timestamp = (NOW - 300_000..=NOW + 300_000).prop_map(|time| time.to_string());
    (
        prop_oneof![Just("POST"), Just("GET"), Just("PUT")],
        uri(),
        body,
        timestamp,
    )
        .prop_map(|(method, uri, body, timestamp)| Parts {
            method: method.to_owned(),
            uri,
            body,
            timestamp,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_plain_implementation_signs_verifies(
        scheme in scheme(), secrets in secrets(), parts in parts(), which in any::<Index>(),
        spell_decoded in any::<bool>(), cuts in vec(any::<Index>(), 0..6),
    ) {
        let which = which.index(secrets.len());
        let uri = if spell_decoded && scheme == "hubspot-v3" { decoded(&parts.uri) } else { parts.uri.clone() };
        let signature = signature(scheme, &secrets[which], &parts.message(scheme, &uri));
        let verdict = judge(scheme, &secrets, &parts, &signature, &cuts);
        prop_assert_eq!(verdict, Ok(which.to_string()));
    }

    #[test]
    fn what_it_did_not_sign_does_not(
        scheme in scheme(), secrets in secrets(), parts in parts(), other in parts(),
        stranger in "[ -~]{1,80}", part in 0..5,
    ) {
        let mut signed = parts.clone();
        let mut secret = secrets[0].clone();
        match part {
            0 => signed.method = other.method,
            1 => signed.uri = other.uri,
            2 => signed.body = other.body,
            3 => signed.timestamp = other.timestamp,
            _ => secret = stranger,
        }
        let sound: Vec<Vec<u8>> = [parts.uri.clone(), decoded(&parts.uri)]
            .iter()
            .map(|uri| parts.message(scheme, uri))
            .collect();
        for uri in [signed.uri.clone(), decoded(&signed.uri)] {
            let message = signed.message(scheme, &uri);
            // v1 and v2 hash secret and message as one string, so a shorter secret and a longer
            // message can be the same string.
            let is_the_same = sound.contains(&message) && secrets.contains(&secret);
            let glued = [secret.as_bytes(), &message].concat();
            let is_glued_the_same = secrets
                .iter()
                .any(|known| sound.iter().any(|message| [known.as_bytes(), message].concat() == glued));
            if is_the_same || is_glued_the_same {
                continue;
            }
            let signature = signature(scheme, &secret, &message);
            let verdict = judge(scheme, &secrets, &parts, &signature, &[]);
            prop_assert_eq!(verdict, Err("signature_mismatch".to_owned()));
        }
    }

    /// HubSpot v3 has no separators. The timestamp is the last 13 bytes of the message and nothing
    /// else, so nothing can move between body and timestamp.
    #[test]
    fn no_byte_moves_between_body_and_timestamp(parts in parts(), shift in 1_usize..20, into_body in any::<bool>()) {
        let mut shifted = parts.clone();
        let text = [&parts.body[..], parts.timestamp.as_bytes()].concat();
        let boundary = if into_body {
            (parts.body.len() + shift).min(text.len())
        } else {
            parts.body.len().saturating_sub(shift)
        };
        prop_assume!(boundary != parts.body.len());
        let timestamp = String::from_utf8_lossy(&text[boundary..]).into_owned();
        prop_assume!(is_field_line(format!("x:{timestamp}").as_bytes()));
        shifted.body = text[..boundary].to_vec();
        shifted.timestamp = timestamp;
        let signature = signature("hubspot-v3", "secret", &parts.v3_message(&parts.uri));
        let verdict = judge("hubspot-v3", &["secret".to_owned()], &shifted, &signature, &[]);
        prop_assert_eq!(verdict, Err("malformed_timestamp".to_owned()));
    }

    /// The same for Twenty, where the colon separates: no timestamp of 13 digits holds one.
    #[test]
    fn no_byte_moves_between_twentys_timestamp_and_body(parts in parts(), shift in 0_usize..30) {
        let text = [b":", &parts.body[..]].concat();
        let text = [parts.timestamp.as_bytes(), &text].concat();
        let colons = text.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(index, _)| index);
        for colon in colons.chain([shift.min(text.len())]) {
            let timestamp = String::from_utf8_lossy(&text[..colon]).into_owned();
            if colon == parts.timestamp.len() || !is_field_line(format!("x:{timestamp}").as_bytes()) {
                continue;
            }
            let shifted = Parts { timestamp, body: text.get(colon + 1..).unwrap_or_default().to_vec(), ..parts.clone() };
            let signature = signature("twenty", "secret", &parts.message("twenty", ""));
            let verdict = judge("twenty", &["secret".to_owned()], &shifted, &signature, &[]);
            prop_assert!(verdict.is_err(), "{shifted:?}");
        }
    }

    /// Between URL and body bytes can move, as HubSpot's format allows, but only if they are such as
    /// a URL may have: a JSON object or array never loses its beginning to the URL.
    #[test]
    fn json_never_moves_into_the_url(path in "/[a-z]{0,8}(\\?[a-z=&]{0,8})?", rest in "[ -~]{0,20}", open in "[\\[{\"]") {
        let body = format!("{open}{rest}");
        for cut in 1..=body.len() {
            let target = format!("{path}{}", &body[..cut]);
            let target = Target::parse(target.as_bytes()).unwrap();
            let is_accepted = target.check().and_then(|()| target.check_signed()).is_ok();
            prop_assert!(!is_accepted, "{target:?}");
        }
    }

    /// What is left: bytes that a URL may have do move between URL and body, and both readings
    /// verify. Documented in docs/schemes.md; it is the provider's format.
    #[test]
    fn url_bytes_at_the_start_of_a_body_may_be_read_as_url(path in "/[a-z]{1,8}\\?[a-z=&]{1,8}", moved in "[a-z0-9=&]{1,8}") {
        let uri = format!("https://hooks.example.com{path}");
        let parts = |uri: String, body: &str| Parts {
            method: "POST".to_owned(),
            uri,
            body: body.as_bytes().to_vec(),
            timestamp: NOW.to_string(),
        };
        let whole = parts(format!("{uri}{moved}"), "");
        let shifted = parts(uri, &moved);
        let signature = signature("hubspot-v3", "secret", &whole.v3_message(&whole.uri));
        for reading in [whole, shifted] {
            let verdict = judge("hubspot-v3", &["secret".to_owned()], &reading, &signature, &[]);
            prop_assert_eq!(verdict, Ok("0".to_owned()));
        }
    }
}
