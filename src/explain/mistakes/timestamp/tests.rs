use super::unit;
use super::units::as_millis;
use crate::explain::evidence::testing::{SECRET, Setup, TIME};
use crate::explain::finding::Finding::{SecretBlanks, TimestampMissing, TimestampUnit};

/// By Python's `datetime` of `TIME`.
const ISO: &str = "2026-11-21T19:31:00.424Z";
const HTTP: &str = "Sat, 21 Nov 2026 19:31:00 GMT";

#[test]
fn times_are_read_however_they_are_written() {
    let same = [
        "1795289460424000",
        "1795289460424000000",
        "1795289460424.0",
        "1795289460.424",
        "1795289460.424137",
        "1.795289460424e12",
        "1.795289460424E+12",
        " 1795289460424 ",
        "\"1795289460424\"",
        "1,795,289,460,424",
        "1_795_289_460_424",
        ISO,
    ];
    for text in same {
        assert_eq!(as_millis(text).as_deref(), Some(TIME), "{text}");
        assert!(unit(text.as_bytes()).is_some(), "{text}");
    }
    for text in ["1795289460", "1795289460.0", HTTP] {
        assert_eq!(as_millis(text).as_deref(), Some("1795289460000"), "{text}");
        assert!(unit(text.as_bytes()).is_some(), "{text}");
    }
    for text in [
        "",
        TIME,
        "179528946042",
        "soon",
        "-1795289460424",
        "e",
        ".",
        "1.",
        "0x1795289460",
        "١",
    ] {
        assert_eq!(as_millis(text), None, "{text}");
        assert_eq!(unit(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_time_in_another_unit_is_found() {
    let whole = "1795289460000";
    let cases = [
        ("1795289460", whole),
        ("1795289460", TIME),
        ("1795289460.424", TIME),
        ("1795289460424.0", TIME),
        ("1795289460424.0", "1795289460"),
        ("1795289460424000", TIME),
        ("1795289460424000000", TIME),
        ("1.795289460424e12", TIME),
        ("\"1795289460424\"", TIME),
        ("1795289460424 ", TIME),
        (ISO, TIME),
        (HTTP, whole),
        (TIME, "1795289460"),
        (TIME, "1795289460.424"),
        (TIME, "1795289460424.0"),
        (TIME, "1795289460424000"),
        (TIME, "1795289460424000000"),
        (TIME, "1795289460424 "),
        (TIME, ISO),
        (TIME, "2026-11-21T19:31:00Z"),
    ];
    for (received, signed) in cases {
        for setup in [Setup::twenty(), Setup::hubspot()] {
            let setup = setup.time(received).signed(SECRET.as_bytes(), signed);
            setup.finds(&[TimestampUnit], &format!("{received} for {signed}"));
        }
    }
}

#[test]
fn a_time_that_was_cut_to_seconds_and_multiplied_again_is_found() {
    for setup in [Setup::twenty(), Setup::hubspot()] {
        let setup = setup.time("1795289460000").signed(SECRET.as_bytes(), TIME);
        let fix = setup.finds(&[TimestampUnit], "cut to seconds");
        assert!(fix.contains("cut to whole seconds"), "{fix}");
    }
}

#[test]
fn what_was_signed_as_it_came_is_no_mistake() {
    for time in [TIME, "1795289460", ISO] {
        let setup = Setup::twenty().time(time).signed(SECRET.as_bytes(), time);
        setup.finds(&[], time);
    }
}

#[test]
fn the_time_in_another_header_is_found() {
    let setup = Setup::hubspot().with("X-Timestamp", "1795289461999");
    let setup = setup.signed(SECRET.as_bytes(), "1795289461999");
    let fix = setup.finds(&[TimestampUnit], "another header's");
    assert!(fix.contains("X-Timestamp"), "{fix}");
}

#[test]
fn a_time_that_did_not_come_is_found() {
    let headers = [
        ("X-Timestamp", TIME, TIME),
        ("X-Timestamp", "1795289460424000", TIME),
        ("Date", HTTP, "1795289460000"),
        ("Date", HTTP, "1795289460"),
        ("X-Sent-At", ISO, TIME),
    ];
    for (name, value, signed) in headers {
        for setup in [Setup::twenty(), Setup::hubspot()] {
            let own = setup.accepted[0].timestamp_header.unwrap();
            let setup = setup.without(own).with(name, value);
            let setup = setup.signed(SECRET.as_bytes(), signed);
            let fix = setup.finds(&[TimestampMissing], &format!("{name}: {value}"));
            assert!(fix.contains(name) && fix.contains(own), "{fix}");
        }
    }
}

#[test]
fn another_unit_and_another_secret_are_found_together() {
    let secret = format!("{SECRET}\n");
    let setup = Setup::twenty()
        .time("1795289460")
        .signed(secret.as_bytes(), "1795289460000");
    setup.finds(&[SecretBlanks, TimestampUnit], "a line feed, and seconds");
}

#[test]
fn large_bodies_are_not_hashed_a_thousand_times() {
    for time in ["1795289460", "1795289460000"] {
        let setup = Setup::twenty().time(time).body(&"x".repeat(20 << 10));
        let changes = setup.case(|case| (super::UNIT.undo)(case, &case.received).len());
        assert!(changes < 40, "{changes}");
    }
}
