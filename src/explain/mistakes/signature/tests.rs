use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use super::digests;
use crate::explain::evidence::testing::{SECRET, Setup, TIME};
use crate::explain::finding::Finding;

const HEX: &str = "fbefbe9f2c8b1e4d6a70f3b5c9e2d18a47f60c3b7e915d2af84c06e1b3975dff";

#[test]
fn every_writing_is_read() {
    // By Python's `base64` of the digits above.
    let base64 = "++++nyyLHk1qcPO1yeLRikf2DDt+kV0q+EwG4bOXXf8=";
    let writings = [
        HEX.to_owned(),
        HEX.to_uppercase(),
        format!("sha256={HEX}"),
        format!("SHA256:{HEX}"),
        format!("v1={HEX}"),
        format!("t=1795289460,v1={HEX}"),
        format!("t=1795289460, v1={base64}"),
        format!("HMAC-SHA256 {HEX}"),
        format!("HMAC-SHA256 Signature={base64}"),
        format!("\"{HEX}\""),
        format!(" {base64} "),
        base64.to_owned(),
        base64.trim_end_matches('=').to_owned(),
        base64.replace('+', "-").replace('/', "_"),
        base64.replace('+', " "),
        base64
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D"),
        base64.replace('+', "%2b").replace('=', "%3d"),
        base64.replace('+', "%252B").replace('=', "%253D"),
        format!("sha256%3D{HEX}"),
        STANDARD.encode(HEX),
        hex::encode(base64),
        format!("'sha256={}'", hex::encode_upper(base64)),
    ];
    for writing in writings {
        assert!(
            digests(writing.as_bytes()).contains(&hex::decode(HEX).unwrap().try_into().unwrap()),
            "{writing}"
        );
    }
    for other in [
        "",
        "=",
        "sha256=",
        "abc",
        HEX.trim_start_matches('f'),
        &format!("{HEX}00"),
        "%",
        " ",
    ] {
        assert!(digests(other.as_bytes()).is_empty(), "{other}");
    }
    let long = "=".repeat(1_000) + HEX;
    assert!(digests(long.as_bytes()).len() <= 1);
}

#[test]
fn a_signature_in_another_writing_is_found() {
    let writings: [fn(&[u8; 32]) -> String; 12] = [
        |digest| hex::encode_upper(digest),
        |digest| URL_SAFE.encode(digest).replace('=', "%3D"),
        |digest| URL_SAFE_NO_PAD.encode(digest),
        |digest| format!("sha256={}", hex::encode(digest)),
        |digest| format!("t={TIME},v1={}", hex::encode(digest)),
        |digest| format!("HMAC-SHA256 {}", STANDARD.encode(digest)),
        |digest| format!("\"{}\"", hex::encode(digest)),
        |digest| format!(" {}", hex::encode(digest)),
        |digest| hex::encode(STANDARD.encode(digest)),
        |digest| STANDARD.encode(hex::encode(digest)),
        |digest| STANDARD.encode(digest).replace('=', ""),
        |digest| format!("sha256={}", STANDARD.encode(digest)).replace('+', " "),
    ];
    for (number, writing) in writings.into_iter().enumerate() {
        for setup in [Setup::twenty(), Setup::hubspot()] {
            let value = writing(&setup.digest(SECRET.as_bytes(), TIME));
            let setup = setup
                .clone()
                .with(setup.accepted[0].signature_header, &value);
            let fix = setup.finds(&[Finding::SignatureEncoding], &format!("{number}"));
            assert!(!fix.contains(&value), "{fix}");
            // Neither is an expected signature told.
            let digest = setup.digest(SECRET.as_bytes(), TIME);
            assert!(!fix.contains(&hex::encode(digest)), "{fix}");
        }
    }
}

#[test]
fn hex_for_base64_and_back_and_lost_plus_signs_are_found() {
    let setup = Setup::twenty();
    let value = STANDARD.encode(setup.digest(SECRET.as_bytes(), TIME));
    let setup = setup.with("X-Twenty-Webhook-Signature", &value);
    let fix = setup.finds(&[Finding::SignatureEncoding], "base64");
    assert!(
        fix.contains("in base64") && fix.contains("64 small hexadecimal digits"),
        "{fix}"
    );

    let setup = Setup::hubspot();
    let value = hex::encode(setup.digest(SECRET.as_bytes(), TIME));
    let setup = setup.with("X-HubSpot-Signature-v3", &value);
    let fix = setup.finds(&[Finding::SignatureEncoding], "hex");
    assert!(
        fix.contains("in hexadecimal digits") && fix.contains("base64"),
        "{fix}"
    );

    // A body whose signature has a `+`.
    let mut bodies = (0..).map(|number| format!("[{number}]"));
    let (setup, value) = bodies
        .find_map(|body| {
            let setup = Setup::hubspot().body(&body);
            let value = STANDARD.encode(setup.digest(SECRET.as_bytes(), TIME));
            value.contains('+').then_some((setup, value))
        })
        .unwrap();
    let setup = setup.with("X-HubSpot-Signature-v3", &value.replace('+', " "));
    let fix = setup.finds(&[Finding::SignatureEncoding], "blanks");
    assert!(fix.contains("blanks where base64 has `+`"), "{fix}");
}
