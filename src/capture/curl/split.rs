//! A command line, taken apart into words as `bash` does it.
//!
//! What a shell would put in for `$NAME` or a command is not known here, so these are errors.

use super::ansi;
use crate::capture::CaptureError;

/// The most words. A text with more is no command line, and would take many times its size.
const MAX_WORDS: usize = 10_000;

/// The words of the first command.
pub(super) fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, CaptureError> {
    let mut splitter = Splitter {
        all: text,
        rest: text,
        word: None,
        words: Vec::new(),
    };
    while splitter.step()? {}
    splitter.end_word()?;
    Ok(splitter.words)
}

struct Splitter<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    word: Option<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl<'a> Splitter<'a> {
    /// Takes the next bytes; false at the end of the command.
    fn step(&mut self) -> Result<bool, CaptureError> {
        match self.rest {
            [] => return Ok(false),
            [b'\\', b'\n', after @ ..] | [b'\\', b'\r', b'\n', after @ ..] => self.rest = after,
            [b'\\', after @ ..] => {
                self.rest = after;
                self.take_byte();
            }
            [b'\'', after @ ..] => self.quoted(after)?,
            [b'$', b'\'', after @ ..] => {
                let word = self.word.get_or_insert_default();
                match ansi::take(after, word) {
                    Some(after) => self.rest = after,
                    None => return Err(self.error("a text that `$'` begins does not end")),
                }
            }
            [b'$', b'"', after @ ..] | [b'"', after @ ..] => self.double_quoted(after)?,
            [b'$', next, ..] if begins_expansion(*next) => return Err(self.error(VARIABLE)),
            [b'`', ..] => return Err(self.error(BACKTICK)),
            [b' ' | b'\t', after @ ..] => {
                self.rest = after;
                self.end_word()?;
            }
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => {
                if !is_blank(after) {
                    let text = "the command ends with its line, because no `\\` ends that, but more follows";
                    return Err(self.error(text));
                }
                return Ok(false);
            }
            // What a pipe does with the answer does not matter.
            [b'|', next, ..] if *next != b'|' => return Ok(false),
            [b';' | b'&', after @ ..] if is_blank(after) => return Ok(false),
            [b'&', ..] => {
                let text = "a `&` outside quotes ends the command: put the URL into quotes, or leave out what follows";
                return Err(self.error(text));
            }
            [b';' | b'|', ..] => {
                return Err(self.error("more than one command: leave the one `curl` that is meant"));
            }
            [b'<' | b'>' | b'(' | b')', ..] => {
                let text = "`<`, `>`, `(` or `)` outside quotes: leave out what the shell is to do besides";
                return Err(self.error(text));
            }
            [b'^', b'\r' | b'\n' | b'"', ..] => {
                let text = "a command line for Windows' cmd: copy it as cURL for bash";
                return Err(self.error(text));
            }
            [b'#', ..] if self.word.is_none() => {
                let end = self.rest.iter().position(|byte| *byte == b'\n');
                self.rest = end.and_then(|end| self.rest.get(end..)).unwrap_or_default();
            }
            _ => self.take_byte(),
        }
        Ok(true)
    }

    fn take_byte(&mut self) {
        if let Some((byte, after)) = self.rest.split_first() {
            self.word.get_or_insert_default().push(*byte);
            self.rest = after;
        }
    }

    fn quoted(&mut self, after: &'a [u8]) -> Result<(), CaptureError> {
        let end = memchr::memchr(b'\'', after);
        let Some((text, [_, after @ ..])) = end.and_then(|end| after.split_at_checked(end)) else {
            return Err(self.error("a text that `'` begins does not end"));
        };
        self.word.get_or_insert_default().extend_from_slice(text);
        self.rest = after;
        Ok(())
    }

    fn double_quoted(&mut self, mut after: &'a [u8]) -> Result<(), CaptureError> {
        let mut text = Vec::new();
        loop {
            after = match after {
                [] => return Err(self.error("a text that `\"` begins does not end")),
                [b'"', after @ ..] => {
                    self.word.get_or_insert_default().extend(text);
                    self.rest = after;
                    return Ok(());
                }
                [b'\\', b'\n', after @ ..] | [b'\\', b'\r', b'\n', after @ ..] => after,
                [b'\\', byte @ (b'"' | b'\\' | b'$' | b'`'), after @ ..] => {
                    text.push(*byte);
                    after
                }
                [b'$', next, ..] if begins_expansion(*next) => return Err(self.error(VARIABLE)),
                [b'`', ..] => return Err(self.error(BACKTICK)),
                [byte, after @ ..] => {
                    text.push(*byte);
                    after
                }
            };
        }
    }

    fn end_word(&mut self) -> Result<(), CaptureError> {
        if self.words.len() >= MAX_WORDS {
            return Err(self.error("more than 10,000 words: this is no command line"));
        }
        self.words.extend(self.word.take());
        Ok(())
    }

    /// An error at the beginning of what was not read.
    fn error(&self, text: &str) -> CaptureError {
        let read = self.all.len().saturating_sub(self.rest.len());
        let before = self.all.get(..read).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
        CaptureError::malformed(format!(
            "the curl command cannot be read at line {line}: {text}"
        ))
    }
}

const VARIABLE: &str = "the shell would put something in for a `$`: write what it stands for, or put it into \
                        single quotes";
const BACKTICK: &str = "the shell would run what is between backticks: write what comes of it, or put it into \
                        single quotes";

/// Whether a `$` before this is no mere `$`.
fn begins_expansion(next: u8) -> bool {
    next.is_ascii_alphanumeric() || b"_{([@*#?$!-".contains(&next)
}

/// Whether nothing but blanks and comments follows.
fn is_blank(rest: &[u8]) -> bool {
    let mut lines = rest.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.all(|line| line.is_empty() || line.starts_with(b"#"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let words = words(text.as_bytes()).unwrap();
        words
            .into_iter()
            .map(|word| String::from_utf8(word).unwrap())
            .collect()
    }

    #[test]
    fn words_are_what_bash_makes_of_them() {
        for (text, expected) in [
            ("curl  a\tb", &["curl", "a", "b"][..]),
            ("a'b c'\"d e\"f\\ g", &["ab cd ef g"]),
            ("'' \"\"", &["", ""]),
            ("a \\\n  b \\\r\n c\n\n", &["a", "b", "c"]),
            ("a\\\nb", &["ab"]),
            (r#""a\"b\\c\$d\`e\f""#, &[r#"a"b\c$d`e\f"#]),
            ("\"a\\\nb\nc\"", &["ab\nc"]),
            (r"'a\b$c`d'", &[r"a\b$c`d"]),
            (r"$'a\nb\'c'd", &["a\nb'cd"]),
            ("$\"a b\" $ a$ \"$ \"", &["a b", "$", "a$", "$ "]),
            ("a#b #c\n", &["a#b"]),
            ("a | jq .", &["a"]),
            ("a ; # b\n", &["a"]),
            ("a &", &["a"]),
            ("http://a/?b={c}[d]*~^", &["http://a/?b={c}[d]*~^"]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_knows_is_an_error_that_says_where() {
        for (text, expected) in [
            (
                "a \\\n$B",
                "line 2: the shell would put something in for a `$`",
            ),
            ("a \"${B}\"", "line 1: the shell would put"),
            ("a $(b)", "line 1: the shell would put"),
            ("a `b`", "line 1: the shell would run"),
            ("a \"`b`\"", "line 1: the shell would run"),
            ("a http://a/?b=1&c=2", "a `&` outside quotes"),
            ("a\nb", "more follows"),
            ("a; b", "more than one command"),
            ("a || b", "more than one command"),
            ("a && b", "a `&` outside quotes"),
            ("a > b", "outside quotes"),
            ("a ^\nb", "copy it as cURL for bash"),
            ("a 'b", "`'` begins does not end"),
            ("a \"b", "`\"` begins does not end"),
            ("a $'b", "`$'` begins does not end"),
        ] {
            let error = words(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
