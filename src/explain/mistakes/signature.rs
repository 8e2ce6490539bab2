//! Mistakes with signatures: the right one in another writing.

use super::{Change, Mistake};
use crate::explain::case::Case;
use crate::explain::decoded::{from_base64, from_hex, from_percent};
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;
use crate::verify::presented;
use crate::verify::scheme::{Encoding, Scheme};

/// How many texts are looked for in one value.
const MAX_TEXTS: usize = 24;
/// Longer values are no signatures, however they are written.
const MAX_BYTES: usize = 1_024;

pub(super) static ENCODING: Mistake = Mistake {
    finding: Finding::SignatureEncoding,
    concern: Concern::Signature,
    undo: |case, supposed| {
        if supposed.presented.is_some() {
            return Vec::new();
        }
        let values = misspelt(case, supposed.scheme);
        let digests = values.flat_map(digests);
        digests.map(Change::Presented).collect()
    },
    fix: |case, before, _| fix(case, before.scheme),
};

/// What to do about a signature that is right, but for its writing.
fn fix(case: &Case<'_>, scheme: &Scheme) -> String {
    let how = misspelt(case, scheme).find_map(writing);
    let expected = match scheme.encoding {
        Encoding::HexLower => "64 small hexadecimal digits",
        Encoding::Base64 => "44 characters of base64 with its padding",
    };
    format!(
        "{} came {}; {} writes {expected}, and nothing else is accepted. Let whatever makes or passes on this \
         header (an own sender, a gateway, a queue) write it so, or leave it as it is.",
        scheme.signature_header,
        how.unwrap_or("in another writing"),
        case.provider.known.display_name
    )
}

/// The values of the scheme's signature header that are not written as the scheme writes them.
fn misspelt<'c>(case: &'c Case<'_>, scheme: &'c Scheme) -> impl Iterator<Item = &'c [u8]> {
    let fields = case.capture.fields.iter();
    let values = fields.filter(|(name, _)| name.eq_ignore_ascii_case(scheme.signature_header));
    let values = values.map(|(_, value)| &**value);
    values.filter(|value| value.len() <= MAX_BYTES && presented(scheme, value).is_none())
}

/// The digests that a value may be meant to show, the likeliest first.
fn digests(value: &[u8]) -> Vec<[u8; 32]> {
    let mut digests = Vec::new();
    for text in texts(value) {
        for digest in [of_hex(&text), of_base64(&text)].into_iter().flatten() {
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
    }
    digests
}

/// In what a value differs from a digest in hex or base64.
fn writing(value: &[u8]) -> Option<&'static str> {
    if digests(value).is_empty() {
        return None;
    }
    let is_hex = value.iter().all(u8::is_ascii_hexdigit);
    let has = |byte: u8| value.contains(&byte);
    let is_url_safe = has(b'-') || has(b'_');
    Some(match value.len() {
        64 if is_hex && value.iter().any(u8::is_ascii_uppercase) => "in capital hexadecimal digits",
        64 if is_hex => "in hexadecimal digits",
        _ if is_hex => "as the hexadecimal digits of its text",
        44 if has(b' ') => "with blanks where base64 has `+`",
        _ if has(b'%') => "with its characters escaped (`%…`)",
        43 | 44 if is_url_safe => "in the URL's alphabet of base64",
        43 => "in base64 without its padding",
        44 => "in base64",
        86 | 88 => "as the base64 of its hexadecimal digits",
        _ => "with something around it, such as a prefix, quotes or blanks",
    })
}

/// The texts in a value that may be the signature: what is left without quotes, prefixes and escapes.
fn texts(value: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = vec![value.to_vec()];
    let mut next = 0_usize;
    while let Some(text) = texts.get(next).cloned() {
        next = next.saturating_add(1);
        for other in within(&text) {
            if texts.len() < MAX_TEXTS && other.len() >= 43 && !texts.contains(&other) {
                texts.push(other);
            }
        }
    }
    texts
}

/// What a text may be with one thing taken off it.
fn within(text: &[u8]) -> Vec<Vec<u8>> {
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>\\".contains(byte);
    let begin = text.iter().position(|byte| !is_around(byte));
    let end = text.iter().rposition(|byte| !is_around(byte));
    let bare = match (begin, end) {
        (Some(begin), Some(end)) => text.get(begin..=end).unwrap_or_default(),
        _ => &[],
    };
    let mut found = vec![bare.to_vec(), from_percent(text).to_vec()];
    // A form's decoder makes a blank of base64's `+`, and blanks at the start of a header's value are lost.
    if (40..=44).contains(&bare.len()) && bare.ends_with(b"=") {
        let lost = std::iter::repeat_n(b'+', 44_usize.saturating_sub(bare.len()));
        let plus = bare
            .iter()
            .map(|byte| if *byte == b' ' { b'+' } else { *byte });
        found.push(lost.chain(plus).collect());
    }
    // `t=…,v1=…`, `HMAC-SHA256 …`, `sha256=…`.
    let pieces = text.split(|byte| b",; ".contains(byte));
    found.extend(pieces.map(<[u8]>::to_vec));
    let sign = text.iter().position(|byte| b"=:".contains(byte));
    if let Some((name, rest)) = sign.and_then(|sign| text.split_at_checked(sign))
        && name.len() <= 24
    {
        found.push(rest.get(1..).unwrap_or_default().to_vec());
    }
    found
}

fn of_hex(text: &[u8]) -> Option<[u8; 32]> {
    let bytes = from_hex(text)?;
    let inner = || from_base64(&bytes)?.as_slice().try_into().ok();
    bytes.as_slice().try_into().ok().or_else(inner)
}

fn of_base64(text: &[u8]) -> Option<[u8; 32]> {
    let bytes = from_base64(text)?;
    let inner = || from_hex(&bytes)?.as_slice().try_into().ok();
    bytes.as_slice().try_into().ok().or_else(inner)
}

#[cfg(test)]
mod tests;
