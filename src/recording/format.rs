//! A refused request as the head of a file: raw HTTP/1, as it came, less the keys in it.
//!
//! The body follows it as it was read, without the framing of chunks. Where all of it was, its length is known and
//! stands in `Content-Length`. Where it was not, the head says what the sender said, so that a reader sees that
//! something is missing: a `Content-Length` of more than there is, or still a `Transfer-Encoding`.

use std::borrow::Cow;
use std::collections::HashSet;

use http::HeaderName;
use memchr::memmem;

use crate::capture::{REASON, RECORDED_AT};
use crate::http1::fields;
use crate::http1::head::Head;
use crate::http1::names::is_like;
use crate::reason::Reason;
use crate::verify::{Timestamp, mask_query, query_values};

/// What stands for a key.
const MASK: &[u8] = b"***";
/// A shorter key is not looked for in other places: it could be a part of anything.
const MIN_KEY_BYTES: usize = 8;
/// How many keys are looked for in other places.
const MAX_KEYS: usize = 4;
/// Room for the line ends, the blanks and our own lines.
const OWN_BYTES: usize = 256;

/// What is a key in a request, and must not be kept.
#[derive(Clone, Copy)]
pub(crate) struct Hidden<'a> {
    /// Headers whose whole values are keys, and those that an app could take for them.
    pub(crate) headers: &'a HashSet<HeaderName>,
    /// The query parameter whose value is a key.
    pub(crate) parameter: Option<&'a str>,
    /// Whether a text is a key, wherever it stands.
    pub(crate) is_key: &'a dyn Fn(&[u8]) -> bool,
}

/// The head of the file. `whole` is the length of the body, where all of it follows.
pub(super) fn head(
    head: &Head<'_>,
    hidden: Hidden<'_>,
    whole: Option<u64>,
    at: Timestamp,
    reason: Reason,
) -> Vec<u8> {
    let keys = keys(head, hidden);
    let mut file = Vec::with_capacity(size(head));
    put(&mut file, &[head.method.as_bytes(), b" "]);
    put(
        &mut file,
        &[&without(masked_target(head.target, hidden), &keys)],
    );
    let version: &[u8] = if head.is_http11 { b"1.1" } else { b"1.0" };
    put(&mut file, &[b" HTTP/", version, b"\r\n"]);
    for field in head.fields().iter() {
        let is = |name: &str| fields::is(field.name, name);
        if is(RECORDED_AT) || is(REASON) {
            continue;
        }
        match whole {
            Some(length) if is("transfer-encoding") => {
                let length = length.to_string();
                put(&mut file, &[b"Content-Length: ", length.as_bytes()]);
            }
            _ => {
                let value = masked_value(field.name, field.value, hidden);
                put(&mut file, &[field.name, b": ", &without(value, &keys)]);
            }
        }
        put(&mut file, &[b"\r\n"]);
    }
    for (name, value) in [(RECORDED_AT, at.to_string()), (REASON, reason.to_string())] {
        put(
            &mut file,
            &[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"],
        );
    }
    put(&mut file, &[b"\r\n"]);
    file
}

/// About how many bytes the head of the file takes.
pub(super) fn size(head: &Head<'_>) -> usize {
    let start = head.method.len().saturating_add(head.target.len());
    let sizes = head.fields().iter().map(|field| {
        let text = field.name.len().saturating_add(field.value.len());
        text.saturating_add(4)
    });
    sizes.fold(start.saturating_add(OWN_BYTES), usize::saturating_add)
}

fn put(file: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        file.extend_from_slice(part);
    }
}

/// Whether the value of a field is a key: the whole of it, or what follows a word such as `Bearer`.
fn is_hidden(name: &[u8], value: &[u8], hidden: Hidden<'_>) -> bool {
    let mut headers = hidden.headers.iter();
    let last = value.rsplit(u8::is_ascii_whitespace).next();
    headers.any(|header| is_like(name, header.as_str()))
        || (hidden.is_key)(value)
        || last.is_some_and(|last| last.len() < value.len() && (hidden.is_key)(last))
}

fn masked_value<'a>(name: &[u8], value: &'a [u8], hidden: Hidden<'_>) -> Cow<'a, [u8]> {
    if is_hidden(name, value, hidden) {
        MASK.into()
    } else {
        value.into()
    }
}

fn is_hidden_pair(name: &[u8], value: &[u8], hidden: Hidden<'_>) -> bool {
    hidden
        .parameter
        .is_some_and(|parameter| parameter.as_bytes().eq_ignore_ascii_case(name))
        || (hidden.is_key)(value)
}

fn masked_target<'a>(target: &'a [u8], hidden: Hidden<'_>) -> Cow<'a, [u8]> {
    let Some((path, query)) = split_query(target) else {
        return target.into();
    };
    let hides = |name: &[u8], value: &[u8]| is_hidden_pair(name, value, hidden);
    [path, b"?", &mask_query(query, hides)].concat().into()
}

fn split_query(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'?', target)?;
    let (path, query) = target.split_at_checked(at)?;
    Some((path, query.get(1..)?))
}

/// The first of the keys that the request has where keys are expected, as they are written there: a proxy in
/// front may have copied one into a header of its own.
fn keys<'a>(head: &'a Head<'_>, hidden: Hidden<'_>) -> Vec<&'a [u8]> {
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut add = |key: &'a [u8]| {
        if keys.len() < MAX_KEYS && key.len() >= MIN_KEY_BYTES && !keys.contains(&key) {
            keys.push(key);
        }
    };
    if let (Some(parameter), Some((_, query))) = (hidden.parameter, split_query(head.target)) {
        query_values(query, parameter).for_each(&mut add);
    }
    for name in hidden.headers {
        for value in head.fields().all(name.as_str()) {
            add(value);
        }
    }
    keys
}

/// A text in which no key stands any more.
fn without<'a>(mut text: Cow<'a, [u8]>, keys: &[&[u8]]) -> Cow<'a, [u8]> {
    for key in keys {
        if memmem::find(&text, key).is_none() {
            continue;
        }
        let mut rest: &[u8] = &text;
        let mut kept = Vec::with_capacity(text.len());
        while let Some(at) = memmem::find(rest, key) {
            let (before, found) = rest.split_at_checked(at).unwrap_or_default();
            kept.extend_from_slice(before);
            kept.extend_from_slice(MASK);
            rest = found.get(key.len()..).unwrap_or_default();
        }
        kept.extend_from_slice(rest);
        text = kept.into();
    }
    text
}
