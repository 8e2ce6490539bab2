//! How a request is kept: as raw HTTP/1, so that an editor shows it and [`Capture::read`](super::Capture::read)
//! reads it.

use super::url::percent_decode;
use super::{REASON, RECORDED_AT};
use crate::http1::fields::{Fields, is};
use crate::http1::names::is_like;
use crate::reason::Reason;

/// What is written for a key.
const STARS: &[u8] = b"***";

/// A request that is to be kept.
pub(crate) struct Written<'a> {
    pub(crate) method: &'a str,
    /// As it was received, as everything here.
    pub(crate) target: &'a [u8],
    /// Values have no line ends: no reader of requests lets one pass.
    pub(crate) fields: Fields<'a>,
    /// The content. It was in chunks, where the header says so.
    pub(crate) body: &'a [u8],
    /// When it came, in milliseconds since the epoch.
    pub(crate) at: u64,
    pub(crate) reason: Reason,
    /// Where its route expects an API key.
    pub(crate) hidden: Option<Hidden<'a>>,
}

/// The place of what is not to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hidden<'a> {
    /// The values of the headers of this name, and of those that are like it: a key may have been refused for
    /// the spelling of its header.
    Header(&'a str),
    /// The values of the parameters of the query that have this name, in any case and however it is escaped.
    Query(&'a str),
}

/// The file that keeps a request.
pub(crate) fn to_file(request: &Written<'_>) -> Vec<u8> {
    let lines = request.fields.iter();
    let head_bytes: usize = lines
        .map(|field| field.name.len().saturating_add(field.value.len()))
        .sum();
    let room = head_bytes
        .saturating_mul(2)
        .saturating_add(request.body.len());
    let mut file = Vec::with_capacity(room);
    let target = match request.hidden {
        Some(Hidden::Query(name)) => without_key(request.target, name),
        _ => request.target.to_vec(),
    };
    file.extend([request.method.as_bytes(), b" ", &target, b" HTTP/1.1\r\n"].concat());
    let mut add = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            file.extend_from_slice(part);
        }
    };
    add(RECORDED_AT.as_bytes(), request.at.to_string().as_bytes());
    add(REASON.as_bytes(), request.reason.as_str().as_bytes());
    // The chunks are gone, so the header must not tell of them.
    let is_chunked = request.fields.first("Transfer-Encoding").is_some();
    for field in request.fields.iter() {
        let is_framing = is(field.name, "Transfer-Encoding") || is(field.name, "Content-Length");
        if is_chunked && is_framing {
            continue;
        }
        let is_hidden = match request.hidden {
            Some(Hidden::Header(name)) => is_like(field.name, name) && !field.value.is_empty(),
            _ => false,
        };
        add(field.name, if is_hidden { STARS } else { field.value });
    }
    if is_chunked {
        add(b"Content-Length", request.body.len().to_string().as_bytes());
    }
    file.extend_from_slice(b"\r\n");
    file.extend_from_slice(request.body);
    file
}

/// A target with stars for the values of a parameter.
fn without_key(target: &[u8], name: &str) -> Vec<u8> {
    let mut halves = target.splitn(2, |byte| *byte == b'?');
    let path = halves.next().unwrap_or_default();
    let Some(query) = halves.next() else {
        return path.to_vec();
    };
    let pairs = query.split(|byte| *byte == b'&').map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let first = halves.next().unwrap_or_default();
        match halves.next() {
            Some(value) if !value.is_empty() && is_named(first, name) => [first, STARS].join(&b'='),
            _ => pair.to_vec(),
        }
    });
    let query = pairs.collect::<Vec<_>>().join(&b'&');
    [path, &query].join(&b'?')
}

/// Whether the name of a parameter is this one, once its escapes are undone.
fn is_named(escaped: &[u8], name: &str) -> bool {
    let blanks = escaped
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte });
    let decoded = percent_decode(&blanks.collect::<Vec<_>>());
    decoded.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests;
