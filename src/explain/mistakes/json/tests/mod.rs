mod written;

use proptest::prelude::*;

use super::super::MISTAKES;
use super::super::testing::{found, supposed, told};
use super::numbers::Numbers;
use super::tokens::Document;
use super::{RESERIALIZED, STRINGIFIED};
use written::{HUBSPOT, TWENTY, WRITTEN};

#[test]
fn what_was_written_again_is_found() {
    for (signed, received, how) in WRITTEN {
        let words = found(signed, received);
        assert_eq!(words, Some(vec!["body_reserialized"]), "{how}: {received}");
    }
}

/// What was signed, and what Node's `JSON.stringify(JSON.parse(…))` makes of it. The signed ones are in the
/// spellings of the serializers that are named; those of PHP, Go, Java and .NET by their documentation.
const SPELLINGS: [(&str, &str, &str); 17] = [
    (r#"{"u":"https:\/\/a\/b"}"#, r#"{"u":"https://a/b"}"#, "PHP"),
    (
        r#"{"u":"\/é"}"#,
        r#"{"u":"/é"}"#,
        "PHP, JSON_UNESCAPED_UNICODE",
    ),
    (r#"{"u":"\/\u00e9"}"#, r#"{"u":"/é"}"#, "PHP"),
    (r#"{"u":"\u00e9\ud83d\ude00"}"#, r#"{"u":"é😀"}"#, "Python"),
    (
        r#"{"u":"\u00E9\uD83D\uDE00"}"#,
        r#"{"u":"é😀"}"#,
        "Jackson, ESCAPE_NON_ASCII",
    ),
    (r#"{"h":"\u003cb\u003e \u0026"}"#, r#"{"h":"<b> &"}"#, "Go"),
    (
        r#"{"h":"\u003Cb\u003E \u0026 \u0027"}"#,
        r#"{"h":"<b> & '"}"#,
        "PHP, JSON_HEX_…",
    ),
    (
        r#"{"h":"\u003cb\u003e \u0026 \u003d \u0027"}"#,
        r#"{"h":"<b> & = '"}"#,
        "Gson",
    ),
    (
        r#"{"h":"\u0022\u002B\u0060\u00E9/"}"#,
        r#"{"h":"\"+`é/"}"#,
        ".NET",
    ),
    (r#"{"s":"a\u2028b"}"#, "{\"s\":\"a\u{2028}b\"}", "Go"),
    (
        r#"{"c":"\u001F\u0000"}"#,
        r#"{"c":"\u001f\u0000"}"#,
        "Jackson",
    ),
    (
        r#"{"a":1.0,"b":20}"#,
        r#"{"a":1,"b":20}"#,
        "Python, compact",
    ),
    (r#"{"a": 1e-05}"#, r#"{"a":0.00001}"#, "Python"),
    (
        r#"{"a":1.5E10,"b":2.0E-5}"#,
        r#"{"a":1.5e10,"b":0.00002}"#,
        "Java",
    ),
    (
        r#"{"a":1,"b":1e-7}"#,
        r#"{"a":1.0,"b":1E-07}"#,
        "JavaScript, of others'",
    ),
    (
        r#"{"b":1,"a":2,"c":3}"#,
        r#"{"a":2,"b":1,"c":3}"#,
        "unknown keys, sorted",
    ),
    ("\t{ \"a\" :1 }", r#"{"a":1}"#, ""),
];

#[test]
fn spellings_of_other_serializers_are_found() {
    for (signed, received, how) in SPELLINGS {
        let expected = (!how.is_empty()).then(|| vec!["body_reserialized"]);
        assert_eq!(found(signed, received), expected, "{how}: {received}");
    }
}

#[test]
fn forms_for_json_are_found() {
    let json = r#"{"eventId":1,"name":"a b=c&d"}"#;
    let cases = [
        // Python: `urllib.parse.urlencode({"payload": json})`, `quote_plus(json)`, `quote(json) + "="`.
        (
            json,
            "payload=%7B%22eventId%22%3A1%2C%22name%22%3A%22a+b%3Dc%26d%22%7D",
        ),
        (
            json,
            "%7B%22eventId%22%3A1%2C%22name%22%3A%22a+b%3Dc%26d%22%7D",
        ),
        (
            json,
            "%7B%22eventId%22%3A1%2C%22name%22%3A%22a%20b%3Dc%26d%22%7D=",
        ),
        // Node: `JSON.stringify(querystring.parse(json))`.
        (json, r#"{"{\"eventId\":1,\"name\":\"a b":"c","d\"}":""}"#),
        // Python: `urlencode({"eventId": 1, "name": "a b"})`.
        (r#"{"eventId":1,"name":"a b"}"#, "eventId=1&name=a+b"),
        (r#"{"eventId":"1"}"#, "eventId=1"),
    ];
    for (signed, received) in cases {
        let words = found(signed, received);
        assert_eq!(
            words,
            Some(vec!["body_reserialized"]),
            "{signed} as {received}"
        );
    }
}

/// What was signed, and what became of it: by PHP 8.2, Node 20, Python 3.11 and its Pydantic; Lua's and Newtonsoft's by
/// their documentation.
const TAKEN_AWAY: [(&str, &str, &str); 14] = [
    (
        r#"{"a":{},"b":[],"c":"é/"}"#,
        r#"{"a":[],"b":[],"c":"\u00e9\/"}"#,
        "PHP, json_decode(…, true)",
    ),
    (
        r#"{"a":{},"b":[],"c":{"d":{}},"e":[],"f":[]}"#,
        r#"{"a":[],"b":[],"c":{"d":[]},"e":[],"f":[]}"#,
        "PHP, two of five",
    ),
    (r#"{"a":[],"b":[]}"#, r#"{"a":{},"b":{}}"#, "Lua"),
    (
        r#"{"amount": 1.0, "name": "x", "count": 3, "price": 2.0}"#,
        r#"{"amount":1,"name":"x","count":3,"price":2}"#,
        "Express, of requests",
    ),
    (
        r#"{"id": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6.0, "name": "\u00e9"}"#,
        r#"{"id":1,"b":2,"c":3,"d":4,"e":5,"f":6,"name":"é"}"#,
        "Express, one of six",
    ),
    (
        r#"{"a":1.0,"b":2.0,"c":3.0,"d":4.0,"e":5.0,"f":6.0}"#,
        r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#,
        "Express, all of six",
    ),
    (
        r#"{"d":"2026-03-14T09:26:53.000Z","e":"2026-03-14T09:26:53.500Z","f":"2026-03-14T09:26:53.589Z"}"#,
        r#"{"d":"2026-03-14T09:26:53Z","e":"2026-03-14T09:26:53.5Z","f":"2026-03-14T09:26:53.589Z"}"#,
        "Newtonsoft",
    ),
    (
        r#"{"d":"2026-03-14T09:26:53.589Z"}"#,
        r#"{"d":"2026-03-14T09:26:53.589000Z"}"#,
        "Pydantic",
    ),
    (
        r#"{"d":"2026-03-14T09:26:53.000Z"}"#,
        r#"{"d":"2026-03-14T09:26:53+00:00"}"#,
        "Python, isoformat()",
    ),
    (
        r#"{"name": "x", "10": 1, "2": 2, "z": 3, "a": 4}"#,
        r#"{"2":2,"10":1,"name":"x","z":3,"a":4}"#,
        "",
    ),
    (
        r#"{"name": "x", "2": 1, "10": 2, "z": 3, "a": 4}"#,
        r#"{"2":1,"10":2,"name":"x","z":3,"a":4}"#,
        "Express, of requests",
    ),
    (
        r#"{"b":1,"a":2,"y":3,"x":4,"7":5}"#,
        r#"{"7":5,"b":1,"a":2,"y":3,"x":4}"#,
        "Express",
    ),
    (
        r#"{"10": 1, "2": 2, "a": 3, "b": 4, "c": 5}"#,
        r#"{"2":2,"10":1,"a":3,"b":4,"c":5}"#,
        "Express, of sort_keys",
    ),
    (
        r#"{"d":"2026-03-14 09:26:53"}"#,
        r#"{"d":"2026-03-14T09:26:53Z"}"#,
        "",
    ),
];

#[test]
fn what_a_parser_took_away_is_found() {
    for (signed, received, how) in TAKEN_AWAY {
        let expected = (!how.is_empty()).then(|| vec!["body_reserialized"]);
        assert_eq!(found(signed, received), expected, "{how}: {received}");
    }
}

#[test]
fn choices_are_few() {
    let many = |value: &str| {
        let members = (0..9).map(|key| format!("\"{}\":{value}", char::from(b'a' + key)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    for value in ["1", "[]", "{}"] {
        let bodies = supposed(&RESERIALIZED, many(value).as_bytes());
        assert!(bodies.len() < 16, "{value}: {}", bodies.len());
    }
}

#[test]
fn what_was_stringified_is_found() {
    // Node: `JSON.stringify(json)`; Python: `json.dumps(json)`.
    let json = r#"{"a":"é\"/"}"#;
    let node = r#""{\"a\":\"é\\\"/\"}""#;
    let python = r#""{\"a\":\"\u00e9\\\"/\"}""#;
    let cases = [
        (json, node),
        (json, python),
        (node, json),
        (python, json),
        (json, r#"{\"a\":\"é\\\"/\"}"#),
        (
            json,
            r#"{"body":"{\"a\":\"é\\\"/\"}","isBase64Encoded":false}"#,
        ),
    ];
    for (signed, received) in cases {
        let words = found(signed, received);
        assert_eq!(
            words,
            Some(vec!["body_stringified"]),
            "{signed} as {received}"
        );
    }
}

#[test]
fn other_json_is_not_found() {
    let other = HUBSPOT.replace("12345", "12346");
    assert_eq!(found(HUBSPOT, &other), None);
    assert_eq!(found(TWENTY, HUBSPOT), None);
    // JavaScript rounds what has more digits than a double: they are lost.
    assert_eq!(
        found(r#"{"a":90071992547409931}"#, r#"{"a":90071992547409940}"#),
        None
    );
}

#[test]
fn line_ends_are_no_other_spelling() {
    let pretty = "{\n  \"a\": 1\n}";
    let bodies = supposed(&RESERIALIZED, pretty.replace('\n', "\r\n").as_bytes());
    assert!(!bodies.iter().any(|body| body == pretty));
    assert!(bodies.iter().any(|body| body == "{\"a\":1}"));
}

#[test]
fn only_json_is_read() {
    let sound = [
        "0",
        "-0.5e+3",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        " { \"a\" : [ 1 , null ] } ",
        r#""\ud800""#,
        "true",
        "1E5",
    ];
    for text in sound {
        assert!(Document::read(text.as_bytes()).is_some(), "{text}");
    }
    let unsound = [
        "",
        " ",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "+1",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "[1}",
        "{]",
        "[",
        "]",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "nul",
        "1 2",
        "{}{}",
        "[1 2]",
        "[,]",
        "{,}",
        "{\"a\":}",
        "NaN",
        "'a'",
    ];
    for text in unsound {
        assert!(Document::read(text.as_bytes()).is_none(), "{text}");
    }
    assert!(Document::read(b"\"\xff\"").is_none());
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::read(nested(512).as_bytes()).is_some());
    assert!(Document::read(nested(513).as_bytes()).is_none());
    assert!(Document::read(nested(1 << 20).as_bytes()).is_none());

    // Indented, this would be more than a thousand times as long.
    let wide = format!(
        "{}{}1{}",
        "[".repeat(511),
        "1,".repeat(200_000),
        "]".repeat(511)
    );
    let bodies = supposed(&RESERIALIZED, wide.as_bytes());
    let total: usize = bodies.iter().map(|body| body.len()).sum();
    assert!(total <= 40 << 20, "{total}");

    // Each token takes many times its byte.
    let tokens = |count: usize| format!("[{}1]", "1,".repeat(count));
    assert!(Document::read(tokens(100_000).as_bytes()).is_some());
    assert!(Document::read(tokens(1 << 20).as_bytes()).is_none());

    let large = format!("[{}]", " ".repeat(16 << 20));
    assert!(supposed(&RESERIALIZED, large.as_bytes()).is_empty());
}

#[test]
fn no_body_is_supposed_twice_nor_too_many() {
    let unlike = r#"{"z":"é/<'\"\u2028\u001f","y":[1.0,1E10,{"b":{},"a":[]}],"x":1,"a":"\/"}"#;
    for body in [
        HUBSPOT,
        TWENTY,
        unlike,
        "\"\"",
        "1",
        "[]",
        "a=b",
        "%",
        "=",
        "&&",
        "{\"\":\"\"}",
    ] {
        for mistake in [&RESERIALIZED, &STRINGIFIED] {
            let bodies = supposed(mistake, body.as_bytes());
            assert!(bodies.len() <= 304, "{}", bodies.len());
            let mut once = bodies.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), bodies.len());
            assert!(!once.iter().any(|other| other == body));
        }
    }
}

/// Texts of what JSON and forms are made of, sound and unsound.
fn fragments() -> impl Strategy<Value = String> {
    let fragments = proptest::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "{\"a\":1", "\\", "\\u", "\\ud83d",
        "\\udc00", "1", "-", ".5", "e9", "1.0", "1E400", "null", " ", "\r\n", "\r", "=", "&", "%",
        "%7B", "+", "é", "\u{fffd}", "?", "\u{feff}", "\0", "\u{2028}", "/", "<",
    ]);
    proptest::collection::vec(fragments, 0..12).prop_map(|fragments| fragments.concat())
}

/// A value without what tells an empty object from an empty array: PHP and Lua take one for the other.
fn without_empties(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(values) if values.is_empty() => Value::Null,
        Value::Object(members) if members.is_empty() => Value::Null,
        Value::Array(values) => values.into_iter().map(without_empties).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, without_empties(value)))
            .collect(),
        other => other,
    }
}

proptest! {
    #[test]
    fn any_text_is_taken(text in fragments()) {
        for mistake in MISTAKES {
            for body in supposed(mistake, text.as_bytes()) {
                prop_assert_ne!(body, text.as_bytes());
            }
        }
    }

    /// A spelling of JSON stands for what was received: serde_json, which is not ours, reads the same.
    #[test]
    fn spellings_stand_for_the_same(
        strings in proptest::collection::vec(any::<String>(), 0..6),
        eighths in any::<i32>(),
    ) {
        let number = f64::from(eighths) / 8.0;
        let value = serde_json::json!({"b": strings, "a": {"c": number, "": [[], {}]}});
        for body in supposed(&RESERIALIZED, value.to_string().as_bytes()) {
            let read: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            let read = read.unwrap_or_default();
            let (read, value) = (without_empties(read), without_empties(value.clone()));
            prop_assert_eq!(read.pointer("/a/c").and_then(serde_json::Value::as_f64), Some(number));
            prop_assert_eq!(read.pointer("/a/"), value.pointer("/a/"));
            prop_assert_eq!(read.pointer("/b"), value.pointer("/b"));
        }
    }
}

#[test]
fn numbers_are_written_as_languages_do() {
    // By Node 20's `String(…)`, Python 3.11's `repr(…)`, and Java's `Double.toString`.
    let cases = [
        ("1.0", "1", "1.0", "1.0"),
        ("-0.0", "0", "-0.0", "-0.0"),
        ("0.1", "0.1", "0.1", "0.1"),
        ("1e21", "1e+21", "1e+21", "1.0E21"),
        ("1e20", "100000000000000000000", "1e+20", "1.0E20"),
        ("123456789.5", "123456789.5", "123456789.5", "1.234567895E8"),
        ("1e-6", "0.000001", "1e-06", "1.0E-6"),
        ("1e-7", "1e-7", "1e-07", "1.0E-7"),
        ("0.00015", "0.00015", "0.00015", "1.5E-4"),
        ("1e16", "10000000000000000", "1e+16", "1.0E16"),
    ];
    for (literal, javascript, python, java) in cases {
        let write = |numbers: Numbers| {
            let mut out = Vec::new();
            numbers.write(literal, &mut out);
            String::from_utf8(out).unwrap_or_default()
        };
        assert_eq!(write(Numbers::JavaScript), javascript, "{literal}");
        assert_eq!(write(Numbers::Python), python, "{literal}");
        assert_eq!(write(Numbers::Java), java, "{literal}");
    }
}

#[test]
fn the_fix_says_what_differs() {
    let cases = [
        (
            r#"{"a":1}"#,
            r#"{"a": 1}"#,
            "in the blanks between its parts",
        ),
        (r#"{"a":"\/"}"#, r#"{"a":"/"}"#, "in the escapes of strings"),
        (r#"{"a":1.0}"#, r#"{"a":1}"#, "in how numbers are written"),
        (
            r#"{"b":1,"a":2}"#,
            r#"{"a":2,"b":1}"#,
            "in the order of the keys",
        ),
        (r#"{"a":1}"#, "a=1", "it came as a form"),
    ];
    for (signed, received, words) in cases {
        let fix = told(signed.as_bytes(), received.as_bytes()).unwrap_or_default();
        assert!(fix.contains(words), "{fix}");
    }
}
