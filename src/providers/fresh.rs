//! Events that happen now: a sample with ids and times of its own, so that an app takes two of them for two.

use std::time::SystemTime;

use time::OffsetDateTime;

use crate::verify::Timestamp;
use crate::verify::provider::{Fresh, Sample};

/// The body of an event that happens at `now`.
#[must_use]
pub fn fresh(sample: &Sample, now: SystemTime) -> Vec<u8> {
    let mut body = sample.body.to_owned();
    for (name, value) in sample.fresh {
        let value = match value {
            // As long as the providers' own, and a number that JavaScript has exactly.
            Fresh::Id => 1_000_000_000_u64
                .saturating_add(rand::random::<u32>().into())
                .to_string(),
            Fresh::Millis => Timestamp::from(now).to_string(),
            Fresh::Time => format!("\"{}\"", in_utc(now)),
        };
        body = with(&body, name, &value);
    }
    body.into_bytes()
}

/// The body with another value of a member, whose present value is a number or a text without commas.
fn with(body: &str, name: &str, value: &str) -> String {
    let key = format!("\"{name}\":");
    let Some((before, rest)) = body.split_once(&key) else {
        return body.to_owned();
    };
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    let after = rest.get(end..).unwrap_or_default();
    format!("{before}{key}{value}{after}")
}

fn in_utc(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::Value;

    use super::*;
    use crate::providers::PROVIDERS;

    #[test]
    fn only_the_members_that_are_named_change() {
        let now = UNIX_EPOCH + Duration::from_millis(1_798_761_601_007);
        for sample in PROVIDERS.iter().flat_map(|provider| provider.samples) {
            assert!(!sample.fresh.is_empty());
            let mut body = String::from_utf8(fresh(sample, now)).unwrap();
            serde_json::from_str::<Value>(&body).unwrap();
            for (name, value) in sample.fresh {
                let key = format!("\"{name}\":");
                assert_eq!(
                    sample.body.matches(&key).count(),
                    1,
                    "{}: {name}",
                    sample.name
                );
                let of = |text: &str| {
                    let rest = text.split_once(&key).unwrap().1;
                    rest.split([',', '}']).next().unwrap().to_owned()
                };
                let (old, new) = (of(sample.body), of(&body));
                match value {
                    Fresh::Id => assert_ne!(new, old),
                    Fresh::Millis => assert_eq!(new, "1798761601007"),
                    Fresh::Time => assert_eq!(new, "\"2027-01-01T00:00:01.007Z\""),
                }
                body = with(&body, name, &old);
            }
            assert_eq!(body, sample.body);
        }
    }
}
