//! Mistakes with timestamps: another unit, another header's, or none.

mod units;

use bytes::Bytes;

pub(in crate::explain) use units::unit;
use units::{as_millis, others};

use super::{Change, Mistake};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Concern, Supposed};
use crate::http1::names::is_like;

/// A time cut to whole seconds may have had any of a thousand milliseconds: they are all tried with bodies up
/// to this size, in bytes.
const MAX_BODY_FOR_MILLIS: usize = 16 << 10;

pub(super) static UNIT: Mistake = Mistake {
    finding: Finding::TimestampUnit,
    concern: Concern::Timestamp,
    undo: |case, supposed| {
        let Some(received) = received(case, supposed).filter(|text| !text.is_empty()) else {
            return Vec::new();
        };
        let mut texts = others(received);
        texts.extend(of_other_headers(case, supposed));
        let is_small = supposed.body.len() <= MAX_BODY_FOR_MILLIS;
        if let Some(seconds) = cut_to_seconds(received)
            && is_small
            && is_first(case, supposed)
        {
            texts.extend((0..1_000).map(|millis| format!("{seconds}{millis:03}")));
        }
        changes(texts, received)
    },
    fix: |case, before, after| {
        let name = before.scheme.timestamp_header.unwrap_or_default();
        let provider = case.provider.known.display_name;
        if let Some(other) = source(case, before, &after.timestamp) {
            return format!(
                "What was signed is the time in {other}, not the one in {name}. Let whatever sends or passes on \
                 this request write the signed time into {name}: milliseconds since the epoch, 13 digits."
            );
        }
        let is_cut = std::str::from_utf8(&before.timestamp).is_ok_and(|text| {
            text.len() > 10 && cut_to_seconds(text).is_some() && unit(&after.timestamp).is_none()
        });
        if is_cut {
            return format!(
                "{name} came cut to whole seconds, its last three digits written as 000, and the time with its \
                 milliseconds was signed. {provider} signs and sends milliseconds since the epoch, 13 digits: let \
                 whatever sends or passes on this request leave them as they are."
            );
        }
        let text = |bytes: &[u8]| unit(bytes).unwrap_or("in milliseconds");
        format!(
            "{name} came {}, and {} was signed. {provider} signs and sends milliseconds since the epoch, 13 \
             digits: let whatever sends or passes on this request leave them as they are.",
            text(&before.timestamp),
            match unit(&after.timestamp) {
                Some(unit) => format!("a time {unit}"),
                None => "the time in milliseconds".to_owned(),
            }
        )
    },
};

pub(super) static MISSING: Mistake = Mistake {
    finding: Finding::TimestampMissing,
    concern: Concern::Timestamp,
    undo: |case, supposed| {
        let header = supposed.scheme.timestamp_header;
        match header.filter(|name| case.header(name).is_none()) {
            Some(_) if supposed.timestamp.is_empty() => {
                changes(of_other_headers(case, supposed), "")
            }
            _ => Vec::new(),
        }
    },
    fix: |case, before, after| {
        let from = match source(case, before, &after.timestamp) {
            Some(other) => format!("; the time that was signed is in {other}"),
            None => String::new(),
        };
        fix_missing(case, before, &from)
    },
};

/// What to do about a timestamp that did not come.
pub(in crate::explain) fn fix_missing(case: &Case<'_>, before: &Supposed, more: &str) -> String {
    format!(
        "{} did not come{more}. {} sends it with every signature: let the proxy or gateway before hookward pass \
         it on unchanged.",
        before.scheme.timestamp_header.unwrap_or_default(),
        case.provider.known.display_name
    )
}

/// The seconds of a time that has no others: written so, or multiplied again after milliseconds were cut off.
fn cut_to_seconds(text: &str) -> Option<&str> {
    let seconds = match text.len() {
        10 => text,
        13 => text.strip_suffix("000")?,
        _ => return None,
    };
    let is_number = seconds.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(seconds)
}

/// The header's text, where it came and was not exchanged yet.
fn received<'c>(case: &'c Case<'_>, supposed: &Supposed) -> Option<&'c str> {
    let value = case.header(supposed.scheme.timestamp_header?)?;
    std::str::from_utf8(value)
        .ok()
        .filter(|_| *supposed.timestamp == *value)
}

/// Whether nothing was undone yet that was hashed.
fn is_first(case: &Case<'_>, supposed: &Supposed) -> bool {
    let received = &case.received;
    let is_same =
        |one: &Bytes, other: &Bytes| one.as_ptr() == other.as_ptr() && one.len() == other.len();
    supposed.key.is_none()
        && supposed.method == received.method
        && is_same(&supposed.url, &received.url)
        && is_same(&supposed.body, &received.body)
}

/// The times in other headers, as they are written and in milliseconds.
fn of_other_headers(case: &Case<'_>, supposed: &Supposed) -> Vec<String> {
    let mut texts = Vec::new();
    for (_, value) in other_times(case, supposed) {
        if value.bytes().all(|byte| byte.is_ascii_digit()) {
            texts.push(value.to_owned());
        }
        texts.extend(as_millis(value));
        texts.extend(as_millis(value).and_then(|text| Some(text.get(..10)?.to_owned())));
    }
    texts
}

/// The other headers that hold a time. Not the timestamp's own under another name: that is the header's
/// mistake.
fn other_times<'c>(
    case: &'c Case<'_>,
    supposed: &Supposed,
) -> impl Iterator<Item = (&'c str, &'c str)> {
    let own = supposed.scheme.timestamp_header.unwrap_or_default();
    let fields = case.capture.fields.iter();
    fields.filter_map(move |(name, value)| {
        let text = std::str::from_utf8(value).ok()?.trim();
        let is_own = is_like(name.as_bytes(), own);
        let is_number =
            (10..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_time = is_number || (text.len() <= 40 && as_millis(text).is_some());
        (!is_own && is_time).then_some((&**name, text))
    })
}

/// The header in which a text, or the same time, was found.
fn source<'c>(case: &'c Case<'_>, before: &Supposed, text: &[u8]) -> Option<&'c str> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_empty())?;
    let own = before
        .scheme
        .timestamp_header
        .and_then(|name| case.header(name));
    let own = own.and_then(|own| std::str::from_utf8(own).ok());
    if own.is_some_and(|own| others(own).iter().any(|other| other == text)) {
        return None;
    }
    let mut times = other_times(case, before);
    let found = times.find(|(_, value)| {
        *value == text || as_millis(value).is_some_and(|millis| millis.starts_with(text))
    });
    found.map(|(name, _)| name)
}

fn changes(texts: Vec<String>, received: &str) -> Vec<Change> {
    let mut known = std::collections::HashSet::new();
    let texts = texts.into_iter();
    let new = texts.filter(|text| text != received && known.insert(text.clone()));
    new.map(|text| Change::Timestamp(Bytes::from(text)))
        .collect()
}

#[cfg(test)]
mod tests;
