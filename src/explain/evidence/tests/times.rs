use super::{mismatched, tells};
use crate::explain::evidence::testing::{SECRET, Setup, TIME};
use crate::explain::finding::Finding::{self, *};
use crate::reason::Reason;

#[test]
fn times_that_cannot_be_read_are_told_by_their_look() {
    let times: [(&str, &[Finding]); 7] = [
        ("1795289460", &[TimestampUnit]),
        ("1795289460.424", &[TimestampUnit]),
        ("2026-11-21T19:31:00Z", &[TimestampUnit]),
        ("1795289460424000", &[TimestampUnit]),
        ("", &[TimestampMissing]),
        ("forged", &[]),
        ("12345", &[]),
    ];
    for (time, expected) in times {
        let setup = mismatched("{}").time(time);
        tells(&setup, Reason::MalformedTimestamp, expected);
        let setup = Setup::hubspot().time(time).signed(SECRET.as_bytes(), time);
        tells(&setup, Reason::MalformedTimestamp, expected);
    }
}

#[test]
fn a_clock_is_told_by_how_much_where_the_signature_matches() {
    let at = |ahead: i64, recorded: bool| {
        let mut setup = Setup::twenty().signed(SECRET.as_bytes(), TIME);
        setup.now = setup.now.checked_add_signed(ahead * 1_000).unwrap();
        setup.capture.recorded_at = recorded.then_some(setup.now);
        setup
    };
    let day = 86_400;
    let cases = [
        (400, true, "6 min 40 s behind", "came late"),
        (
            -400,
            true,
            "6 min 40 s ahead of",
            "clock of this machine is slow",
        ),
        (7_200, true, "2 h behind", "2 hours"),
        (7_290, true, "2 h 1 min behind", "2 hours"),
        (-3_600, true, "1 h ahead of", "1 hour)"),
        (5_400, true, "1 h 30 min behind", "came late"),
        (400 * day, false, "400 d behind", "--at 1795289460424"),
        (400 * day, true, "400 d behind", "came late"),
    ];
    for (ahead, recorded, apart, cause) in cases {
        let reason = if ahead > 0 {
            Reason::TimestampExpired
        } else {
            Reason::TimestampInFuture
        };
        let fix = tells(&at(ahead, recorded), reason, &[Clock]);
        assert!(fix.contains(apart) && fix.contains(cause), "{ahead}: {fix}");
        tells(&at(ahead, recorded).body("forged"), reason, &[]);
    }
}
