//! `not_after`: a time after which a secret no longer matches.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::verify::{Secret, Timestamp};

/// A time such as `"2026-12-01T00:00:00Z"` (RFC 3339), in quotes or as TOML's own date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAfter(pub(crate) Timestamp);

fn parse(text: &str) -> Option<NotAfter> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = time.unix_timestamp_nanos().checked_div(1_000_000)?;
    let millis = u64::try_from(millis).ok()?;
    Some(NotAfter(Timestamp::from_millis(millis)))
}

/// How long a secret still matches, in words; `None` where it matches for ever.
#[must_use]
pub fn time_left(secret: &Secret, now: Timestamp) -> Option<String> {
    let not_after = secret.not_after?;
    let until = format(not_after);
    let seconds = not_after.millis_since(now) / 1_000;
    Some(match seconds {
        ..0 => format!("no longer matches since {until}"),
        0..7_200 => format!("matches for {} minutes more, until {until}", seconds / 60),
        7_200..172_800 => format!("matches for {} hours more, until {until}", seconds / 3_600),
        _ => format!("matches for {} days more, until {until}", seconds / 86_400),
    })
}

/// A time as RFC 3339 writes it, in UTC.
pub(crate) fn format(time: Timestamp) -> String {
    let nanos = i128::from(time.as_millis()).saturating_mul(1_000_000);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    time.and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

impl<'de> Deserialize<'de> for NotAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;

        impl<'de> Visitor<'de> for TimeVisitor {
            type Value = NotAfter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time with its offset, such as \"2026-12-01T00:00:00Z\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<NotAfter, E> {
                parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NotAfter, A::Error> {
                let own = de::value::MapAccessDeserializer::new(map);
                let text = toml::value::Datetime::deserialize(own)?.to_string();
                self.visit_str(&text)
            }
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

impl JsonSchema for NotAfter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "time".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": "([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_offset() {
        let millis = |text| parse(text).map(|NotAfter(time)| time.as_millis());
        assert_eq!(millis("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(millis("2026-12-01T01:00:00+01:00"), Some(1_796_083_200_000));
        assert_eq!(millis("2026-12-01T00:00:00.250Z"), Some(1_796_083_200_250));
        for wrong in [
            "2026-12-01",
            "2026-12-01T00:00:00",
            "1969-12-31T00:00:00Z",
            "soon",
            "",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
        let time = Timestamp::from_millis(1_796_083_200_000);
        assert_eq!(format(time), "2026-12-01T00:00:00Z");
    }
}
