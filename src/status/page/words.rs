//! Values as people say them: "3 minutes ago", "12,345", "1.5 GiB".

use time::OffsetDateTime;

use super::super::snapshot::Within;
use super::super::time::Time;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if left > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
    }
    text
}

/// "no event", "1 event", "12 events".
pub(super) fn counted(number: u64, what: &str) -> String {
    match number {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{} {what}s", count(number)),
    }
}

/// A span of time in whole units: "3 minutes".
pub(super) fn span(seconds: f64) -> String {
    let (length, unit) = match seconds.abs() {
        seconds if seconds < MINUTE => (1.0, "second"),
        seconds if seconds < HOUR => (MINUTE, "minute"),
        seconds if seconds < 2.0 * DAY => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    match whole(seconds.abs() / length) {
        1 => format!("1 {unit}"),
        many => format!("{} {unit}s", count(many)),
    }
}

/// A short span with a fraction where that matters: "12 ms", "1.2 s", "5 min".
pub(super) fn brief(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    match seconds.abs() {
        0.0 => "0 s".to_owned(),
        seconds if seconds < 0.001 => format!("{sign}{:.1} ms", seconds * 1_000.0),
        seconds if seconds < 1.0 => format!("{sign}{:.0} ms", seconds * 1_000.0),
        seconds if seconds < 10.0 => format!("{sign}{} s", trimmed(seconds)),
        seconds if seconds < 2.0 * MINUTE && seconds != MINUTE => format!("{sign}{seconds:.0} s"),
        seconds if seconds < 2.0 * HOUR => format!("{sign}{} min", trimmed(seconds / MINUTE)),
        seconds => format!("{sign}{}", span(seconds)),
    }
}

/// Where a span is, as far as a histogram knows: "between 30 s and 1 min".
pub(super) fn within(span: Within) -> String {
    match (span.from, span.to) {
        (Some(from), Some(to)) if from > 0.0 => {
            format!("between {} and {}", brief(from), brief(to))
        }
        (_, Some(to)) => format!("at most {}", brief(to)),
        (Some(from), None) => format!("more than {}", brief(from)),
        (None, None) => "unknown".to_owned(),
    }
}

/// The same of the values that are above it.
pub(super) fn at_least(span: Within) -> String {
    match span.from {
        Some(from) => format!("more than {}", brief(from)),
        None => "an unknown time".to_owned(),
    }
}

/// The same of the values that are below it: the upper limit alone, where it is known.
pub(super) fn up_to(span: Within) -> Within {
    Within {
        from: span.from.filter(|_| span.to.is_none()),
        ..span
    }
}

/// Where an age is, as far as a histogram knows: "between 1 s and 5 s ahead".
pub(super) fn age_within(age: Within) -> String {
    match (age.from, age.to) {
        (_, Some(to)) if to <= 0.0 => {
            // Seen from the other side.
            let ahead = within(Within {
                about: -age.about,
                from: Some(-to),
                to: age.from.map(|from| -from),
            });
            format!("{ahead} ahead")
        }
        _ => format!("{} old", within(age)),
    }
}

/// When something was, or will be, seen from `now`: "3 minutes ago", "in 9 days".
pub(super) fn ago(then: Time, now: Time) -> String {
    let seconds = now.0.seconds_since(then.0);
    if seconds >= 1.0 {
        format!("{} ago", span(seconds))
    } else if seconds > -1.0 {
        "just now".to_owned()
    } else {
        format!("in {}", span(seconds))
    }
}

/// A time for those who compare it with a log.
pub(super) fn moment(time: Time) -> String {
    let nanos = i128::from(time.0.as_millis()).saturating_mul(1_000_000);
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else {
        return "after the year 9999".to_owned();
    };
    format!("{} {} UTC", time.date(), clock_of(time))
}

/// The time of day alone.
pub(super) fn clock(time: Time) -> String {
    let nanos = i128::from(time.0.as_millis()).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .map_or_else(|_| moment(time), |time| format!("{} UTC", clock_of(time)))
}

fn clock_of(time: OffsetDateTime) -> String {
    let (hour, minute, second) = time.to_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// A size: "512 bytes", "1.5 GiB".
pub(super) fn bytes(size: u64) -> String {
    let mut size_in_unit = size as f64;
    let mut name = "bytes";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size_in_unit < 1_024.0 {
            break;
        }
        size_in_unit /= 1_024.0;
        name = larger;
    }
    if name == "bytes" || size_in_unit >= 10.0 {
        format!("{size_in_unit:.0} {name}")
    } else {
        format!("{} {name}", trimmed(size_in_unit))
    }
}

/// How much of the whole that is, in percent, rounded down; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

/// The configuration's file in a command; a word for it where it has none.
pub(super) fn file_word(file: &str) -> String {
    match file {
        "" => "CONFIG".to_owned(),
        file => shell_word(file),
    }
}

/// Text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    if text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// One digit after the point, unless it is a 0.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Timestamp;

    fn time(millis: u64) -> Time {
        Time(Timestamp::from_millis(millis))
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(0, "event"), "no event");
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(2_000, "event"), "2,000 events");
    }

    #[test]
    fn ages_are_rounded_down_and_have_a_direction() {
        let now = time(1_795_289_460_000);
        for (before, words) in [
            (0, "just now"),
            (999, "just now"),
            (1_000, "1 second ago"),
            (59_999, "59 seconds ago"),
            (60_000, "1 minute ago"),
            (3_599_000, "59 minutes ago"),
            (3_600_000, "1 hour ago"),
            (47 * 3_600_000, "47 hours ago"),
            (48 * 3_600_000, "2 days ago"),
        ] {
            assert_eq!(ago(time(1_795_289_460_000 - before), now), words);
        }
        assert_eq!(
            ago(time(1_795_289_460_000 + 9 * 86_400_000), now),
            "in 9 days"
        );
    }

    #[test]
    fn short_spans_keep_what_matters() {
        for (seconds, words) in [
            (0.0, "0 s"),
            (0.000_4, "0.4 ms"),
            (0.012, "12 ms"),
            (-0.25, "-250 ms"),
            (1.25, "1.2 s"),
            (5.0, "5 s"),
            (30.0, "30 s"),
            (150.0, "2.5 min"),
            (300.0, "5 min"),
            (7_200.0, "2 hours"),
        ] {
            assert_eq!(brief(seconds), words);
        }
    }

    #[test]
    fn a_histogram_tells_limits_and_no_more() {
        let told = |from, to| {
            age_within(Within {
                about: 0.0,
                from,
                to,
            })
        };
        for (from, to, words) in [
            (Some(30.0), Some(60.0), "between 30 s and 1 min old"),
            (Some(0.0), Some(1.0), "at most 1 s old"),
            (Some(300.0), None, "more than 5 min old"),
            (Some(-5.0), Some(-1.0), "between 1 s and 5 s ahead"),
            (Some(-1.0), Some(0.0), "at most 1 s ahead"),
            (None, Some(-300.0), "more than 5 min ahead"),
        ] {
            assert_eq!(told(from, to), words);
        }
        let most = |from, to| {
            within(up_to(Within {
                about: 0.0,
                from,
                to,
            }))
        };
        assert_eq!(most(Some(0.025), Some(0.1)), "at most 100 ms");
        assert_eq!(most(Some(30.0), None), "more than 30 s");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(moment(time(1_795_289_460_579)), "2026-11-21 19:31:00 UTC");
        assert_eq!(clock(time(1_795_289_460_579)), "19:31:00 UTC");
        assert_eq!(moment(time(u64::MAX)), "after the year 9999");
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1_023), "1023 bytes");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(256 << 20), "256 MiB");
        assert_eq!(bytes(1 << 30), "1 GiB");
    }

    #[test]
    fn percents_survive_everything() {
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(5, 0), 0);
        assert_eq!(percent(u64::MAX, 1), u64::MAX);
    }

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(shell_word("/etc/a.toml"), "/etc/a.toml");
        assert_eq!(shell_word("/a b/$(x)"), "'/a b/$(x)'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
