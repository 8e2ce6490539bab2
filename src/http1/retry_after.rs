//! Reads `Retry-After`, in milliseconds.
//!
//! RFC 9110 section 10.2.3 says seconds or a date; HubSpot's workflows read the value of a 429 as
//! milliseconds. An app that says "60", as RFC 9110 has it, would be called again after 60 ms, and would
//! have to refuse again.

use std::time::SystemTime;

/// How many milliseconds from `now` the header `value` asks to wait. Times past are 0; `None` where
/// it is neither a number of seconds nor a date.
#[must_use]
pub fn millis(value: &[u8], now: SystemTime) -> Option<u64> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        let seconds: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
        return seconds.checked_mul(1_000);
    }
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    let wait = date.duration_since(now).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn seconds_and_dates_become_milliseconds() {
        // 1994-11-06 08:49:37 GMT, the date of RFC 9110's examples.
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, expected) in [
            ("60", Some(60_000)),
            ("0", Some(0)),
            (" 5 ", Some(5_000)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000)),
            ("Sun Nov  6 08:49:37 1994", Some(0)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("", None),
            ("1.5", None),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(millis(value.as_bytes(), now), expected, "{value:?}");
        }
    }
}
