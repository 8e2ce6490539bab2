//! JSON that was taken for a form, or written as one (`application/x-www-form-urlencoded`).

use super::super::candidates::Candidates;
use super::numbers::is_simple;
use super::text::{JAVASCRIPT, unescaped};
use super::tokens::{Document, Kind};

/// The most fields of a form that are read.
const MAX_FIELDS: usize = 1000;

/// Adds the JSON that may have been signed where a form was received.
pub(super) fn undo(candidates: &mut Candidates<'_>) {
    let body = candidates.received();
    let starts_json = |body: &[u8]| matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    if body.is_empty() || !body.iter().all(u8::is_ascii_graphic) || starts_json(body) {
        return;
    }
    // The whole JSON as the name of a field without a value.
    let name = body.strip_suffix(b"=").unwrap_or(body);
    for plus in [b' ', b'+'] {
        candidates.push_some(Some(decoded(name, plus)).filter(|json| starts_json(json)));
    }
    let fields: Vec<_> = body.split(|byte| *byte == b'&').take(MAX_FIELDS).collect();
    let fields: Vec<_> = fields.into_iter().filter_map(field).collect();
    // The JSON in a field such as `payload`.
    for (_, value) in &fields {
        candidates.push_some(Some(value.clone()).filter(|json| starts_json(json)));
    }
    // Its members as fields: what type the values had is lost.
    for has_types in [true, false] {
        candidates.push_some(object_of(&fields, has_types));
    }
}

/// Adds the JSON that may have been signed where a parser for forms read it and JSON was written of what it
/// found: the JSON became names of fields, cut at every `=` and `&`.
pub(super) fn undo_parsed(document: &Document<'_>, candidates: &mut Candidates<'_>) {
    let tokens = &document.tokens;
    let mut inner = tokens.iter().skip(1).take(MAX_FIELDS);
    let mut fields = Vec::new();
    while let Some(key) = inner.next().filter(|token| token.kind == Kind::Key) {
        let Some(value) = inner.next().filter(|token| token.kind == Kind::Text) else {
            return;
        };
        let (Some(key), Some(value)) = (
            unescaped(document.literal(*key)),
            unescaped(document.literal(*value)),
        ) else {
            return;
        };
        fields.push(if value.is_empty() {
            key
        } else {
            format!("{key}={value}")
        });
    }
    let joined = fields.join("&");
    if joined.starts_with(['{', '[']) {
        candidates.push(joined.into_bytes());
    }
}

fn field(field: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = field.iter().position(|byte| *byte == b'=')?;
    let (name, value) = field.split_at_checked(at)?;
    let value = value.strip_prefix(b"=")?;
    Some((decoded(name, b' '), decoded(value, b' ')))
}

/// What escapes stand for, with this for `+`.
fn decoded(text: &[u8], plus: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = match rest {
            [b'%', high, low, ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).and_then(|(high, low)| {
                    u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()
                })
            }
            _ => None,
        };
        out.push(match (escape, first) {
            (Some(byte), _) => byte,
            (None, b'+') => plus,
            (None, other) => *other,
        });
        let read = if escape.is_some() {
            rest.get(3..)
        } else {
            Some(after)
        };
        rest = read.unwrap_or_default();
    }
    out
}

/// The fields as members of an object, numbers and words without quotes or with.
fn object_of(fields: &[(Vec<u8>, Vec<u8>)], has_types: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(if out.is_empty() { b'{' } else { b',' });
        out.extend(JAVASCRIPT.quote(std::str::from_utf8(name).ok()?));
        out.push(b':');
        let value = std::str::from_utf8(value).ok()?;
        let is_number = value
            .parse::<u64>()
            .is_ok_and(|number| number.to_string() == value);
        let is_word = matches!(value, "true" | "false" | "null");
        if has_types && (is_word || (is_number && is_simple(value))) {
            out.extend_from_slice(value.as_bytes());
        } else {
            out.extend(JAVASCRIPT.quote(value));
        }
    }
    (!out.is_empty()).then(|| {
        out.push(b'}');
        out
    })
}
