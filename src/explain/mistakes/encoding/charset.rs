//! Bodies that were read in one character set and written in another.

use super::super::candidates::Candidates;

/// The byte-order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// The characters of Windows-1252 from 0x80 to 0x9F. The five that it leaves open are the control characters
/// that web browsers read there (WHATWG Encoding, index windows-1252).
const WINDOWS: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

/// Adds what may have been signed.
pub(super) fn undo(candidates: &mut Candidates<'_>) {
    let body = candidates.received();
    if body.is_empty() {
        return;
    }
    match body.strip_prefix(BOM) {
        Some(rest) => candidates.push(rest.to_vec()),
        None => candidates.push([BOM, body].concat()),
    }
    candidates.push_some(utf16_read(body));
    let Ok(text) = std::str::from_utf8(body) else {
        candidates.push(single_bytes_read(body, true));
        candidates.push(single_bytes_read(body, false));
        return;
    };
    if !body.is_ascii() {
        let once = single_bytes_written(text);
        let twice = once.as_deref().and_then(|once| {
            let text = std::str::from_utf8(once)
                .ok()
                .filter(|text| !text.is_ascii());
            single_bytes_written(text?)
        });
        candidates.push_some(once);
        candidates.push_some(twice);
        candidates.push(single_bytes_read(body, true));
        candidates.push(single_bytes_read(body, false));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for with_mark in [false, true] {
        candidates.push(utf16_written(text, with_mark, u16::to_le_bytes));
        candidates.push(utf16_written(text, with_mark, u16::to_be_bytes));
    }
}

/// Each byte as a character of Windows-1252 or of Latin-1, in UTF-8.
fn single_bytes_read(body: &[u8], is_windows: bool) -> Vec<u8> {
    let mut out = String::with_capacity(body.len());
    for byte in body {
        let windows = byte
            .checked_sub(0x80)
            .and_then(|at| WINDOWS.get(usize::from(at)))
            .filter(|_| is_windows);
        out.push(windows.copied().unwrap_or(char::from(*byte)));
    }
    out.into_bytes()
}

/// Each character as a byte of Windows-1252 or of Latin-1: the two share all bytes but those that Latin-1 has
/// no characters for, so that both are read here. `None` where one has no such byte.
fn single_bytes_written(text: &str) -> Option<Vec<u8>> {
    let byte = |character: char| {
        u8::try_from(character).ok().or_else(|| {
            let at = WINDOWS.iter().position(|other| *other == character)?;
            u8::try_from(at).ok()?.checked_add(0x80)
        })
    };
    text.chars().map(byte).collect()
}

/// UTF-16 of either order, with or without a mark, as UTF-8 without one.
fn utf16_read(body: &[u8]) -> Option<Vec<u8>> {
    let read: fn([u8; 2]) -> u16 = match body {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] | [0, _, ..] => u16::from_be_bytes,
        [_, 0, ..] => u16::from_le_bytes,
        _ => return None,
    };
    let (pairs, []) = body.as_chunks::<2>() else {
        return None;
    };
    let units = pairs.iter().map(|pair| read(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let text = text.ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
}

fn utf16_written(text: &str, with_mark: bool, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = with_mark.then_some(0xfeff_u16);
    mark.into_iter()
        .chain(text.encode_utf16())
        .flat_map(write)
        .collect()
}
