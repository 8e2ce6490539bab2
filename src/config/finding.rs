//! What is wrong, or worth knowing, about a configuration file, and where.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::shown::{self, HIDDEN};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration can be used, and the operator should know.
    Warning,
}

impl Severity {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// The file as it was named on the command line.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The dotted key, such as `route.verify.max_age`; empty for a syntax error.
    pub key: String,
    /// What is wrong and what to do. Never a secret's value.
    pub message: String,
    /// What else may help, such as the valid keys.
    pub help: Option<String>,
    /// The place, in bytes of the file's text.
    pub(crate) span: Range<usize>,
}

impl Finding {
    /// Key and message in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.key.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.key, self.message)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        write!(
            f,
            "{}:{}:{}: {severity}: ",
            self.file, self.line, self.column
        )?;
        f.write_str(&self.summary())?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Gathers findings about one file.
///
/// Lines and columns are computed for all findings at the end, in one pass over the text: a file of
/// thousands of routes may cause a finding for each.
pub(crate) struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<Draft>,
    /// Keys that are there and could not be read, with their places.
    unreadable: Vec<(String, usize)>,
    /// Where each `[[…]]` begins that is not in the first line, in order.
    tables: Vec<usize>,
    /// Files that the configuration names.
    files: Vec<PathBuf>,
    /// The secrets that were read.
    secrets: Vec<SecretString>,
}

/// A finding before its line and column are known.
struct Draft {
    severity: Severity,
    key: String,
    message: String,
    help: Option<String>,
    span: Range<usize>,
}

/// What was gathered, beside the findings.
pub(crate) struct Gathered {
    /// In the order of the file.
    pub(crate) findings: Vec<Finding>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) secrets: Vec<SecretString>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let tables = text
            .match_indices("\n[[")
            .map(|(at, _)| at.saturating_add(1));
        Self {
            file,
            text,
            list: Vec::new(),
            unreadable: Vec::new(),
            tables: tables.collect(),
            files: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Notes a file that the configuration names, whether or not it can be read.
    pub(crate) fn names_file(&mut self, file: impl Into<PathBuf>) {
        self.files.push(file.into());
    }

    /// Notes a secret that was read: wherever else it stands, it is not shown.
    pub(crate) fn knows_secret(&mut self, secret: &SecretString) {
        self.secrets.push(secret.clone());
    }

    /// An error after which the key's value cannot be used.
    pub(crate) fn unreadable(
        &mut self,
        span: Range<usize>,
        key: &str,
        message: String,
        help: Option<String>,
    ) {
        self.unreadable.push((key.to_owned(), span.start));
        self.error_with_help(span, key, message, help);
    }

    /// Notes that `key` was meant at this place, where a misspelt one stands.
    pub(crate) fn misspelt(&mut self, key: &str, place: usize) {
        self.unreadable.push((key.to_owned(), place));
    }

    /// Whether a key was meant that could not be read, in a table that there is once.
    pub(crate) fn is_unreadable(&self, key: &str) -> bool {
        self.unreadable.iter().any(|(found, _)| found == key)
    }

    /// An error about a key that the table at `table` should have, unless it has an unreadable one.
    pub(crate) fn missing(&mut self, table: Range<usize>, key: &str, message: impl Into<String>) {
        let is_in = |found: &str| {
            let rest = key.strip_prefix(found);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_there = self.unreadable.iter().any(|(found, place)| {
            is_in(found) && (self.is_of_table(table.start, *place) || !found.contains('.'))
        });
        if !is_there {
            self.error(table, key, message);
        }
    }

    /// Whether no other `[[…]]` begins between the start of a table and a place behind it.
    fn is_of_table(&self, table: usize, place: usize) -> bool {
        let up_to_table = self.tables.partition_point(|start| *start <= table);
        let before_place = self.tables.partition_point(|start| *start < place);
        table <= place && up_to_table >= before_place
    }

    pub(crate) fn error(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.error_with_help(span, key, message, None);
    }

    pub(crate) fn error_with_help(
        &mut self,
        span: Range<usize>,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.list.push(Draft {
            severity: Severity::Error,
            key: key.to_owned(),
            message: message.into(),
            help,
            span,
        });
    }

    pub(crate) fn warning(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.list.push(Draft {
            severity: Severity::Warning,
            key: key.to_owned(),
            message: message.into(),
            help: None,
            span,
        });
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Everything gathered, the findings in the order of the file.
    pub(crate) fn finish(mut self) -> Gathered {
        self.list.sort_by_key(|draft| draft.span.start);
        let known: HashSet<&str> = self
            .secrets
            .iter()
            .map(ExposeSecret::expose_secret)
            .collect();
        let mut place = Position::start_of(self.text);
        let findings = self.list.into_iter().map(|draft| {
            place.advance(draft.span.start);
            Finding {
                severity: draft.severity,
                file: self.file.to_owned(),
                line: place.line,
                column: place.column,
                key: shown_key(&draft.key, &known),
                message: without_known(draft.message, &known),
                help: draft.help,
                span: draft.span,
            }
        });
        let findings = findings.collect();
        Gathered {
            findings,
            files: self.files,
            secrets: self.secrets,
        }
    }
}

/// A dotted key without what may be a secret in the place of a key.
fn shown_key(key: &str, known: &HashSet<&str>) -> String {
    let parts = key.split('.').map(|part| {
        if known.contains(part) {
            HIDDEN
        } else {
            shown::key(part)
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

/// A message in which no name in backticks is a known secret.
fn without_known(message: String, known: &HashSet<&str>) -> String {
    let is_known = |name: &str| name.split('/').any(|part| known.contains(part));
    let names = message.split('`').skip(1).step_by(2);
    if !names.clone().any(is_known) {
        return message;
    }
    let pieces = message.split('`').enumerate();
    let pieces = pieces.map(|(at, piece)| match at % 2 {
        1 if is_known(piece) => HIDDEN,
        _ => piece,
    });
    pieces.collect::<Vec<_>>().join("`")
}

/// A place in a text that only moves forward, with its line and column.
struct Position<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    /// In characters, from 1.
    column: usize,
}

impl<'a> Position<'a> {
    fn start_of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
        }
    }

    fn advance(&mut self, to: usize) {
        let to = to.clamp(self.at, self.text.len().max(self.at));
        let passed = self.text.get(self.at..to).unwrap_or_default();
        self.at = to;
        self.line = self.line.saturating_add(passed.matches('\n').count());
        let (is_new_line, rest) = match passed.rsplit_once('\n') {
            Some((_, rest)) => (true, rest),
            None => (false, passed),
        };
        let before = if is_new_line { 1 } else { self.column };
        self.column = before.saturating_add(rest.chars().count());
    }
}
