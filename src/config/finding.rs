//! What is wrong, or worth knowing, about a configuration file, and where.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, and the operator should know.
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
pub(crate) struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<Finding>,
    /// Keys that are there and could not be read, with their places.
    unreadable: Vec<(String, usize)>,
    /// Files that the configuration names.
    files: Vec<PathBuf>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            list: Vec::new(),
            unreadable: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Notes a file that the configuration names, whether or not it can be read.
    pub(crate) fn names_file(&mut self, file: impl Into<PathBuf>) {
        self.files.push(file.into());
    }

    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// An error about a key whose value is lost by it.
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

    /// Notes that `key` was meant at a place where another stands.
    pub(crate) fn misspelt(&mut self, key: &str, place: usize) {
        self.unreadable.push((key.to_owned(), place));
    }

    pub(crate) fn error_with_help(
        &mut self,
        span: Range<usize>,
        key: &str,
        message: String,
        help: Option<String>,
    ) {
        self.error(span, key, message);
        if let Some(last) = self.list.last_mut() {
            last.help = help;
        }
    }

    /// An error about a key that the table at `table` should have, unless it has an unreadable one.
    pub(crate) fn missing(&mut self, table: Range<usize>, key: &str, message: impl Into<String>) {
        let is_of_table = |place: usize| {
            let between = self.text.get(table.start..place);
            between.is_some_and(|between| !between.contains("\n[["))
        };
        let is_in = |found: &str| {
            let rest = key.strip_prefix(found);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_there = self
            .unreadable
            .iter()
            .any(|(found, place)| is_in(found) && (is_of_table(*place) || !found.contains('.')));
        if !is_there {
            self.error(table, key, message);
        }
    }

    pub(crate) fn error(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.push(Severity::Error, span, key, message.into());
    }

    pub(crate) fn warning(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.push(Severity::Warning, span, key, message.into());
    }

    fn push(&mut self, severity: Severity, span: Range<usize>, key: &str, message: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before
            .rfind('\n')
            .map_or(0, |newline| newline.saturating_add(1));
        let in_line = before.get(line_start..).unwrap_or_default();
        self.list.push(Finding {
            severity,
            file: self.file.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
            column: in_line.chars().count().saturating_add(1),
            key: key.to_owned(),
            message,
            help: None,
            span,
        });
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// The findings in the order of the file.
    pub(crate) fn into_sorted(mut self) -> Vec<Finding> {
        self.list
            .sort_by_key(|finding| (finding.line, finding.column));
        self.list
    }
}
