//! What the strings of JSON stand for, and how serializers write them.

/// One unit of a string.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Char(char),
    /// Half of a surrogate pair alone, which JSON can write and UTF-8 cannot.
    Lone(u16),
}

/// How a serializer writes strings.
#[derive(Clone, Copy)]
pub(super) struct Strings {
    /// As they were received.
    pub(super) are_kept: bool,
    /// Which ASCII characters it escapes as `\u00xx`, beside those that JSON demands.
    pub(super) escaped: &'static str,
    /// With capital digits, those and control characters.
    pub(super) has_capitals: bool,
    /// `/` as `\/`.
    pub(super) escapes_slash: bool,
    pub(super) beyond_ascii: Beyond,
}

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    AsTheyAre,
    /// U+2028 and U+2029, which end a line in JavaScript, are escaped.
    SeparatorsEscaped,
    Escaped,
    EscapedInCapitals,
}

/// As they were received.
pub(super) const KEPT: Strings = Strings {
    are_kept: true,
    ..JAVASCRIPT
};
/// `JSON.stringify`, Python with `ensure_ascii=False`, jq, Rust, Java's Jackson but for control characters.
pub(super) const JAVASCRIPT: Strings = Strings {
    are_kept: false,
    escaped: "",
    has_capitals: false,
    escapes_slash: false,
    beyond_ascii: Beyond::AsTheyAre,
};
/// Python's `json.dumps`. PHP with `JSON_UNESCAPED_SLASHES` differs in U+007F alone.
pub(super) const PYTHON: Strings = Strings {
    escaped: "\u{7f}",
    beyond_ascii: Beyond::Escaped,
    ..JAVASCRIPT
};
/// PHP's `json_encode`.
pub(super) const PHP: Strings = Strings {
    escapes_slash: true,
    beyond_ascii: Beyond::Escaped,
    ..JAVASCRIPT
};
/// PHP's with `JSON_UNESCAPED_UNICODE`.
pub(super) const PHP_UNICODE: Strings = Strings {
    escapes_slash: true,
    beyond_ascii: Beyond::SeparatorsEscaped,
    ..JAVASCRIPT
};
/// Others that escape `/` and nothing else.
pub(super) const SLASHES: Strings = Strings {
    escapes_slash: true,
    ..JAVASCRIPT
};
/// PHP's with `JSON_UNESCAPED_UNICODE` and `JSON_UNESCAPED_SLASHES`.
pub(super) const SEPARATORS: Strings = Strings {
    beyond_ascii: Beyond::SeparatorsEscaped,
    ..JAVASCRIPT
};
/// PHP's with `JSON_HEX_TAG`, `JSON_HEX_AMP` and `JSON_HEX_APOS`.
pub(super) const PHP_HEX: Strings = Strings {
    escaped: "<>&'",
    has_capitals: true,
    ..PHP
};
/// Go's `json.Marshal` and Rails.
pub(super) const GO: Strings = Strings {
    escaped: "<>&",
    beyond_ascii: Beyond::SeparatorsEscaped,
    ..JAVASCRIPT
};
/// Java's Gson.
pub(super) const GSON: Strings = Strings {
    escaped: "<>&='",
    ..GO
};
/// .NET's `JsonSerializer`.
pub(super) const DOTNET: Strings = Strings {
    escaped: "<>&'+\"`\u{7f}",
    has_capitals: true,
    escapes_slash: false,
    beyond_ascii: Beyond::EscapedInCapitals,
    are_kept: false,
};
/// Java's Jackson with `ESCAPE_NON_ASCII`.
pub(super) const CAPITALS: Strings = Strings {
    has_capitals: true,
    beyond_ascii: Beyond::EscapedInCapitals,
    ..JAVASCRIPT
};
/// Java's Jackson, where there are control characters.
pub(super) const JACKSON: Strings = Strings {
    has_capitals: true,
    ..JAVASCRIPT
};

/// What strings have that serializers write differently.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) escapes: bool,
    pub(super) beyond_ascii: bool,
    pub(super) separators: bool,
    pub(super) slashes: bool,
    /// `<`, `>` or `&`.
    pub(super) markup: bool,
    /// What .NET and Gson escape besides.
    pub(super) marks: bool,
    pub(super) control: bool,
    pub(super) delete: bool,
}

impl Seen {
    /// Adds what the literal of a string has.
    pub(super) fn add(&mut self, literal: &str) {
        self.escapes |= literal.contains('\\');
        for unit in units(literal) {
            match unit {
                Unit::Char('/') => self.slashes = true,
                Unit::Char('<' | '>' | '&') => self.markup = true,
                Unit::Char('\'' | '+' | '"' | '`' | '=') => self.marks = true,
                Unit::Char('\0'..' ') => self.control = true,
                Unit::Char('\u{7f}') => self.delete = true,
                Unit::Char('\u{2028}' | '\u{2029}') => {
                    self.separators = true;
                    self.beyond_ascii = true;
                }
                Unit::Char('\u{80}'..) => self.beyond_ascii = true,
                Unit::Char(_) => {}
                Unit::Lone(_) => self.beyond_ascii = true,
            }
        }
    }
}

/// Whether all serializers write this byte of a string alike.
pub(super) fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
        && !matches!(
            byte,
            b'"' | b'\\' | b'/' | b'<' | b'>' | b'&' | b'\'' | b'+' | b'=' | b'`'
        )
}

/// What the literal of a string stands for. A literal must be sound: escapes that are not end it.
pub(super) fn units(literal: &str) -> impl Iterator<Item = Unit> {
    let mut rest = literal;
    std::iter::from_fn(move || {
        let (unit, after) = first_unit(rest)?;
        rest = after;
        Some(unit)
    })
}

/// The first unit of a literal, and what follows it.
fn first_unit(literal: &str) -> Option<(Unit, &str)> {
    let mut rest = literal.chars();
    let character = match rest.next()? {
        '\\' => match rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return first_escape(rest),
            other => other,
        },
        other => other,
    };
    Some((Unit::Char(character), rest.as_str()))
}

/// The unit whose first `\u` is read already: that of two, where they are a surrogate pair.
fn first_escape(mut rest: std::str::Chars<'_>) -> Option<(Unit, &str)> {
    let first = unit16(&mut rest)?;
    let mut after = rest.clone();
    let second = (after.next() == Some('\\') && after.next() == Some('u'))
        .then(|| unit16(&mut after))
        .flatten();
    let one = char::decode_utf16([first]).next()?;
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next());
    Some(match (one, pair) {
        (Ok(character), _) => (Unit::Char(character), rest.as_str()),
        (Err(_), Some(Ok(character))) => (Unit::Char(character), after.as_str()),
        _ => (Unit::Lone(first), rest.as_str()),
    })
}

fn unit16(rest: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut sum = 0_u16;
    for _ in 0..4 {
        let digit = u16::try_from(rest.next()?.to_digit(16)?).ok()?;
        sum = sum.checked_mul(16)?.checked_add(digit)?;
    }
    Some(sum)
}

/// The text that a literal stands for; `None` where half of a surrogate pair is alone.
pub(super) fn unescaped(literal: &str) -> Option<String> {
    let mut out = String::with_capacity(literal.len());
    for unit in units(literal) {
        match unit {
            Unit::Char(character) => out.push(character),
            Unit::Lone(_) => return None,
        }
    }
    Some(out)
}

impl Strings {
    /// Writes a string, given its literal, with its quotes.
    pub(super) fn write(self, literal: &str, is_plain: bool, out: &mut Vec<u8>) {
        out.push(b'"');
        if is_plain || self.are_kept {
            out.extend_from_slice(literal.as_bytes());
        } else {
            self.write_units(literal, out);
        }
        out.push(b'"');
    }

    fn write_units(self, literal: &str, out: &mut Vec<u8>) {
        let mut rest = literal;
        loop {
            let run = rest.bytes().position(|byte| !is_plain(byte));
            let (plain, after) = rest
                .split_at_checked(run.unwrap_or(rest.len()))
                .unwrap_or((rest, ""));
            out.extend_from_slice(plain.as_bytes());
            let Some((unit, after)) = first_unit(after) else {
                return;
            };
            self.write_unit(unit, out);
            rest = after;
        }
    }

    /// A text as a string.
    pub(super) fn quote(self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len().saturating_add(2));
        out.push(b'"');
        text.chars()
            .for_each(|character| self.write_unit(Unit::Char(character), &mut out));
        out.push(b'"');
        out
    }

    fn write_unit(self, unit: Unit, out: &mut Vec<u8>) {
        let in_capitals = self.beyond_ascii == Beyond::EscapedInCapitals;
        let character = match unit {
            Unit::Char(character) => character,
            Unit::Lone(unit) => return write_escape(unit, in_capitals, out),
        };
        if character.is_ascii() {
            let byte = u8::try_from(character).unwrap_or_default();
            let has_short = matches!(byte, b'\\' | 8 | 9 | 10 | 12 | 13);
            if self.escaped.contains(character) || (byte < b' ' && !has_short) {
                return write_escape(u16::from(byte), self.has_capitals, out);
            }
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'/' if self.escapes_slash => out.extend_from_slice(b"\\/"),
                8 => out.extend_from_slice(b"\\b"),
                9 => out.extend_from_slice(b"\\t"),
                10 => out.extend_from_slice(b"\\n"),
                12 => out.extend_from_slice(b"\\f"),
                13 => out.extend_from_slice(b"\\r"),
                _ => out.push(byte),
            }
            return;
        }
        let is_escaped = match self.beyond_ascii {
            Beyond::AsTheyAre => false,
            Beyond::SeparatorsEscaped => matches!(character, '\u{2028}' | '\u{2029}'),
            Beyond::Escaped | Beyond::EscapedInCapitals => true,
        };
        if is_escaped {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write_escape(*unit, in_capitals, out);
            }
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn write_escape(unit: u16, in_capitals: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(u32::from((unit >> shift) & 0xf), 16).unwrap_or('0');
        let digit = if in_capitals {
            digit.to_ascii_uppercase()
        } else {
            digit
        };
        out.extend_from_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
