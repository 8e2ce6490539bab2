//! JSON as tokens that point into its text (RFC 8259), so that numbers, strings and the order of members stay as
//! they were written.

use super::text::{self, Seen};

/// How deep arrays and objects may lie in one another.
const MAX_DEPTH: usize = 512;
/// How many tokens a text may have: each takes 16 bytes, and a short text can have as many as it has bytes.
const MAX_TOKENS: usize = 1 << 20;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Object,
    ObjectEnd,
    Array,
    ArrayEnd,
    Key,
    Text,
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// A string that every serializer writes alike.
    pub(super) is_plain: bool,
    /// Where it is in the text; of a string, what is between its quotes.
    start: u32,
    end: u32,
    /// Of an object or array, the index of its end.
    close: u32,
}

/// A text that is JSON.
pub(super) struct Document<'a> {
    text: &'a str,
    pub(super) tokens: Vec<Token>,
    /// What its strings have that serializers write differently.
    pub(super) seen: Seen,
    /// Whether there are blanks or line ends between its tokens.
    pub(super) has_blanks: bool,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Expected {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

impl<'a> Document<'a> {
    /// Reads a text; `None` if it is no JSON, too deep, or of too many tokens.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = Reader {
            bytes: body,
            at: 0,
            tokens: Vec::new(),
            has_blanks: false,
        };
        reader.read()?;
        let mut document = Self {
            text,
            tokens: reader.tokens,
            seen: Seen::default(),
            has_blanks: reader.has_blanks,
        };
        let strings = document.tokens.iter().filter(|token| !token.is_plain);
        let strings = strings.filter(|token| matches!(token.kind, Kind::Key | Kind::Text));
        let mut seen = Seen::default();
        strings.for_each(|string| seen.add(document.literal(*string)));
        document.seen = seen;
        Some(document)
    }

    /// How a token is written; a string without its quotes.
    pub(super) fn literal(&self, token: Token) -> &'a str {
        self.text.get(range(token)).unwrap_or_default()
    }

    /// What is between the token before it, whose end is given, and this one; and its own end.
    pub(super) fn gap(&self, from: usize, token: Token) -> (&'a [u8], usize) {
        let quote = usize::from(matches!(token.kind, Kind::Key | Kind::Text));
        let range = range(token);
        let to = range.start.saturating_sub(quote);
        let gap = self.text.as_bytes().get(from..to).unwrap_or_default();
        (gap, range.end.saturating_add(quote))
    }

    /// What follows the last token, whose end is given.
    pub(super) fn rest(&self, from: usize) -> &'a [u8] {
        self.text.as_bytes().get(from..).unwrap_or_default()
    }

    /// The literals of the numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &'a str> {
        let numbers = self
            .tokens
            .iter()
            .filter(|token| token.kind == Kind::Number);
        numbers.map(|token| self.literal(*token))
    }
}

impl Token {
    /// Where it is in the text; a string without its quotes.
    pub(super) fn place(self) -> std::ops::Range<usize> {
        range(self)
    }

    /// Of an object or array, the index of its end.
    pub(super) fn close(self) -> usize {
        index(self.close)
    }
}

fn range(token: Token) -> std::ops::Range<usize> {
    index(token.start)..index(token.end)
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    has_blanks: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<()> {
        let mut open: Vec<usize> = Vec::new();
        let mut expected = Expected::Value;
        loop {
            self.skip_blanks();
            let Some(byte) = self.bytes.get(self.at).copied() else {
                return matches!(expected, Expected::Nothing).then_some(());
            };
            let is_end = matches!(byte, b'}' | b']');
            expected = match (expected, byte) {
                (Expected::Nothing, _) => return None,
                (Expected::CommaOrEnd, b',') => {
                    self.step();
                    match self.innermost(&open)? {
                        Kind::Object => Expected::Key,
                        _ => Expected::Value,
                    }
                }
                (Expected::CommaOrEnd | Expected::KeyOrEnd | Expected::ValueOrEnd, _) if is_end => {
                    self.close(open.pop()?, byte)?;
                    after_value(&open)
                }
                (Expected::CommaOrEnd, _) => return None,
                (Expected::Key | Expected::KeyOrEnd, b'"') => {
                    self.string(Kind::Key)?;
                    self.skip_blanks();
                    (self.bytes.get(self.at) == Some(&b':')).then_some(())?;
                    self.step();
                    Expected::Value
                }
                (Expected::Key | Expected::KeyOrEnd, _) => return None,
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    if open.len() >= MAX_DEPTH {
                        return None;
                    }
                    open.push(self.tokens.len());
                    let start = self.at;
                    self.step();
                    if byte == b'{' {
                        self.push(Kind::Object, start, false)?;
                        Expected::KeyOrEnd
                    } else {
                        self.push(Kind::Array, start, false)?;
                        Expected::ValueOrEnd
                    }
                }
                (Expected::Value | Expected::ValueOrEnd, _) => {
                    match byte {
                        b'"' => self.string(Kind::Text)?,
                        b'-' | b'0'..=b'9' => self.number()?,
                        _ => self.word()?,
                    }
                    after_value(&open)
                }
            };
        }
    }

    fn innermost(&self, open: &[usize]) -> Option<Kind> {
        self.tokens.get(*open.last()?).map(|token| token.kind)
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.has_blanks = true;
            self.step();
        }
    }

    /// Adds a token that ends here.
    fn push(&mut self, kind: Kind, start: usize, is_plain: bool) -> Option<()> {
        (self.tokens.len() < MAX_TOKENS).then_some(())?;
        self.tokens.push(Token {
            kind,
            is_plain,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(self.at).ok()?,
            close: 0,
        });
        Some(())
    }

    fn close(&mut self, open: usize, byte: u8) -> Option<()> {
        let close = u32::try_from(self.tokens.len()).ok()?;
        let begin = self.tokens.get_mut(open)?;
        let (start, kind) = match (begin.kind, byte) {
            (Kind::Object, b'}') => (self.at, Kind::ObjectEnd),
            (Kind::Array, b']') => (self.at, Kind::ArrayEnd),
            _ => return None,
        };
        begin.close = close;
        self.step();
        self.push(kind, start, false)
    }

    fn string(&mut self, kind: Kind) -> Option<()> {
        self.step();
        let start = self.at;
        let mut is_plain = true;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    self.step();
                    match self.bytes.get(self.at)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.step(),
                        b'u' => {
                            self.step();
                            let end = self.at.saturating_add(4);
                            let digits = self.bytes.get(self.at..end)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at = end;
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                byte => {
                    is_plain &= text::is_plain(*byte);
                    self.step();
                }
            }
        }
        self.push(kind, start, is_plain)?;
        if let Some(string) = self.tokens.last_mut() {
            string.end = u32::try_from(self.at).ok()?;
        }
        self.step();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.step();
        }
        match self.bytes.get(self.at)? {
            b'0' => self.step(),
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.step();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.step();
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.step();
            }
            self.digits()?;
        }
        self.push(Kind::Number, start, false)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.step();
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word.as_bytes()))?;
        let start = self.at;
        self.at = self.at.saturating_add(word.len());
        self.push(Kind::Word, start, false)
    }
}

fn after_value(open: &[usize]) -> Expected {
    if open.is_empty() {
        Expected::Nothing
    } else {
        Expected::CommaOrEnd
    }
}
