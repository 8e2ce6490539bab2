use Finding::{
    SecretBlanks, SecretDecoded, SecretExpired, SecretOfOtherRoute, SecretQuotes, SignatureEncoding,
};

use crate::explain::evidence::testing::{OTHER, ROUTE, SECRET, Setup, TIME};
use crate::explain::finding::Finding;

/// By Python's `hmac` and `hashlib`: `TIME:BODY` under the secret with something done to it.
const BY_PYTHON: [(&str, &[Finding]); 4] = [
    (
        "ac96b56b5ed54c9adcd06098eebbf745884bfc789f3d3366ef740a7f688167ec",
        &[],
    ),
    (
        "bf93166befccc47d4b265a564a0534095d1f065fbd31ce507f148e80c0fd1947",
        &[SecretBlanks],
    ),
    (
        "b7c0606d0392d9ea5e10b7773ce869c80114926a9940aed9def6933731e4a948",
        &[SecretQuotes],
    ),
    (
        "b81762dc869116cd43024f6698c0da1d3c0515a90cd1393f3ed84c7d103193c6",
        &[SecretDecoded],
    ),
];

#[test]
fn secrets_that_python_signed_with_are_found() {
    for (signature, expected) in BY_PYTHON {
        let setup = Setup::twenty().with("X-Twenty-Webhook-Signature", signature);
        setup.finds(expected, signature);
    }
}

#[test]
fn what_the_signer_uses_in_the_place_of_a_secret_is_found() {
    let json = r#"{"username":"x","secret":"s3cret-of-the-store"}"#;
    let cases: &[(&str, &[u8], Finding)] = &[
        (" s3cret", b"s3cret", SecretBlanks),
        ("s3cret\n\n", b"s3cret", SecretBlanks),
        ("s3cret\r\n ", b"s3cret", SecretBlanks),
        ("\u{a0}s3cret", b"s3cret", SecretBlanks),
        ("s3cret\u{200b}", b"s3cret", SecretBlanks),
        ("\u{feff}s3cret", b"s3cret", SecretBlanks),
        (" s3cret ", b" s3cret", SecretBlanks),
        ("s3c ret\nx", b"s3cretx", SecretBlanks),
        ("s3cret", b"s3cret\n", SecretBlanks),
        ("s3cret", b"s3cret\r\n", SecretBlanks),
        ("s3cret", b"s3cret\r", SecretBlanks),
        ("s3cret", b" s3cret", SecretBlanks),
        ("s3cret", b"s3cret ", SecretBlanks),
        ("s3cret", b"s3cret\t", SecretBlanks),
        ("s3cret", "\u{feff}s3cret".as_bytes(), SecretBlanks),
        ("s3cret", "s3cret\u{a0}".as_bytes(), SecretBlanks),
        ("\"s3cret\"", b"s3cret", SecretQuotes),
        ("'s3cret'", b"s3cret", SecretQuotes),
        ("\\\"s3cret\\\"", b"s3cret", SecretQuotes),
        ("`s3cret`", b"s3cret", SecretQuotes),
        ("<s3cret>", b"s3cret", SecretQuotes),
        ("“s3cret”", b"s3cret", SecretQuotes),
        ("s3cret\",", b"s3cret", SecretQuotes),
        (" \"s3cret\"\n", b"s3cret", SecretQuotes),
        ("\"'s3cret'\"", b"'s3cret'", SecretQuotes),
        ("s3cret", b"\"s3cret\"", SecretQuotes),
        ("s3cret", b"'s3cret'", SecretQuotes),
        ("s3cret", b"\\\"s3cret\\\"", SecretQuotes),
        ("s3cret", b"<s3cret>", SecretQuotes),
        ("s3cret", b"`s3cret`", SecretQuotes),
        ("68656c6c6f", b"hello", SecretDecoded),
        ("68656C6C6F", b"hello", SecretDecoded),
        ("aGVsbG8/Pg==", b"hello?>", SecretDecoded),
        ("aGVsbG8_Pg", b"hello?>", SecretDecoded),
        ("hello", b"68656c6c6f", SecretDecoded),
        ("hello", b"aGVsbG8=", SecretDecoded),
        ("s3cret", b"S3CRET", SecretDecoded),
        ("S3CREt", b"s3cret", SecretDecoded),
        ("s3%2Fcret%3d", b"s3/cret=", SecretDecoded),
        ("s3cret\\n", b"s3cret\n", SecretDecoded),
        ("whsec_aGVsbG8=", b"aGVsbG8=", SecretDecoded),
        ("whsec_aGVsbG8=", b"hello", SecretDecoded),
        ("TWENTY_SECRET=s3cret=", b"s3cret=", SecretDecoded),
        ("export TWENTY_SECRET=\"s3cret\"", b"s3cret", SecretDecoded),
        ("secret: s3cret", b"s3cret", SecretDecoded),
        (json, b"s3cret-of-the-store", SecretDecoded),
    ];
    for (configured, used, word) in cases {
        for setup in [Setup::twenty(), Setup::hubspot()] {
            let setup = setup.secret(configured).signed(used, TIME);
            let fix = setup.finds(&[*word], configured);
            assert!(fix.contains("`current`") && fix.contains(ROUTE), "{fix}");
        }
    }
}

#[test]
fn secrets_of_other_routes_and_ended_ones_are_found() {
    let now: u64 = TIME.parse().unwrap();
    let mut setup = Setup::twenty();
    setup.secrets.extend([
        (ROUTE, "ended", "ended-s3cret".to_owned(), Some(now - 1)),
        (ROUTE, "ending", "ending-s3cret".to_owned(), Some(now)),
        (OTHER, "theirs", "\"other-s3cret\"".to_owned(), None),
    ]);
    let cases: [(&str, &[Finding]); 6] = [
        (SECRET, &[]),
        ("ending-s3cret", &[]),
        ("ended-s3cret", &[SecretExpired]),
        ("\"other-s3cret\"", &[SecretOfOtherRoute]),
        ("ended-s3cret\n", &[SecretExpired, SecretBlanks]),
        ("other-s3cret", &[SecretOfOtherRoute, SecretQuotes]),
    ];
    for (used, expected) in cases {
        let fix = setup
            .clone()
            .signed(used.as_bytes(), TIME)
            .finds(expected, used);
        let id = if used.starts_with("ended") {
            "`ended`"
        } else {
            "`theirs`"
        };
        assert!(expected.is_empty() || fix.contains(id), "{fix}");
    }
}

#[test]
fn two_mistakes_are_found_where_one_is_the_secrets() {
    let setup = Setup::twenty();
    let digest = setup.digest(format!("{SECRET}\n").as_bytes(), TIME);
    let value = hex::encode_upper(digest);
    let setup = setup.with("X-Twenty-Webhook-Signature", &value);
    setup.finds(
        &[SignatureEncoding, SecretBlanks],
        "a line feed and capital digits",
    );
}

#[test]
fn no_variant_is_the_secret_or_comes_twice() {
    for text in [
        "s3cret",
        "",
        "\"",
        " ",
        "==",
        "a=",
        "{\"a\":\"b\"}",
        "é%",
        SECRET,
    ] {
        let variants = crate::explain::variants::variants(text);
        let texts: std::collections::HashSet<_> =
            variants.iter().map(|(_, text)| text.to_vec()).collect();
        assert_eq!(texts.len(), variants.len(), "{text}");
        assert!(
            !texts.contains(text.as_bytes()) && !texts.contains(&b""[..]),
            "{text}"
        );
        assert!(variants.len() <= 40, "{text}: {}", variants.len());
    }
}
