//! A strict reading of an HTTP/1 message head, before any lenient parser sees it.
//!
//! Parsers differ on bare line feeds, folded lines, blanks before the colon, repeated lengths and
//! the like, and an attacker uses the difference: one server sees one request where another sees
//! two. So the raw bytes are checked first, and whatever RFC 9112 does not allow is refused. What
//! passes has one reading, and any correct parser finds it.

use std::fmt;

use super::{host, target};
use crate::http1::fields::{self, Field, Fields};

/// What a head must not have. The text is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError(&'static str);

impl HeadError {
    /// What is wrong, in a few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for HeadError {}

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Neither `Content-Length` nor `Transfer-Encoding`: there is no body.
    None,
    /// `Content-Length`, in bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// A request with more header lines than this is no webhook.
const MAX_FIELDS: usize = 256;
/// Webhooks have no more header lines than this; the list grows where there are.
const USUAL_FIELDS: usize = 24;

/// A complete head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The method, a token (RFC 9110 section 9.1).
    pub method: &'a str,
    /// The target, in origin form.
    pub target: &'a [u8],
    fields: Vec<Field<'a>>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The version is HTTP/1.1; otherwise HTTP/1.0.
    pub is_http11: bool,
    /// The target has bytes that no target may have; a lenient parser may rewrite them.
    pub has_unsound_target: bool,
}

impl Head<'_> {
    /// The header fields.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        Fields::from(&*self.fields)
    }
}

/// How a TLS handshake begins: a record of type handshake, of a version 3 (RFC 8446 section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// Finds the end of the head in `buffer`, where the search goes on from `searched` bytes, and
/// returns its length with the empty line.
///
/// # Errors
/// A line feed without its carriage return: some parsers end a line there and some do not. And a TLS
/// handshake, which has no end of a head to wait for.
pub fn find_end(buffer: &[u8], searched: usize) -> Result<Option<usize>, HeadError> {
    if buffer.starts_with(&TLS_HANDSHAKE) {
        return Err(HeadError(
            "this looks like TLS: the sender speaks https, and the listener plain HTTP",
        ));
    }
    let mut from = searched;
    while let Some(rest) = buffer.get(from..) {
        let Some(offset) = memchr::memchr(b'\n', rest) else {
            return Ok(None);
        };
        let newline = from.saturating_add(offset);
        let before = buffer.get(..newline).unwrap_or_default();
        if before.last() != Some(&b'\r') {
            return Err(HeadError("a line feed without a carriage return"));
        }
        let end = newline.saturating_add(1);
        if before.ends_with(b"\r\n\r") {
            return Ok(Some(end));
        }
        from = end;
    }
    Ok(None)
}

/// Reads a complete head: `bytes` ends with the empty line.
///
/// # Errors
/// The first thing that RFC 9112 does not allow or that allows two readings.
pub fn read(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    let text = bytes
        .strip_suffix(b"\r\n\r\n")
        .ok_or(HeadError("the head does not end with an empty line"))?;
    let mut lines = Lines(Some(text));
    let (method, target, is_http11) = read_request_line(lines.next().unwrap_or_default())?;
    let mut fields = Vec::with_capacity(USUAL_FIELDS);
    let mut decisive = Decisive::default();
    for line in lines {
        if fields.len() >= MAX_FIELDS {
            return Err(HeadError("more than 256 header lines"));
        }
        let field = split_field(line)?;
        decisive.read(field)?;
        fields.push(field);
    }
    Ok(Head {
        method,
        target,
        fields,
        framing: decisive.framing(is_http11)?,
        is_http11,
        has_unsound_target: !target::has_sound_bytes(target),
    })
}

/// What a head that was refused seems to ask for: method and path, for a log. Nothing else may be
/// made of it.
#[must_use]
pub fn sketch(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let mut words = line.split(|byte| *byte == b' ');
    let method = std::str::from_utf8(words.next()?).ok()?;
    let is_token = !method.is_empty() && method.bytes().all(is_token_byte);
    let path = words
        .next()?
        .split(|byte| matches!(byte, b'?' | b'#'))
        .next()?;
    (is_token && method.len() <= MAX_SKETCHED_METHOD).then_some((method, path))
}

/// Methods longer than this are not methods.
const MAX_SKETCHED_METHOD: usize = 32;

/// Lines separated by CRLF.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        match memchr::memchr(b'\n', rest) {
            Some(newline) => {
                let next = newline.saturating_add(1);
                self.0 = rest.get(next..);
                let line = rest.get(..newline)?;
                // A line feed that stands alone stays in its line, where it is not allowed.
                line.strip_suffix(b"\r").or_else(|| rest.get(..next))
            }
            None => {
                self.0 = None;
                Some(rest)
            }
        }
    }
}

/// RFC 9112 section 3: method, one space, target, one space, version. Returns method, target and
/// whether the version is 1.1.
fn read_request_line(line: &[u8]) -> Result<(&str, &[u8], bool), HeadError> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadError("the request line is not three words"));
    };
    let is_token = !method.is_empty() && method.iter().copied().all(is_token_byte);
    let method = std::str::from_utf8(method).ok().filter(|_| is_token);
    let method = method.ok_or(HeadError("the method is not a token"))?;
    if method == "CONNECT" {
        return Err(HeadError("CONNECT is not proxied"));
    }
    if target.first() != Some(&b'/') {
        return Err(HeadError("the target is not in origin form"));
    }
    if target.iter().any(|byte| byte.is_ascii_control()) {
        return Err(HeadError("a control character in the target"));
    }
    match version {
        b"HTTP/1.1" => Ok((method, target, true)),
        b"HTTP/1.0" => Ok((method, target, false)),
        _ => Err(HeadError("the version is neither HTTP/1.1 nor HTTP/1.0")),
    }
}

/// What has been seen of the fields that frame or route a message.
#[derive(Default)]
struct Decisive {
    length: Option<u64>,
    is_chunked: bool,
    has_host: bool,
}

impl Decisive {
    fn read(&mut self, field: Field<'_>) -> Result<(), HeadError> {
        let Field { name, value } = field;
        if fields::is(name, "content-length") {
            if self.length.replace(read_length(value)?).is_some() {
                return Err(HeadError("Content-Length is repeated"));
            }
        } else if fields::is(name, "transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError("Transfer-Encoding is not chunked alone"));
            }
            self.is_chunked = true;
        } else if fields::is(name, "host") {
            if self.has_host {
                return Err(HeadError("Host is repeated"));
            }
            if !host::is_sound(value) {
                return Err(HeadError("Host is not a host"));
            }
            self.has_host = true;
        } else if fields::is(name, "upgrade") {
            return Err(HeadError("Upgrade is not proxied"));
        }
        Ok(())
    }

    /// `Host` is asked of HTTP/1.0 too: the app is sent HTTP/1.1, which must have one.
    fn framing(&self, is_http11: bool) -> Result<Framing, HeadError> {
        if !self.has_host {
            return Err(HeadError("Host is missing"));
        }
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(HeadError("both Content-Length and Transfer-Encoding")),
            (None, true) if !is_http11 => Err(HeadError("Transfer-Encoding in HTTP/1.0")),
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::None),
        }
    }
}

/// Name and value of a header line (RFC 9112 section 5), each with the bytes it may have.
fn split_field(line: &[u8]) -> Result<Field<'_>, HeadError> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadError("a folded header line"));
    }
    let colon = memchr::memchr(b':', line).ok_or(HeadError("a header line without a colon"))?;
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    let value = value.get(1..).unwrap_or_default();
    if name.is_empty() || !name.iter().copied().all(is_token_byte) {
        return Err(HeadError("a header name that is not a token"));
    }
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if value.iter().any(is_control) {
        return Err(HeadError("a control character in a header value"));
    }
    Ok(Field {
        name,
        value: trim_blanks(value),
    })
}

/// Whether a line, without its CRLF, is a header field.
#[must_use]
pub fn is_field_line(line: &[u8]) -> bool {
    split_field(line).is_ok()
}

/// Digits and no more: no sign, no list, no leading zero.
fn read_length(value: &[u8]) -> Result<u64, HeadError> {
    let malformed = HeadError("Content-Length is not a plain number");
    if value.is_empty() || (value.len() > 1 && value.starts_with(b"0")) {
        return Err(malformed);
    }
    value
        .iter()
        .try_fold(0_u64, |sum, byte| {
            let digit = char::from(*byte).to_digit(10)?;
            sum.checked_mul(10)?.checked_add(u64::from(digit))
        })
        .ok_or(malformed)
}

/// Removes the optional whitespace around a field value (RFC 9110 section 5.6.3).
fn trim_blanks(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    match (
        value.iter().position(is_text),
        value.iter().rposition(is_text),
    ) {
        (Some(start), Some(end)) => value.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.'
            | b'^' | b'_' | b'`' | b'|' | b'~'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(lines: &str) -> Result<Framing, HeadError> {
        let bytes = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
        assert_eq!(find_end(bytes.as_bytes(), 0), Ok(Some(bytes.len())));
        read(bytes.as_bytes()).map(|head| head.framing)
    }

    #[test]
    fn sound_heads_are_read() {
        assert_eq!(framing("GET / HTTP/1.1\nHost: a"), Ok(Framing::None));
        assert_eq!(framing("GET / HTTP/1.0\nHost: a"), Ok(Framing::None));
        assert_eq!(
            framing("POST /x?y HTTP/1.1\nHost: a:1\nContent-Length:\t 42 "),
            Ok(Framing::Length(42))
        );
        assert_eq!(
            framing("POST / HTTP/1.1\nhOsT: [::1]:8080\ntransfer-ENCODING: Chunked\nX: \u{e9}"),
            Ok(Framing::Chunked)
        );
        assert_eq!(
            framing("POST / HTTP/1.1\nHost: a\nContent-Length: 0"),
            Ok(Framing::Length(0))
        );
    }

    #[test]
    fn whatever_allows_two_readings_is_refused() {
        for lines in [
            "GET  / HTTP/1.1\nHost: a",
            "GET / HTTP/1.1 \nHost: a",
            "GET /a b HTTP/1.1\nHost: a",
            "GET\t/ HTTP/1.1\nHost: a",
            "GET / HTTP/2.0\nHost: a",
            "GET / http/1.1\nHost: a",
            "GET /",
            "G(T / HTTP/1.1\nHost: a",
            "CONNECT /x HTTP/1.1\nHost: a",
            "GET http://a/ HTTP/1.1\nHost: a",
            "OPTIONS * HTTP/1.1\nHost: a",
            "GET /\u{0} HTTP/1.1\nHost: a",
            "GET / HTTP/1.1",
            "GET / HTTP/1.0",
            "GET / HTTP/1.1\nHost:",
            "GET / HTTP/1.1\nHost: a\nHost: a",
            "GET / HTTP/1.1\nHost: a, b",
            "GET / HTTP/1.1\nHost: a@b",
            "GET / HTTP/1.1\nHost: a/b",
            "GET / HTTP/1.1\nHost: a\nX : y",
            "GET / HTTP/1.1\nHost: a\n folded",
            "GET / HTTP/1.1\nHost: a\nX: y\n\tfolded",
            "GET / HTTP/1.1\nHost: a\nnocolon",
            "GET / HTTP/1.1\nHost: a\n: y",
            "GET / HTTP/1.1\nHost: a\nX: \u{0}",
            "GET / HTTP/1.1\nHost: a\nX: a\rb",
            "GET / HTTP/1.1\nHost: a\nUpgrade: h2c",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 5",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 5, 5",
            "POST / HTTP/1.1\nHost: a\nContent-Length: +5",
            "POST / HTTP/1.1\nHost: a\nContent-Length: -5",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 05",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 0x5",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 5 5",
            "POST / HTTP/1.1\nHost: a\nContent-Length:",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999",
            "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \u{b}chunked",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity",
            "POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked",
        ] {
            assert!(framing(lines).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn a_refused_head_is_sketched_without_its_query() {
        assert_eq!(
            sketch(b"GET /a?key=x HTTP/9\r\nX"),
            Some(("GET", &b"/a"[..]))
        );
        assert_eq!(sketch(b"P(ST /a HTTP/1.1\r\n"), None);
        assert_eq!(sketch(b"\x16\x03\x01"), None);
        assert_eq!(sketch(b""), None);
    }

    #[test]
    fn the_end_is_found_across_reads_and_bare_line_feeds_are_refused() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
        for cut in 0..bytes.len() {
            let first = find_end(&bytes[..cut], 0).unwrap();
            let resumed = find_end(bytes, cut.min(27)).unwrap();
            assert_eq!(first.or(resumed), Some(27), "cut at {cut}");
        }
        assert!(find_end(b"GET / HTTP/1.1\nHost: a\r\n\r\n", 0).is_err());
        assert!(find_end(b"GET / HTTP/1.1\r\nHost: a\n\r\n", 0).is_err());
        assert!(find_end(b"GET / HTTP/1.1\r\nHost: a\r\n\n", 0).is_err());
    }
}
