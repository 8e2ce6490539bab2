//! Bodies in which whatever could not be read was replaced by `?` or by U+FFFD. What was there is lost; where
//! it was one and the same character everywhere, the few that it can have been are tried.

use super::super::candidates::Candidates;

/// The largest body in which lost characters are looked for, in bytes.
const MAX_BYTES: usize = 64 << 10;
/// The most question marks of which one may be a lost character.
const MAX_QUESTION_MARKS: usize = 4;
/// What is written for bytes that are no UTF-8.
const REPLACEMENT: &str = "\u{fffd}";
/// Characters of three bytes that people and editors write.
const TYPOGRAPHIC: &str =
    "\u{2019}\u{2013}\u{2014}\u{201c}\u{201d}\u{2018}\u{2026}\u{20ac}\u{2022}\u{2122}";

/// Adds what may have been signed.
pub(super) fn undo(candidates: &mut Candidates<'_>) {
    let body = candidates.received();
    let Some(text) = std::str::from_utf8(body)
        .ok()
        .filter(|_| body.len() <= MAX_BYTES)
    else {
        return;
    };
    let mark = if text.contains(REPLACEMENT) {
        REPLACEMENT
    } else {
        "?"
    };
    if mark == "?" && !(1..=MAX_QUESTION_MARKS).contains(&text.matches(mark).count()) {
        return;
    }
    let letters = ('\u{c0}'..='\u{ff}').chain('\u{a0}'..='\u{bf}');
    let mut write = |marks: usize, lost: &[u8]| {
        candidates.push_some(restored(text, &mark.repeat(marks), lost));
    };
    let mut utf8 = |marks: usize, character: char| {
        write(marks, character.encode_utf8(&mut [0; 4]).as_bytes());
    };
    // A reader that knows the character writes one mark for it; one that does not, one for each byte.
    if mark == "?" {
        letters.clone().for_each(|letter| utf8(1, letter));
        TYPOGRAPHIC.chars().for_each(|letter| utf8(1, letter));
    }
    letters.for_each(|letter| utf8(2, letter));
    TYPOGRAPHIC.chars().for_each(|letter| utf8(3, letter));
    if mark == REPLACEMENT {
        (0x80..=0xff).rev().for_each(|byte| write(1, &[byte]));
    }
}

/// The text with these bytes in place of the marks; `None` where there are none.
fn restored(text: &str, marks: &str, lost: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.split(marks);
    let mut out = parts.next()?.as_bytes().to_vec();
    let start = out.len();
    for part in parts {
        out.extend_from_slice(lost);
        out.extend_from_slice(part.as_bytes());
    }
    (out.len() > start).then_some(out)
}
