//! What parsers and serializers take away for good, put back: the point of a whole number (JavaScript, PHP), whether
//! what is empty was an object or an array (PHP, Lua), the zeros of a date (Newtonsoft, Pydantic).

use std::ops::Range;

use super::numbers;
use super::tokens::{Document, Kind, Token};

/// Of so many places every choice is tried; of more, each alone and all of them.
const FEW: usize = 5;
/// Of more places none is tried.
const MANY: usize = 8;
/// The largest text of which choices are tried, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// A place in a text, and what is written there.
type Edit = (Range<usize>, &'static [u8]);

/// The texts with a fraction of zero at some of the integers.
pub(super) fn points(document: &Document<'_>) -> Vec<Vec<u8>> {
    let is_integer = |token: &&Token| {
        token.kind == Kind::Number && numbers::is_integer(document.literal(**token))
    };
    let integers = document.tokens.iter().filter(is_integer);
    let ends = integers.map(|token| {
        let end = token.place().end;
        vec![(end..end, b".0" as &[u8])]
    });
    choices(document, ends)
}

/// The texts with some of the empty arrays as objects, then with some of the empty objects as arrays.
pub(super) fn empties(document: &Document<'_>) -> Vec<Vec<u8>> {
    let swapped = |open: Kind, (opened, closed): (&'static [u8], &'static [u8])| {
        let pairs = document.tokens.windows(2).filter_map(|pair| match pair {
            [first, second] => Some((*first, *second)),
            _ => None,
        });
        let close = match open {
            Kind::Array => Kind::ArrayEnd,
            _ => Kind::ObjectEnd,
        };
        let empty = pairs.filter(|(first, second)| first.kind == open && second.kind == close);
        let edits =
            empty.map(|(first, second)| vec![(first.place(), opened), (second.place(), closed)]);
        choices(document, edits)
    };
    let mut texts = swapped(Kind::Array, (b"{", b"}"));
    texts.extend(swapped(Kind::Object, (b"[", b"]")));
    texts
}

/// The text with all of its dates as JavaScript writes them, with milliseconds and `Z`; `None` where they are.
pub(super) fn dates(document: &Document<'_>) -> Option<Vec<u8>> {
    let text = document.rest(0);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for token in &document.tokens {
        let date = (token.kind == Kind::Text)
            .then(|| document.literal(*token))
            .and_then(in_milliseconds);
        if let Some(date) = date {
            let place = token.place();
            out.extend_from_slice(text.get(at..place.start)?);
            out.extend_from_slice(date.as_bytes());
            at = place.end;
        }
    }
    out.extend_from_slice(text.get(at..)?);
    (at > 0).then_some(out)
}

/// A date and time in UTC with three digits for the milliseconds; `None` where it has them, or is none.
fn in_milliseconds(text: &str) -> Option<String> {
    const WHOLE: usize = "2026-03-14T09:26:53".len();
    let (whole, rest) = text.split_at_checked(WHOLE)?;
    let mut pairs = whole.bytes().zip(b"0000-00-00T00:00:00");
    let is_like =
        pairs.all(|(byte, like)| byte == *like || (*like == b'0' && byte.is_ascii_digit()));
    let fraction = rest
        .strip_suffix('Z')
        .or_else(|| rest.strip_suffix("+00:00"))?;
    let digits = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() => digits,
        Some(_) => return None,
        None if fraction.is_empty() => "",
        None => return None,
    };
    let is_time = is_like && digits.bytes().all(|byte| byte.is_ascii_digit());
    let written = format!("{whole}.{}Z", format!("{digits:0<3}").get(..3)?);
    (is_time && written != text).then_some(written)
}

/// The texts that come of making some of these edits, the fewest first.
fn choices(document: &Document<'_>, edits: impl Iterator<Item = Vec<Edit>>) -> Vec<Vec<u8>> {
    let text = document.rest(0);
    let edits: Vec<_> = edits.take(MANY.saturating_add(1)).collect();
    if edits.is_empty() || edits.len() > MANY || text.len() > MAX_BYTES {
        return Vec::new();
    }
    let chosen = chosen(edits.len()).into_iter();
    let chosen = chosen.map(|places| {
        let some = edits.iter().zip(&places).filter(|(_, is_made)| **is_made);
        edited(text, some.flat_map(|(edit, _)| edit))
    });
    chosen.collect()
}

/// Which of so many places are chosen.
fn chosen(count: usize) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = if count <= FEW {
        (0..count).fold(vec![Vec::new()], |choices, _| {
            let longer = choices.iter().flat_map(|choice: &Vec<bool>| {
                [false, true].map(|is_made| [&choice[..], &[is_made]].concat())
            });
            longer.collect()
        })
    } else {
        let alone = (0..count).map(|one| (0..count).map(|place| place == one).collect());
        alone.chain([vec![true; count]]).collect()
    };
    let made = |places: &Vec<bool>| places.iter().filter(|is_made| **is_made).count();
    all.retain(|places| made(places) > 0);
    all.sort_by_key(made);
    all
}

fn edited<'a>(text: &[u8], edits: impl Iterator<Item = &'a Edit>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().saturating_add(64));
    let mut at = 0;
    for (place, written) in edits {
        out.extend_from_slice(text.get(at..place.start).unwrap_or_default());
        out.extend_from_slice(written);
        at = place.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}
