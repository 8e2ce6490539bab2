//! The time of a line, as RFC 3339 writes it: in UTC, to the microsecond, always as long.
//!
//! It is written digit by digit: by the formatting of a library it would cost a fifth of the line.

use time::OffsetDateTime;

/// `2026-11-30T09:15:54.197019Z`, say.
pub(super) fn written(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, micros) = time.to_hms_micro();
    let mut text = String::with_capacity(27);
    let mut digits = itoa::Buffer::new();
    for (number, width, end) in [
        (u32::try_from(year).unwrap_or_default(), 4, '-'),
        (u32::from(u8::from(month)), 2, '-'),
        (u32::from(day), 2, 'T'),
        (u32::from(hour), 2, ':'),
        (u32::from(minute), 2, ':'),
        (u32::from(second), 2, '.'),
        (micros, 6, 'Z'),
    ] {
        let number = digits.format(number);
        for _ in number.len()..width {
            text.push('0');
        }
        text.push_str(number);
        text.push(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_as_long() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (1_796_030_154, 197_019, "2026-11-30T09:15:54.197019Z"),
            (951_782_400, 42, "2000-02-29T00:00:00.000042Z"),
        ] {
            let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let time = time + std::time::Duration::from_micros(micros);
            assert_eq!(written(time), expected);
        }
    }
}
