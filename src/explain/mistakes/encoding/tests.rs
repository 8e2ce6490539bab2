use std::io::Read;

use super::super::testing::{found, supposed, told};
use super::recompress::is_compressed;
use super::{BASE64, CHARSET, COMPRESSED};

const JSON: &str = r#"{"name":"Zoë"}"#;
/// Python: `JSON.encode().decode("cp1252")`, once and twice.
const MOJIBAKE: &str = "{\"name\":\"ZoÃ«\"}";
const TWICE: &str = "{\"name\":\"ZoÃƒÂ«\"}";
/// Python: `JSON.encode("utf-16")`, which begins with a mark, and `JSON.encode("utf-16-be")`.
const UTF16: &[u8] = b"\xff\xfe{\x00\x22\x00n\x00a\x00m\x00e\x00\x22\x00:\x00\x22\x00Z\x00o\x00\xeb\x00\x22\x00}\x00";
const UTF16_BE: &[u8] =
    b"\x00{\x00\x22\x00n\x00a\x00m\x00e\x00\x22\x00:\x00\x22\x00Z\x00o\x00\xeb\x00\x22\x00}";
/// Python: `gzip.compress`, `zlib.compress`, and `zlib.compressobj(9, zlib.DEFLATED, -15)`.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZ\xa9\x16\x00\xa2\x9f\x91\xa6\x0f\x00\x00\x00";
const ZLIB: &[u8] = b"x\x9c\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZ\xa9\x16\x00)\xe8\x05\x93";
const DEFLATE: &[u8] = b"\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZ\xa9\x16\x00";
const LONG: &str = r#"{"name":"Zoë","text":"x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~x?y>z~"}"#;
/// Python's `gzip.compress` and `zlib.compress`, Node's `gzipSync`, PHP's `gzencode` and Ruby's `Zlib.gzip` of it.
const LONG_COMPRESSED: [(&[u8], &str); 6] = [
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2\x04\xc8\xab\xb0\xaf\xb4\xab\xaa\xa3\x1d\xa9T\x0b\x00\x8aE\xd7\x04y\x00\x00\x00", "Python, mtime=0"),
    (b"\x1f\x8b\x08\x00t\xf1\x01k\x02\xff\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2\x04\xc8\xab\xb0\xaf\xb4\xab\xaa\xa3\x1d\xa9T\x0b\x00\x8aE\xd7\x04y\x00\x00\x00", "Python, at the time"),
    (b"x\x9c\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2\x04\xc8\xab\xb0\xaf\xb4\xab\xaa\xa3\x1d\xa9T\x0b\x00\xdb\xfa.\xa6", "Python, zlib"),
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2D\xc9J\xa9\xc2\xbe\xd2\xae\xaa\x8ev\xa4R-\x00\x8aE\xd7\x04y\x00\x00\x00", "Node"),
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2\x04\xc8\xab\xb0\xaf\xb4\xab\xaa\xa3\x1d\xa9T\x0b\x00\x8aE\xd7\x04y\x00\x00\x00", "PHP"),
    (b"\x1f\x8b\x08\x00t\xf1\x01k\x00\x03\xabV\xcaK\xccMU\xb2R\x8a\xca?\xbcZIG\xa9$\xb5\xa2\x04\xc8\xab\xb0\xaf\xb4\xab\xaa\xa3\x1d\xa9T\x0b\x00\x8aE\xd7\x04y\x00\x00\x00", "Ruby, at the time"),
];
/// Python: `base64.b64encode`, `urlsafe_b64encode` and `encodebytes` of it.
const STANDARD: &str = "eyJuYW1lIjoiWm/DqyIsInRleHQiOiJ4P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en4ifQ==";
const URL_SAFE: &str = "eyJuYW1lIjoiWm_DqyIsInRleHQiOiJ4P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en54P3k-en4ifQ==";
const LINES: &str = "eyJuYW1lIjoiWm/DqyIsInRleHQiOiJ4P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+\nen54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54P3k+en54\nP3k+en4ifQ==\n";

#[test]
fn character_sets_are_found() {
    let json = JSON.as_bytes();
    let latin = b"{\"name\":\"Zo\xeb\"}";
    let quotes = "{\"a\":\"\u{201c}x\u{201d}\"}";
    let cases: [(&[u8], &[u8]); 18] = [
        (json, MOJIBAKE.as_bytes()),
        (json, TWICE.as_bytes()),
        (MOJIBAKE.as_bytes(), json),
        (json, latin),
        (latin, json),
        (json, UTF16),
        (json, UTF16_BE),
        (UTF16, json),
        (UTF16_BE, json),
        (json, b"\xef\xbb\xbf{\"name\":\"Zo\xc3\xab\"}"),
        (b"\xef\xbb\xbf{\"name\":\"Zo\xc3\xab\"}", json),
        (quotes.as_bytes(), b"{\"a\":\"\x93x\x94\"}"),
        (b"{\"a\":\"\x93x\x94\"}", quotes.as_bytes()),
        // Read as ASCII: a mark for the character, or one for each of its bytes.
        (json, b"{\"name\":\"Zo?\"}"),
        (json, b"{\"name\":\"Zo??\"}"),
        (json, "{\"name\":\"Zo\u{fffd}\u{fffd}\"}".as_bytes()),
        // Latin-1 that was read as UTF-8.
        (latin, "{\"name\":\"Zo\u{fffd}\"}".as_bytes()),
        ("{\"a\":\"it\u{2019}s\"}".as_bytes(), b"{\"a\":\"it?s\"}"),
    ];
    for (signed, received) in cases {
        let words = found(signed, received);
        assert_eq!(
            words,
            Some(vec!["body_charset"]),
            "{signed:x?} as {received:x?}"
        );
    }
}

#[test]
fn base64_is_found() {
    let unpadded = STANDARD.trim_end_matches('=');
    let quoted = format!("\"{STANDARD}\"");
    let url = format!("data:application/json;base64,{STANDARD}");
    let event = format!(r#"{{"headers":{{}},"body":"{STANDARD}","isBase64Encoded":true}}"#);
    let cases = [
        (LONG, STANDARD),
        (LONG, &event),
        (LONG, URL_SAFE),
        (LONG, unpadded),
        (LONG, LINES),
        (LONG, &quoted),
        (LONG, &url),
        (STANDARD, LONG),
        (URL_SAFE, LONG),
        (unpadded, LONG),
        (LINES, LONG),
    ];
    for (signed, received) in cases {
        let words = found(signed, received);
        assert_eq!(words, Some(vec!["body_base64"]), "{signed} as {received}");
    }
}

#[test]
fn compression_is_found() {
    for received in [GZIP, ZLIB, DEFLATE] {
        assert_eq!(found(JSON, received), Some(vec!["body_compressed"]));
    }
}

#[test]
fn what_was_signed_compressed_is_found() {
    for signed in [GZIP, ZLIB] {
        assert_eq!(found(signed, JSON), Some(vec!["body_compressed"]));
    }
    for (signed, how) in LONG_COMPRESSED {
        assert_eq!(found(signed, LONG), Some(vec!["body_compressed"]), "{how}");
    }
    let undone = told(GZIP, JSON.as_bytes()).unwrap_or_default();
    assert!(undone.contains("signed compressed"), "{undone}");
    let done = told(JSON.as_bytes(), GZIP).unwrap_or_default();
    assert!(done.contains("signed uncompressed"), "{done}");
    let large = "a".repeat(65 << 10);
    assert!(supposed(&COMPRESSED, large.as_bytes()).is_empty());
}

#[test]
fn what_is_compressed_stays_within_its_bound() {
    let zeros = |count: u64| {
        let zeros = std::io::repeat(0).take(count);
        let mut out = Vec::new();
        let mut encoder = flate2::read::GzEncoder::new(zeros, flate2::Compression::best());
        encoder.read_to_end(&mut out).map(|_| out)
    };
    for (count, is_read) in [(1 << 20, true), ((1 << 20) + 1, false), (64 << 20, false)] {
        let gzip = zeros(count).unwrap_or_default();
        assert_eq!(supposed(&COMPRESSED, &gzip).is_empty(), !is_read, "{count}");
    }
}

#[test]
fn cut_and_spoiled_streams_give_nothing() {
    for length in 0..GZIP.len() {
        let cut = GZIP.get(..length).unwrap_or_default();
        let bodies = supposed(&COMPRESSED, cut);
        assert!(bodies.iter().all(|body| is_compressed(body)), "{length}");
    }
}

#[test]
fn any_bytes_are_taken() {
    let odd: [&[u8]; 9] = [
        b"",
        b"\xff",
        b"\xff\xfe",
        b"\xff\xfe\x00",
        b"\xff\xfe\x00\xd8",
        b"\x00",
        b"\xef\xbb\xbf",
        b"x\x9c",
        b"====",
    ];
    for body in odd {
        for mistake in [&CHARSET, &BASE64, &COMPRESSED] {
            let bodies = supposed(mistake, body);
            assert!(bodies.iter().all(|other| other != body), "{body:x?}");
        }
    }
}

#[test]
fn the_fix_says_which_way() {
    let mark = told(JSON.as_bytes(), format!("\u{feff}{JSON}").as_bytes()).unwrap_or_default();
    assert!(mark.contains("byte-order mark was put before it"), "{mark}");
    let base64 = told(LONG.as_bytes(), STANDARD.as_bytes()).unwrap_or_default();
    assert!(base64.contains("isBase64Encoded"), "{base64}");
}
