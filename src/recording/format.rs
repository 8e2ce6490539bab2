//! A refused request as the head of a file: raw HTTP/1, as it came, less the keys in it.
//!
//! The body follows it as it was read, without the framing of chunks. Where all of it was, its length is known and
//! stands in `Content-Length`. Where it was not, the head says what the sender said, so that a reader sees that
//! something is missing: a `Content-Length` of more than there is, or still a `Transfer-Encoding`.

use super::hidden::Masking;
use super::queue::Entry;
use crate::capture::{REASON, RECORDED_AT};
use crate::http1::fields;

/// The head of the file.
pub(super) fn head(entry: &Entry) -> Vec<u8> {
    let head = &entry.head;
    let masking = Masking::new(head, &entry.hidden, entry.is_url_signed);
    let mut file = Vec::new();
    let mut put = |parts: &[&[u8]]| file.extend(parts.iter().copied().flatten());
    let version: &[u8] = if head.is_http11 { b"1.1" } else { b"1.0" };
    put(&[head.method(), b" ", &masking.target(head.target())]);
    put(&[b" HTTP/", version, b"\r\n"]);
    for field in head.fields() {
        let is = |name: &str| fields::is(field.name, name);
        if is(RECORDED_AT) || is(REASON) {
            continue;
        }
        match entry.whole {
            Some(length) if is("transfer-encoding") => {
                put(&[b"Content-Length: ", length.to_string().as_bytes()]);
            }
            _ => put(&[field.name, b": ", &masking.value(field.name, field.value)]),
        }
        put(&[b"\r\n"]);
    }
    for (name, value) in [
        (RECORDED_AT, entry.at.to_string()),
        (REASON, entry.reason.to_string()),
    ] {
        put(&[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    put(&[b"\r\n"]);
    file
}
