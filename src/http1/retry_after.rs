//! `Retry-After` as HubSpot reads it.
//!
//! RFC 9110 section 10.2.3 says seconds or a date; HubSpot's workflows read the value of a 429 as
//! milliseconds. An app that says "60" as it should is called again after 60 ms, and 429s again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::verify::Timestamp;

/// How many milliseconds from `now` the header `value` asks to wait. Times past are 0; `None` where
/// it is neither a number of seconds nor a date.
#[must_use]
pub fn millis(value: &[u8], now: Timestamp) -> Option<u64> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        let seconds: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
        return seconds.checked_mul(1_000);
    }
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    let now: SystemTime = UNIX_EPOCH.checked_add(Duration::from_millis(now.as_millis()))?;
    let wait = date.duration_since(now).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_become_milliseconds() {
        // 1994-11-06 08:49:37 GMT, the date of RFC 9110's examples.
        let now = Timestamp::from_millis(784_111_777_000);
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
