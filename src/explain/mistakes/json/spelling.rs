//! JSON written again, as serializers write it.

use super::numbers::Numbers;
use super::text::Strings;
use super::tokens::{Document, Kind, Token};

/// How JSON is written.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    pub(super) layout: Layout,
    pub(super) strings: Strings,
    pub(super) numbers: Numbers,
}

/// What is between the tokens.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    /// What was received there. Fits the tokens in their own order alone.
    Kept,
    Compact,
    /// `, ` and `: `, as Python does.
    Blanks,
    /// A line for each value, indented by so much, with such ends of lines.
    Pretty(&'static str, &'static str),
}

/// How many times longer than the received text a spelling may be: what is deep and indented would be without
/// bound.
const MAX_GROWTH: usize = 4;
/// How long a spelling may be however short the text, in bytes.
const MIN_ROOM: usize = 64 << 10;

/// Writes a document, its tokens in this order, and takes what it wrote from `bytes_left`; `None` if it gets too
/// long.
pub(super) fn write(
    document: &Document<'_>,
    tokens: &[Token],
    spelling: Spelling,
    bytes_left: &mut usize,
) -> Option<Vec<u8>> {
    let received = document.rest(0).len();
    let most = received.saturating_mul(MAX_GROWTH).max(MIN_ROOM);
    // The first of a large body is written in any case.
    let most = most.min((*bytes_left).max(received));
    let mut writer = Writer {
        document,
        spelling,
        depth: 0,
        at: 0,
        out: Vec::with_capacity(received),
    };
    let mut before = None;
    for token in tokens {
        writer.separate(before, *token);
        writer.value(*token);
        before = Some(token.kind);
        if writer.out.len() > most {
            *bytes_left = bytes_left.saturating_sub(writer.out.len());
            return None;
        }
    }
    if let Layout::Kept = spelling.layout {
        let rest = document.rest(writer.at);
        writer.out.extend_from_slice(rest);
    }
    *bytes_left = bytes_left.saturating_sub(writer.out.len());
    Some(writer.out)
}

struct Writer<'a> {
    document: &'a Document<'a>,
    spelling: Spelling,
    depth: usize,
    /// Where the last token ended, in what was received.
    at: usize,
    out: Vec<u8>,
}

impl Writer<'_> {
    /// Writes what is between two tokens.
    fn separate(&mut self, before: Option<Kind>, token: Token) {
        if let Layout::Kept = self.spelling.layout {
            let (gap, end) = self.document.gap(self.at, token);
            self.out.extend_from_slice(gap);
            self.at = end;
            return;
        }
        let is_end = matches!(token.kind, Kind::ObjectEnd | Kind::ArrayEnd);
        let is_first = matches!(before, Some(Kind::Object | Kind::Array));
        self.depth = self.depth.saturating_add(usize::from(is_first));
        self.depth = self.depth.saturating_sub(usize::from(is_end));
        match before {
            None => {}
            Some(Kind::Key) => self.out.extend_from_slice(match self.spelling.layout {
                Layout::Compact | Layout::Kept => b":" as &[u8],
                Layout::Blanks | Layout::Pretty(..) => b": ",
            }),
            // What is empty is closed where it was opened.
            Some(_) if is_first && is_end => {}
            Some(_) if is_first || is_end => self.new_line(),
            Some(_) => {
                self.out.push(b',');
                if let Layout::Blanks = self.spelling.layout {
                    self.out.push(b' ');
                }
                self.new_line();
            }
        }
    }

    fn new_line(&mut self) {
        if let Layout::Pretty(indent, end) = self.spelling.layout {
            self.out.extend_from_slice(end.as_bytes());
            for _ in 0..self.depth {
                self.out.extend_from_slice(indent.as_bytes());
            }
        }
    }

    fn value(&mut self, token: Token) {
        let literal = self.document.literal(token);
        match token.kind {
            Kind::Key | Kind::Text => {
                let strings = self.spelling.strings;
                strings.write(literal, token.is_plain, &mut self.out);
            }
            Kind::Number => self.spelling.numbers.write(literal, &mut self.out),
            _ => self.out.extend_from_slice(literal.as_bytes()),
        }
    }
}
