//! An event as a line: `timestamp`, `level`, `event`, `message`, then its fields, as JSON or as text.
//!
//! A line has at most [`MAX_LINE_BYTES`]: values are cut, and fields that have no room are left out.
//!
//! A request may cost a line. So fields are written where they will stand, and not collected first.

use std::fmt::{self, Write as _};

use serde::Serialize;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::clock;

/// A line has no more bytes than this.
const MAX_LINE_BYTES: usize = 8 << 10;
/// A value has no more characters than this. Escaped, each takes six bytes at most in JSON.
const MAX_VALUE_CHARS: usize = 1 << 10;
/// The field that says how many others had no room.
const OMITTED: &str = "fields_omitted";
/// Room for it, and for what closes a line.
const RESERVED_BYTES: usize = 40;
/// Most lines have room in this.
const USUAL_LINE_BYTES: usize = 1 << 10;

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
        let timestamp = clock::written(OffsetDateTime::now_utc());
        let mut head = Head::default();
        event.record(&mut head);
        let level = *event.metadata().level();
        let mut draft = match self {
            Self::Json => Draft::json(&timestamp, level, &head),
            Self::Text => Draft::text(&timestamp, level, &head, writer.has_ansi_escapes()),
        };
        event.record(&mut draft);
        writer.write_str(&draft.end()?)
    }
}

/// The fields of an event that stand first, wherever it has them.
#[derive(Default)]
struct Head {
    event: Option<String>,
    message: Option<String>,
}

impl Visit for Head {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_of_head(field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            EVENT => self.event = Some(cut(value).to_owned()),
            MESSAGE => self.message = Some(cut(value).to_owned()),
            _ => {}
        }
    }
}

const EVENT: &str = "event";
const MESSAGE: &str = "message";

fn is_of_head(name: &str) -> bool {
    matches!(name, EVENT | MESSAGE)
}

/// What is kept of a text.
fn cut(text: &str) -> &str {
    if text.len() <= MAX_VALUE_CHARS {
        return text;
    }
    let end = text.char_indices().nth(MAX_VALUE_CHARS);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// A line that is being written.
struct Draft {
    form: Line,
    line: Vec<u8>,
    /// How many fields had no room.
    omitted: u32,
}

impl Draft {
    fn new(form: Line) -> Self {
        Self {
            form,
            line: Vec::with_capacity(USUAL_LINE_BYTES),
            omitted: 0,
        }
    }

    fn json(timestamp: &str, level: Level, head: &Head) -> Self {
        let level = match level {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let mut draft = Self::new(Line::Json);
        draft.push("{\"timestamp\":");
        draft.push_json(timestamp);
        draft.push(",\"level\":");
        draft.push_json(level);
        draft.push(",\"event\":");
        draft.push_json(head.event());
        draft.push(",\"message\":");
        draft.push_json(head.message());
        draft
    }

    fn text(timestamp: &str, level: Level, head: &Head, in_colour: bool) -> Self {
        let colour = match level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            _ => 36,
        };
        let mut text = String::new();
        // Writing into memory cannot fail.
        let _ = if in_colour {
            write!(text, "{timestamp} \x1b[{colour}m{level:>5}\x1b[0m ")
        } else {
            write!(text, "{timestamp} {level:>5} ")
        };
        let mut draft = Self::new(Line::Text);
        draft.push(&text);
        draft.push_plain(head.event());
        let message = head.message();
        if !message.is_empty() {
            draft.push(": ");
            let mut shown = String::with_capacity(message.len());
            for character in message.chars() {
                if character.is_control() {
                    shown.extend(character.escape_default());
                } else {
                    shown.push(character);
                }
            }
            draft.push(&shown);
        }
        draft
    }

    fn push(&mut self, text: &str) {
        self.line.extend_from_slice(text.as_bytes());
    }

    fn push_json(&mut self, value: impl Serialize) {
        // Writing into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.line, &value);
    }

    /// A text without quotes, unless it has a character that needs them.
    fn push_plain(&mut self, text: &str) {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        if !text.is_empty() && text.bytes().all(is_plain) {
            self.push(text);
        } else {
            self.push_json(text);
        }
    }

    /// Appends a field if it has room. A name is an identifier, which needs no escaping.
    fn field(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        let name = match name {
            name if is_of_head(name) => return,
            "log.target" => "target",
            // Records of the `log` crate carry the place in the library's source, which is of no use here.
            name if name.starts_with("log.") => return,
            name => name,
        };
        let before = self.line.len();
        self.name(name);
        value(self);
        if self.line.len() > MAX_LINE_BYTES.saturating_sub(RESERVED_BYTES) {
            self.line.truncate(before);
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    fn name(&mut self, name: &str) {
        match self.form {
            Line::Json => {
                self.push(",\"");
                self.push(name);
                self.push("\":");
            }
            Line::Text => {
                self.push(" ");
                self.push(name);
                self.push("=");
            }
        }
    }

    fn text_field(&mut self, name: &str, text: &str) {
        self.field(name, |draft| match draft.form {
            Line::Json => draft.push_json(cut(text)),
            Line::Text => draft.push_plain(cut(text)),
        });
    }

    /// The line, with its end.
    fn end(mut self) -> Result<String, fmt::Error> {
        if self.omitted > 0 {
            self.name(OMITTED);
            self.push_json(self.omitted);
        }
        if self.form == Line::Json {
            self.push("}");
        }
        self.push("\n");
        String::from_utf8(self.line).map_err(|_| fmt::Error)
    }
}

impl Head {
    fn event(&self) -> &str {
        self.event.as_deref().unwrap_or("log")
    }

    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

impl Visit for Draft {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !is_of_head(field.name()) {
            self.text_field(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text_field(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field.name(), |draft| draft.push_json(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field.name(), |draft| draft.push_json(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field.name(), |draft| draft.push_json(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field.name(), |draft| draft.push_json(value));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn head(message: &str) -> Head {
        Head {
            event: Some("refused".to_owned()),
            message: Some(message.to_owned()),
        }
    }

    fn with_paths(mut draft: Draft, paths: &[&str]) -> String {
        for path in paths {
            draft.text_field("path", path);
        }
        draft.end().unwrap()
    }

    const MESSAGE: &str = "no \"route\"\nhas this path";

    #[test]
    fn what_every_line_has_comes_first_and_in_order() {
        let draft = Draft::json("now", Level::WARN, &head(MESSAGE));
        let line = with_paths(draft, &["/a b"]);
        let expected = "{\"timestamp\":\"now\",\"level\":\"warn\",\"event\":\"refused\",\
                        \"message\":\"no \\\"route\\\"\\nhas this path\",\"path\":\"/a b\"}\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn text_stays_on_its_line() {
        let draft = Draft::text("now", Level::WARN, &head(MESSAGE), false);
        let line = with_paths(draft, &["/a b", "/a"]);
        let expected = "now  WARN refused: no \"route\"\\nhas this path path=\"/a b\" path=/a\n";
        assert_eq!(line, expected);
        let draft = Draft::text("now", Level::WARN, &head(MESSAGE), true);
        let line = with_paths(draft, &[]);
        assert!(
            line.starts_with("now \x1b[33m WARN\x1b[0m refused: "),
            "{line}"
        );
    }

    #[test]
    fn a_line_has_an_end() {
        let long = "\u{1}".repeat(MAX_VALUE_CHARS);
        let draft = Draft::json("now", Level::WARN, &head(&long));
        let line = with_paths(draft, &[&long, "/short", &long]);
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        let read: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(read["path"], "/short");
        assert_eq!(read[OMITTED], 2);
        let draft = Draft::text("now", Level::WARN, &head(&long), true);
        let line = with_paths(draft, &[&long, "/short", &long]);
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
    }

    #[test]
    fn a_value_is_cut_between_characters() {
        let long = "\u{e9}".repeat(MAX_VALUE_CHARS + 1);
        assert_eq!(cut(&long), &*"\u{e9}".repeat(MAX_VALUE_CHARS));
    }
}
