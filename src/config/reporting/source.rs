//! Findings as people read them: the message, and the line it is about with the place underlined.
//!
//! A line may hold a secret: as a `value`, under a key that is misspelt, or where no secret belongs.
//! So a line is shown as it is only if its key is known and not one of a secret; of any other line the
//! values are masked, and comments always are, because an old secret is often left in one.

use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::Value;

use crate::config::finding::{Finding, Severity};
use crate::config::judging::secret::LONGEST_SHOWN_ID_BYTES;
use crate::config::reading::explain::LONGEST_KEY_BYTES;
use crate::config::reading::schema::schema;

/// In `[route.verify]` longer values are not shown: times and names are short, secrets are not.
const LONGEST_SHOWN_BYTES: usize = 12;

/// Of longer lines nothing is looked for: all of it is masked.
const LONGEST_SEARCHED_BYTES: usize = 1_000;

/// The text that findings are about.
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Every key that the file can have.
    keys: BTreeSet<String>,
}

impl<'a> Source<'a> {
    /// The text of the configuration file called `file`.
    #[must_use]
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let mut keys = BTreeSet::new();
        collect_keys(&schema(), &mut keys);
        Self { file, text, keys }
    }

    /// A finding with its line, over several lines. Colours are for terminals.
    #[must_use]
    pub fn render(&self, finding: &Finding, in_colour: bool) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let (line, span) = self.line(finding);
        let annotation = AnnotationKind::Primary.span(span);
        let snippet = Snippet::source(line)
            .path(self.file)
            .line_start(finding.line)
            .annotation(annotation);
        let title = level.primary_title(finding.summary()).element(snippet);
        let mut report = vec![title];
        if let Some(help) = &finding.help {
            report.push(Group::with_title(Level::HELP.secondary_title(help)));
        }
        let renderer = if in_colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&report)
    }

    /// The line that a finding is about, as it may be shown, and the place in it.
    fn line(&self, finding: &Finding) -> (String, Range<usize>) {
        let before = self.text.get(..finding.span.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let from = finding.span.start.saturating_sub(start).min(line.len());
        let to = finding.span.end.saturating_sub(start).min(line.len());
        let span = from..to.max(from);
        // What was written where something short belongs may be a secret in the wrong place.
        let is_long = span.len() > LONGEST_SHOWN_BYTES;
        let key = line.split('=').next().unwrap_or_default().trim();
        let is_unclear = finding.key.is_empty() && !self.is_public(key);
        let is_key = from < key.len();
        let is_table = matches!(
            &*finding.key,
            "server" | "admin" | "log" | "route" | "route.verify"
        );
        let is_secret = is_unclear
            || line.contains('@')
            || finding.key.starts_with("route.verify.secrets")
            || (finding.key.starts_with("route.verify.") && is_long)
            || (is_table && is_long)
            || (is_key && span.len() > LONGEST_KEY_BYTES);
        let shown = if is_secret { from..from } else { span.clone() };
        (self.masked(line, &shown, is_secret), span)
    }

    /// A line without what may be a secret. Every byte keeps its place.
    fn masked(&self, line: &str, shown: &Range<usize>, is_secret: bool) -> String {
        let key = line.split(['=', ':']).next().unwrap_or_default();
        let is_public = self.is_public(key.trim()) && !is_secret && !mentions_secret(line);
        let is_open = self.is_table(line.trim()) || is_public;
        // Anything else before a `=` may be the end of a text over several lines.
        let values = if self.keys.contains(key.trim()) {
            key.len()
        } else {
            0
        };
        let comment = line.find('#').unwrap_or(line.len());
        let is_searched = line.len() <= LONGEST_SEARCHED_BYTES;
        let mut masked = String::with_capacity(line.len());
        let mut quote = None;
        for (at, character) in line.char_indices() {
            let is_inside = quote.is_some_and(|quote| quote != character);
            if matches!(character, '"' | '\'') && !is_inside {
                quote = if quote.is_some() {
                    None
                } else {
                    Some(character)
                };
            }
            let is_kept = at < comment
                && (is_open
                    || at <= values
                    || shown.contains(&at)
                    || (!is_inside && "[]{}=,\"' \t".contains(character))
                    || is_searched && !is_inside && self.is_key(line, at)
                    || is_searched && is_of_named(line, at, character));
            masked.push(if is_kept {
                character
            } else {
                mask_of(character)
            });
        }
        masked
    }

    fn is_public(&self, key: &str) -> bool {
        self.keys.contains(key) && !matches!(key, "value" | "secrets" | "verify")
    }

    /// Whether a line is the header of a table that there is.
    fn is_table(&self, line: &str) -> bool {
        let name = line.trim_start_matches('[').trim_end_matches(']');
        let is_header = line.starts_with('[') && line.ends_with(']');
        is_header && name.split('.').all(|part| self.keys.contains(part))
    }

    /// Whether the word at this place is a key of an inline table.
    fn is_key(&self, line: &str, at: usize) -> bool {
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let (before, after) = line.split_at_checked(at).unwrap_or_default();
        let start = before.trim_end_matches(is_word).len();
        let end = after.find(|character| !is_word(character));
        let end = at.saturating_add(end.unwrap_or(after.len()));
        let word = line.get(start..end).unwrap_or_default();
        let next = line.get(end..).unwrap_or_default().trim_start();
        let opens = line.get(..start).unwrap_or_default().trim_end();
        next.starts_with('=') && opens.ends_with(['{', ',']) && self.keys.contains(word)
    }
}

/// Whether this place is in the value of a key that names a secret, or where it is, or its end.
fn is_of_named(line: &str, at: usize, character: char) -> bool {
    let before = line.get(..at).unwrap_or_default();
    let Some((keys, value)) = before.rsplit_once('=') else {
        return false;
    };
    let is_shown = match keys.trim_end().rsplit(['{', ',', ' ']).next() {
        Some("id") => is_short_text(line, before.len().saturating_sub(value.len())),
        Some("file") => [" \"/", " \"./", " \"../"].iter().any(|start| {
            let whole = line.get(before.len().saturating_sub(value.len())..);
            whole.is_some_and(|whole| whole.starts_with(start))
        }),
        Some("not_after") => "0123456789-:.+TZ".contains(character),
        _ => false,
    };
    is_shown && !value.contains([',', '}']) && keys.contains('{')
}

/// Whether the text in quotes that begins here is short: a long id may be the secret itself.
fn is_short_text(line: &str, at: usize) -> bool {
    let text = line.get(at..).and_then(|rest| rest.split('"').nth(1));
    text.is_some_and(|text| text.len() <= LONGEST_SHOWN_ID_BYTES)
}

fn mentions_secret(line: &str) -> bool {
    ["secret", "value", "pat-"]
        .iter()
        .any(|word| line.contains(word))
}

/// A character in the place of another, as long as it in bytes.
fn mask_of(character: char) -> char {
    match character.len_utf8() {
        1 => '*',
        2 => '·',
        3 => '•',
        _ => '𝅘',
    }
}

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    let Value::Object(object) = schema else {
        return;
    };
    if let Some(Value::Object(properties)) = object.get("properties") {
        keys.extend(properties.keys().cloned());
    }
    for inner in object.values() {
        collect_keys(inner, keys);
    }
}
