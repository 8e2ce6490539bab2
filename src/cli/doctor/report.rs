//! What was checked and what came of it, for people and for other programs.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::os::terminal;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// It may be in the way, or could not be found out.
    Warning,
    Failed,
}

/// One check.
#[derive(Clone, Debug)]
pub(super) struct Line {
    check: &'static str,
    about: String,
    outcome: Outcome,
    text: String,
    /// What to do; empty where there is nothing to do.
    fix: String,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    const fn style(self) -> Style {
        let color = match self {
            Self::Ok => AnsiColor::Green,
            Self::Warning => AnsiColor::Yellow,
            Self::Failed => AnsiColor::Red,
        };
        color.on_default().bold()
    }
}

impl Line {
    pub(super) fn new(
        outcome: Outcome,
        check: &'static str,
        about: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            check,
            about: about.into(),
            outcome,
            text: text.into(),
            fix: fix.into(),
        }
    }

    pub(super) fn ok(
        check: &'static str,
        about: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::Ok, check, about, text, "")
    }

    pub(super) fn warning(
        check: &'static str,
        about: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::Warning, check, about, text, fix)
    }

    pub(super) fn failed(
        check: &'static str,
        about: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::Failed, check, about, text, fix)
    }

    fn to_json(&self) -> Value {
        json!({
            "check": self.check,
            "about": self.about,
            "result": self.outcome.as_str(),
            "text": self.text,
            "fix": self.fix,
        })
    }
}

/// How many checks failed.
pub(super) fn failed(lines: &[Line]) -> usize {
    let failed = lines.iter().filter(|line| line.outcome == Outcome::Failed);
    failed.count()
}

/// Prints one JSON object.
pub(super) fn print_json(lines: &[Line]) -> io::Result<()> {
    let checks: Vec<Value> = lines.iter().map(Line::to_json).collect();
    let all = json!({ "checks": checks, "failed": failed(lines) });
    writeln!(io::stdout().lock(), "{all}")
}

/// Prints a line for each check, in columns.
pub(super) fn print_text(lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let in_colour = terminal::in_colour(&out);
    let width = |of: fn(&Line) -> &str| {
        let widths = lines.iter().map(|line| plain(of(line)).chars().count());
        widths.max().unwrap_or_default()
    };
    let (checks, abouts) = (width(|line| line.check), width(|line| &line.about));
    for line in lines {
        let word = line.outcome.as_str();
        let style = if in_colour {
            line.outcome.style()
        } else {
            Style::new()
        };
        let (about, text) = (plain(&line.about), plain(&line.text));
        write!(
            out,
            "{style}{word:<7}{style:#}  {:<checks$}  {about:<abouts$}  {text}",
            line.check
        )?;
        if !line.fix.is_empty() {
            write!(out, "; {}", plain(&line.fix))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A text in which nothing ends the line or speaks to the terminal: some of it comes from other servers.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_stays_in_its_line() {
        assert_eq!(plain("a\n\u{1b}[2Jž"), "a\\n\\u{1b}[2Jž");
    }
}
