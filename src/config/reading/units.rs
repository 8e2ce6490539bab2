//! Durations and sizes as people write them: `"5m"`, `"10MiB"`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A duration such as `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HumanDuration(pub(crate) Duration);

/// A size in bytes such as `"64KiB"`, `"10MiB"`, `"1GiB"`, `"512B"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HumanSize(pub(crate) u64);

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A whole number directly followed by one of `units`, as a multiple of the smallest.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reads a text by `read`; `expected` is what it should be.
struct TextVisitor<T> {
    expected: &'static str,
    read: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expected: "a duration in quotes, such as \"30s\" (units: ms, s, m, h, d)",
            read: |text| {
                let millis = parse(text, &DURATION_UNITS)?;
                Some(Self(Duration::from_millis(millis)))
            },
        })
    }
}

impl<'de> Deserialize<'de> for HumanSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expected: "a size in quotes, such as \"10MiB\" (units: B, KiB, MiB, GiB, KB, MB, GB)",
            read: |text| parse(text, &SIZE_UNITS).map(Self),
        })
    }
}

/// A text of a number and one of these units.
fn schema_of(units: &[(&str, u64)], example: &str) -> Schema {
    let units: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
    json_schema!({
        "type": "string",
        "pattern": format!("^[0-9]+({})$", units.join("|")),
        "examples": [example],
    })
}

impl JsonSchema for HumanDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        schema_of(&DURATION_UNITS, "30s")
    }
}

impl JsonSchema for HumanSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        schema_of(&SIZE_UNITS, "10MiB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_a_known_unit_and_nothing_else() {
        assert_eq!(parse("5m", &DURATION_UNITS), Some(300_000));
        assert_eq!(parse("500ms", &DURATION_UNITS), Some(500));
        assert_eq!(parse("0s", &DURATION_UNITS), Some(0));
        assert_eq!(parse("10MiB", &SIZE_UNITS), Some(10_485_760));
        for wrong in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "1.5h",
            "5M",
            "5m ",
            "99999999999999999999s",
            "é",
        ] {
            assert_eq!(parse(wrong, &DURATION_UNITS), None, "{wrong}");
        }
    }
}
