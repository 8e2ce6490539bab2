//! An event as a line: `timestamp`, `level`, `event`, `message`, then its fields, as JSON or as text.
//!
//! A line has at most [`MAX_LINE_BYTES`]: values are cut, and fields that have no room are left out.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A line has no more bytes than this.
const MAX_LINE_BYTES: usize = 8 << 10;
/// A value has no more characters than this. Escaped, each takes six bytes at most in JSON.
const MAX_VALUE_CHARS: usize = 1 << 10;
/// The field that says how many others had no room.
const OMITTED: &str = "fields_omitted";
/// Room for it, and for what closes a line.
const RESERVED_BYTES: usize = 40;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// One flat JSON object.
    Json,
    /// For people.
    Text,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut seen = Seen::default();
        event.record(&mut seen);
        let level = *event.metadata().level();
        let line = match self {
            Self::Json => json(&timestamp, level, &seen),
            Self::Text => text(&timestamp, level, &seen, writer.has_ansi_escapes()),
        };
        writeln!(writer, "{line}")
    }
}

/// What an event says.
#[derive(Default)]
struct Seen {
    event: Option<Value>,
    message: Option<Value>,
    fields: Vec<(&'static str, Value)>,
}

impl Seen {
    fn put(&mut self, field: &Field, value: Value) {
        match field.name() {
            "event" => self.event = Some(value),
            "message" => self.message = Some(value),
            "log.target" => self.fields.push(("target", value)),
            // Records of the `log` crate carry the place in the library's source, which is of no use here.
            name if name.starts_with("log.") => {}
            name => self.fields.push((name, value)),
        }
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        let cut = text.char_indices().nth(MAX_VALUE_CHARS);
        let text = cut.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        self.put(field, text.into());
    }

    /// `event`, `message`, and the fields in their order.
    fn in_order(&self) -> (Value, Value, &[(&'static str, Value)]) {
        let or = |value: &Option<Value>, other: &str| value.clone().unwrap_or_else(|| other.into());
        (or(&self.event, "log"), or(&self.message, ""), &self.fields)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

fn json(timestamp: &str, level: Level, seen: &Seen) -> String {
    let (event, message, fields) = seen.in_order();
    let level = level.as_str().to_ascii_lowercase();
    let mut line = format!(
        "{{\"timestamp\":{},\"level\":{},\"event\":{event},\"message\":{message}",
        Value::from(timestamp),
        Value::from(level),
    );
    append(&mut line, fields, |name, value| {
        format!(",{}:{value}", Value::from(name))
    });
    line.push('}');
    line
}

fn text(timestamp: &str, level: Level, seen: &Seen, in_colour: bool) -> String {
    let (event, message, fields) = seen.in_order();
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 36,
    };
    let mut line = if in_colour {
        format!("{timestamp} \x1b[{colour}m{level:>5}\x1b[0m ")
    } else {
        format!("{timestamp} {level:>5} ")
    };
    line.push_str(&plain(&event));
    if let Some(message) = message.as_str().filter(|message| !message.is_empty()) {
        line.push_str(": ");
        for character in message.chars() {
            if character.is_control() {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
    }
    append(&mut line, fields, |name, value| {
        format!(" {name}={}", plain(value))
    });
    line
}

/// A value without quotes, unless it has a character that needs them.
fn plain(value: &Value) -> String {
    let is_plain =
        |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '"');
    match value.as_str().filter(is_plain) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// Appends the fields that have room.
fn append(
    line: &mut String,
    fields: &[(&'static str, Value)],
    written: impl Fn(&str, &Value) -> String,
) {
    let mut omitted = 0_u32;
    for (name, value) in fields {
        let field = written(name, value);
        let length = line.len().saturating_add(field.len());
        if length > MAX_LINE_BYTES.saturating_sub(RESERVED_BYTES) {
            omitted = omitted.saturating_add(1);
        } else {
            line.push_str(&field);
        }
    }
    if omitted > 0 {
        // Writing into memory cannot fail.
        let _ = write!(line, "{}", written(OMITTED, &omitted.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: &[&str]) -> Seen {
        Seen {
            event: Some("refused".into()),
            message: Some("no \"route\"\nhas this path".into()),
            fields: values
                .iter()
                .map(|value| ("path", (*value).into()))
                .collect(),
        }
    }

    #[test]
    fn what_every_line_has_comes_first_and_in_order() {
        let line = json("now", Level::WARN, &seen(&["/a b"]));
        let expected = "{\"timestamp\":\"now\",\"level\":\"warn\",\"event\":\"refused\",\
                        \"message\":\"no \\\"route\\\"\\nhas this path\",\"path\":\"/a b\"}";
        assert_eq!(line, expected);
    }

    #[test]
    fn text_stays_on_its_line() {
        let line = text("now", Level::WARN, &seen(&["/a b", "/a"]), false);
        let expected = "now  WARN refused: no \"route\"\\nhas this path path=\"/a b\" path=/a";
        assert_eq!(line, expected);
        let line = text("now", Level::WARN, &seen(&[]), true);
        assert!(
            line.starts_with("now \x1b[33m WARN\x1b[0m refused: "),
            "{line}"
        );
    }

    #[test]
    fn a_line_has_an_end() {
        let long = "\u{1}".repeat(MAX_VALUE_CHARS);
        let seen = Seen {
            message: Some(long.as_str().into()),
            ..seen(&[&long, "/short", &long])
        };
        let line = json("now", Level::WARN, &seen);
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        let read: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(read["path"], "/short");
        assert_eq!(read[OMITTED], 2);
        let line = text("now", Level::WARN, &seen, true);
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
    }
}
