//! Findings as people read them: the message, and the line it is about with the place underlined.

use std::collections::HashSet;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::mask::masked;
use crate::config::finding::{Finding, Severity};

/// Longer lines are not shown: they would hide the message.
const LONGEST_LINE_BYTES: usize = 1_000;

/// The text of a configuration file, and the secrets that were read for it. Wiped when it is dropped.
pub struct Text {
    text: Zeroizing<String>,
    secrets: Vec<SecretString>,
}

impl Text {
    pub(crate) fn new(text: &str, secrets: Vec<SecretString>) -> Self {
        Self {
            text: Zeroizing::new(text.to_owned()),
            secrets,
        }
    }
}

/// A configuration file as it may be shown, by its lines.
pub struct Source<'a> {
    file: &'a str,
    masked: String,
    /// Where each line begins, in bytes.
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    /// The text of the configuration file called `file`.
    #[must_use]
    pub fn new(file: &'a str, text: &Text) -> Self {
        let secrets = text.secrets.iter().map(ExposeSecret::expose_secret);
        let secrets: HashSet<&str> = secrets.collect();
        let masked = masked(&text.text, secrets);
        let ends = masked
            .match_indices('\n')
            .map(|(at, _)| at.saturating_add(1));
        Self {
            file,
            line_starts: std::iter::once(0).chain(ends).collect(),
            masked,
        }
    }

    /// A finding with its line, over several lines. Colours are for terminals.
    #[must_use]
    pub fn render(&self, finding: &Finding, in_colour: bool) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(finding.summary());
        let (line, span) = self.line(finding);
        let place = if line.len() > LONGEST_LINE_BYTES {
            let origin = Origin::path(self.file).line(finding.line);
            title.element(origin.char_column(finding.column))
        } else {
            let snippet = Snippet::source(line)
                .path(self.file)
                .line_start(finding.line)
                .annotation(AnnotationKind::Primary.span(span));
            title.element(snippet)
        };
        let mut report = vec![place];
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

    /// The line that a finding is about, and the place in it.
    fn line(&self, finding: &Finding) -> (&str, Range<usize>) {
        let start = self.line_starts.get(finding.line.saturating_sub(1));
        let start = start.copied().unwrap_or_default();
        let end = self.line_starts.get(finding.line).copied();
        let line = self.masked.get(start..end.unwrap_or(self.masked.len()));
        let line = line.unwrap_or_default().trim_end_matches(['\n', '\r']);
        let from = finding.span.start.saturating_sub(start).min(line.len());
        let to = finding.span.end.saturating_sub(start).min(line.len());
        (line, from..to.max(from))
    }
}
