//! The app's answer as its sender gets it: less what ends here (RFC 9110 section 7.6.1), and framed
//! for the sender's connection. Everything else goes on as it came.

use std::time::SystemTime;

use bytes::{BufMut, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, StatusCode};
use pingora::http::ResponseHeader;

use crate::config::RetryAfter;
use crate::handoff;
use crate::http1::retry_after;

/// How the body of an answer is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body, whatever the header says.
    Empty,
    /// This many more bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// All until the connection closes: HTTP/1.0 has no chunks.
    UntilClose,
}

/// What an answer depends on besides what the app said.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// The request was a `HEAD`, whose answer has no body.
    pub(crate) is_head: bool,
    /// The sender speaks HTTP/1.1.
    pub(crate) is_http11: bool,
    /// The sender's connection is to stay open.
    pub(crate) stays: bool,
    pub(crate) retry_after: RetryAfter,
}

/// What the app said cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the app switched protocols, which nobody had asked for")]
    Switched,
    #[error("the app's answer has a transfer coding other than chunked")]
    TransferCoding,
    #[error("the app's answer has a length that is no number")]
    Length,
}

/// The head of an answer, ready to be sent, and how its body is delimited.
pub(crate) fn head(answer: &ResponseHeader, terms: Terms) -> Result<(BytesMut, Framing), Unfit> {
    let framing = framing(answer, terms)?;
    let is_informational = answer.status.is_informational();
    let mut head = BytesMut::with_capacity(512);
    head.put_slice(format!("HTTP/1.1 {} ", answer.status.as_str()).as_bytes());
    head.put_slice(answer.get_reason_phrase().unwrap_or_default().as_bytes());
    head.put_slice(b"\r\n");
    let nominated = nominated(answer);
    let mut write = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            head.put_slice(part);
        }
    };
    let millis = retry_after_millis(answer, terms);
    let bodiless = is_informational || answer.status == StatusCode::NO_CONTENT;
    let spelt = answer.case_header_iter().map(|(name, _)| name.as_slice());
    for ((name, value), spelt) in answer.headers.iter().zip(spelt) {
        let is_length = *name == CONTENT_LENGTH;
        if handoff::is_hop_by_hop(name.as_str().as_bytes())
            || nominated.contains(name)
            || (is_length && (bodiless || matches!(framing, Framing::Length(_))))
            || (millis.is_some() && *name == RETRY_AFTER)
        {
            continue;
        }
        write(spelt, value.as_bytes());
    }
    if let Some(millis) = millis {
        write(b"Retry-After", millis.to_string().as_bytes());
    }
    match framing {
        _ if is_informational => {}
        Framing::Length(length) => write(b"Content-Length", length.to_string().as_bytes()),
        Framing::Chunked => write(b"Transfer-Encoding", b"chunked"),
        Framing::Empty | Framing::UntilClose => {}
    }
    if !terms.stays && !is_informational {
        write(b"Connection", b"close");
    }
    head.put_slice(b"\r\n");
    Ok((head, framing))
}

/// An answer of ours in place of the app's.
pub(crate) fn failure(status: u16, stays: bool) -> String {
    let line = if status == 504 {
        "504 Gateway Timeout"
    } else {
        "502 Bad Gateway"
    };
    own(line, None, stays)
}

/// An answer of ours: a status, perhaps a header field, and no body.
pub(crate) fn own(line: &str, field: Option<(&str, &str)>, stays: bool) -> String {
    let field = field.map_or(String::new(), |(name, value)| {
        format!("{name}: {value}\r\n")
    });
    let close = if stays { "" } else { "Connection: close\r\n" };
    format!("HTTP/1.1 {line}\r\n{field}{close}Content-Length: 0\r\n\r\n")
}

fn framing(answer: &ResponseHeader, terms: Terms) -> Result<Framing, Unfit> {
    let status = answer.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Unfit::Switched);
    }
    if status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || terms.is_head
    {
        return Ok(Framing::Empty);
    }
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = match (codings.next(), codings.next()) {
        (None, _) => false,
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
        _ => return Err(Unfit::TransferCoding),
    };
    let length = answer.headers.get(CONTENT_LENGTH).filter(|_| !is_chunked);
    if let Some(length) = length {
        // Pingora lets through a number, or the same number several times.
        let first = length.as_bytes().split(|byte| *byte == b',').next();
        let first = first.and_then(|first| std::str::from_utf8(first).ok());
        let length = first.and_then(|first| first.trim().parse().ok());
        return length.map(Framing::Length).ok_or(Unfit::Length);
    }
    Ok(if terms.is_http11 {
        Framing::Chunked
    } else {
        Framing::UntilClose
    })
}

/// The headers that the app's `Connection` header names.
fn nominated(answer: &ResponseHeader) -> Vec<HeaderName> {
    answer
        .headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .collect()
}

/// What HubSpot is to read in `Retry-After`, where the route says that the app means seconds.
fn retry_after_millis(answer: &ResponseHeader, terms: Terms) -> Option<u64> {
    if terms.retry_after != RetryAfter::SecondsToMs
        || answer.status != StatusCode::TOO_MANY_REQUESTS
    {
        return None;
    }
    let mut values = answer.headers.get_all(RETRY_AFTER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => retry_after::millis(value.as_bytes(), SystemTime::now()),
        _ => None,
    }
}
