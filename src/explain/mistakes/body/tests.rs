use super::super::testing::{found, supposed, told};
use super::{EMPTY, LINE_ENDS, NEWLINE, TRIMMED};

const JSON: &str = r#"{"a":[1,"b"]}"#;

#[test]
fn each_is_found_by_its_word() {
    let cases = [
        (JSON.to_owned(), format!("{JSON}\n"), "body_newline"),
        (JSON.to_owned(), format!("{JSON}\r\n"), "body_newline"),
        (JSON.to_owned(), format!("{JSON}\n\n"), "body_newline"),
        (JSON.to_owned(), format!("\n{JSON}"), "body_newline"),
        (format!("{JSON}\n"), JSON.to_owned(), "body_newline"),
        (format!("{JSON}\r\n"), JSON.to_owned(), "body_newline"),
        (format!("{JSON} "), JSON.to_owned(), "body_trimmed"),
        (format!("  {JSON}"), JSON.to_owned(), "body_trimmed"),
        (format!("\n{JSON}\n"), JSON.to_owned(), "body_trimmed"),
        (format!("{JSON}\r\n\r\n"), JSON.to_owned(), "body_trimmed"),
        (
            "{\n  \"a\": 1\n}".into(),
            "{\r\n  \"a\": 1\r\n}".into(),
            "body_line_ends",
        ),
        (
            "{\r\n  \"a\": 1\r\n}".into(),
            "{\n  \"a\": 1\n}".into(),
            "body_line_ends",
        ),
        (
            "{\n\t\"a\":1\n}\n".into(),
            "{\r\t\"a\":1\r}\r".into(),
            "body_line_ends",
        ),
        ("a\r\nb".into(), "a\r\r\nb".into(), "body_line_ends"),
        (format!("{JSON}\r\n"), format!("{JSON}\n"), "body_line_ends"),
        (format!("{JSON}\n"), format!("{JSON}\r\n"), "body_line_ends"),
        (String::new(), "{}".into(), "body_empty"),
        (String::new(), "null".into(), "body_empty"),
        ("{}".into(), String::new(), "body_empty"),
        ("[]".into(), String::new(), "body_empty"),
    ];
    for (signed, received, word) in cases {
        let words = found(&signed, &received);
        assert_eq!(words, Some(vec![word]), "{signed:?} as {received:?}");
    }
}

#[test]
fn what_did_not_happen_is_not_found() {
    for (signed, received) in [(JSON, "{}"), (JSON, ""), ("a", "b"), ("a\nb", "ab")] {
        assert_eq!(found(signed, received), None, "{signed:?} as {received:?}");
    }
}

#[test]
fn nothing_supposed_is_the_body_itself() {
    for body in [
        "", "\n", "\r", "\r\n", " ", "{}", "a\r", "\n\n", "\r\r\n", "null\n",
    ] {
        for mistake in [&NEWLINE, &TRIMMED, &LINE_ENDS, &EMPTY] {
            let bodies = supposed(mistake, body.as_bytes());
            assert!(bodies.iter().all(|other| other != body), "{body:?}");
        }
    }
}

#[test]
fn large_bodies_are_left_alone() {
    let large = vec![b'\n'; (16 << 20) + 1];
    assert!(supposed(&NEWLINE, &large).is_empty());
    assert!(supposed(&LINE_ENDS, &large).is_empty());
}

#[test]
fn the_fix_says_which_way() {
    let added = told(JSON.as_bytes(), format!("{JSON}\n").as_bytes()).unwrap_or_default();
    assert!(added.starts_with("A line end was added"), "{added}");
    let lost = told(format!("{JSON}\n").as_bytes(), JSON.as_bytes()).unwrap_or_default();
    assert!(lost.contains("was lost"), "{lost}");
    let ends = told(b"a\nb", b"a\r\nb").unwrap_or_default();
    assert!(ends.contains("LF was signed, CRLF came"), "{ends}");
}
