//! The texts that the signer may really use where a secret is configured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::decoded::{from_base64, from_hex, from_percent};
use super::finding::Finding;

/// How a text differs from a secret as it is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    pub(super) finding: Finding,
    /// What the signer's secret has that the configured one has not, in a few words.
    pub(super) what: &'static str,
}

/// What the signer's secret may have around it: before, after, and in words.
const BLANKS: [(&str, &str, &str); 11] = [
    ("", "\n", "a line feed at its end"),
    ("", "\r\n", "a carriage return and a line feed at its end"),
    ("", " ", "a blank at its end"),
    (" ", "", "a blank at its start"),
    ("\u{feff}", "", "a byte-order mark at its start"),
    ("", "\r", "a carriage return at its end"),
    ("\n", "", "a line feed at its start"),
    ("", "\t", "a tab at its end"),
    ("", "\u{a0}", "a non-breaking blank at its end"),
    ("\u{a0}", "", "a non-breaking blank at its start"),
    (" ", " ", "blanks around it"),
];

const QUOTES: [(&str, &str, &str); 6] = [
    ("\"", "\"", "double quotes around it"),
    ("'", "'", "single quotes around it"),
    ("\\\"", "\\\"", "escaped quotes around it"),
    ("<", ">", "angle brackets around it"),
    ("`", "`", "backticks around it"),
    ("“", "”", "typographic quotes around it"),
];

/// What is copied along with a secret from code and from documents.
const MARKS: [char; 12] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '<', '>', ',', ';'];

/// Secrets of other systems have these before the part that counts.
const PREFIXES: [&str; 3] = ["whsec_", "Bearer ", "sha256="];

/// What may have been used in the place of this secret. No two are the same, and none is the secret itself.
pub(super) fn variants(text: &str) -> Vec<(Variant, Zeroizing<Vec<u8>>)> {
    let mut variants = Variants {
        text,
        found: Vec::new(),
    };
    variants.blanks();
    variants.quotes();
    variants.decoded();
    variants.found
}

struct Variants<'t> {
    text: &'t str,
    found: Vec<(Variant, Zeroizing<Vec<u8>>)>,
}

impl Variants<'_> {
    fn add(&mut self, finding: Finding, what: &'static str, text: Zeroizing<Vec<u8>>) {
        let is_known = self.found.iter().any(|(_, known)| *known == text);
        if !text.is_empty() && !is_known && *text != self.text.as_bytes() {
            self.found.push((Variant { finding, what }, text));
        }
    }

    fn blanks(&mut self) {
        let add = |all: &mut Self, what, text: &str| {
            all.add(Finding::SecretBlanks, what, joined(&[text]));
        };
        let text = self.text;
        let bare = text.trim_matches(is_blank);
        add(self, "no blanks or line ends around it", bare);
        add(
            self,
            "no blanks or line ends after it",
            text.trim_end_matches(is_blank),
        );
        add(
            self,
            "no blanks or line ends before it",
            text.trim_start_matches(is_blank),
        );
        let pieces: Vec<&str> = bare.split(is_blank).collect();
        let what = "no blanks or line ends in it";
        self.add(Finding::SecretBlanks, what, joined(&pieces));
        for (before, after, what) in BLANKS {
            self.add(Finding::SecretBlanks, what, joined(&[before, text, after]));
        }
    }

    fn quotes(&mut self) {
        let text = self.text;
        let what = "no quotes around it";
        let bare = text.trim_matches(is_blank);
        self.add(Finding::SecretQuotes, what, joined(&[unquoted(bare)]));
        let mut inner = bare.chars();
        if inner.next().is_some_and(is_mark) && inner.next_back().is_some_and(is_mark) {
            self.add(Finding::SecretQuotes, what, joined(&[inner.as_str()]));
        }
        for (before, after, what) in QUOTES {
            self.add(Finding::SecretQuotes, what, joined(&[before, text, after]));
        }
    }

    fn decoded(&mut self) {
        let text = self.text;
        let bare = text.trim_matches(is_blank);
        self.bytes_of(bare);
        for prefix in PREFIXES {
            if let Some(rest) = bare.strip_prefix(prefix) {
                self.add(Finding::SecretDecoded, "no prefix", joined(&[rest]));
                self.bytes_of(rest);
            }
        }
        if let Some(value) = assigned(bare) {
            let what = "the value alone, without the name and the sign before it";
            self.add(Finding::SecretDecoded, what, joined(&[value]));
        }
        for value in values_of_object(bare) {
            let what = "the value alone, without the JSON object around it";
            self.add(Finding::SecretDecoded, what, value);
        }
        let mut add = |what, text| self.add(Finding::SecretDecoded, what, text);
        add("its escapes decoded", from_percent(bare.as_bytes()));
        add("line ends where it has `\\n`", with_line_ends(bare));
        let upper = text.chars().flat_map(char::to_uppercase);
        add("capital letters alone", collected(upper, text));
        let lower = text.chars().flat_map(char::to_lowercase);
        add("small letters alone", collected(lower, text));
        let hex = Zeroizing::new(hex::encode(text).into_bytes());
        add("the hex digits of its bytes", hex);
        let base64 = Zeroizing::new(STANDARD.encode(text).into_bytes());
        add("the base64 of its bytes", base64);
    }

    /// What a text in hex or base64 stands for.
    fn bytes_of(&mut self, text: &str) {
        if let Some(bytes) = from_hex(text.as_bytes()) {
            let what = "the bytes that its hex digits stand for";
            self.add(Finding::SecretDecoded, what, bytes);
        }
        if let Some(bytes) = from_base64(text.as_bytes()) {
            let what = "the bytes that its base64 stands for";
            self.add(Finding::SecretDecoded, what, bytes);
        }
    }
}

/// In one allocation, so that no copy is left behind.
fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(parts.concat().into_bytes())
}

/// The characters of a text in other letters. No character becomes more than three times as long (Unicode,
/// SpecialCasing.txt).
fn collected(characters: impl Iterator<Item = char>, text: &str) -> Zeroizing<Vec<u8>> {
    let longest = text.len().saturating_mul(3);
    let mut out = Zeroizing::new(Vec::with_capacity(longest));
    let mut buffer = Zeroizing::new([0_u8; 4]);
    for character in characters {
        out.extend_from_slice(character.encode_utf8(&mut *buffer).as_bytes());
    }
    out
}

/// With line ends in the place of their escapes.
fn with_line_ends(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = match rest {
            [b'\\', b'n', after @ ..] => (b'\n', after),
            [b'\\', b'r', after @ ..] => (b'\r', after),
            _ => (*first, tail),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// A blank, or a character that nobody sees.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}' | '\u{2060}' | '\0')
}

fn is_mark(character: char) -> bool {
    MARKS.contains(&character)
}

fn unquoted(text: &str) -> &str {
    let is_around = |character| is_mark(character) || is_blank(character) || character == '\\';
    text.trim_matches(is_around)
}

/// The value of a line such as `export NAME="value"` or `name: value`.
fn assigned(line: &str) -> Option<&str> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').or_else(|| line.split_once(": "))?;
    let name = name.trim_matches(|character| is_blank(character) || is_mark(character));
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let value = unquoted(value);
    // What is left of base64's padding is no value.
    (is_name && !value.trim_matches('=').is_empty()).then_some(value)
}

/// The texts in a JSON object, as a store of secrets hands them out.
fn values_of_object(text: &str) -> Vec<Zeroizing<Vec<u8>>> {
    if !text.starts_with('{') {
        return Vec::new();
    }
    let object =
        serde_json::from_str::<std::collections::BTreeMap<String, serde_json::Value>>(text);
    let values = object.unwrap_or_default().into_values();
    let texts = values.filter_map(|value| match value {
        serde_json::Value::String(text) => Some(Zeroizing::new(text.into_bytes())),
        _ => None,
    });
    texts.take(5).collect()
}
