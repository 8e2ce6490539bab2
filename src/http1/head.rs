//! A strict reading of an HTTP/1 message head, before any lenient parser sees it.
//!
//! Parsers differ on bare line feeds, folded lines, blanks before the colon, repeated lengths and
//! the like, and an attacker uses the difference: one server sees one request where another sees
//! two. So the raw bytes are checked first, and whatever RFC 9112 does not allow is refused. What
//! passes has one reading, and any correct parser finds it.

use super::fields::{self, Field, Fields, is_token_byte};
pub use super::head_error::HeadError;
use super::host;
pub use super::request_line::sketch;
use super::request_line::{self, Authority, RequestLine};

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

/// A request with more header lines is refused: webhooks have a dozen or two.
const MAX_FIELDS: usize = 256;
/// Room for this many header lines is made at first.
const USUAL_FIELDS: usize = 24;

/// A complete head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The method, a token (RFC 9110 section 9.1).
    pub method: &'a str,
    /// The target in origin form: what one in absolute form says after its authority.
    pub target: &'a [u8],
    fields: Vec<Field<'a>>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The version is HTTP/1.1; otherwise HTTP/1.0.
    pub is_http11: bool,
}

impl Head<'_> {
    /// How long the body is, in bytes, where the head says so.
    #[must_use]
    pub fn declared(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::None | Framing::Chunked => None,
        }
    }

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
        return Err(HeadError::new(
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
            return Err(HeadError::new("a line feed without a carriage return"));
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
        .ok_or(HeadError::new("the head does not end with an empty line"))?;
    let mut lines = Lines(Some(text));
    let RequestLine {
        method,
        target,
        authority,
        is_http11,
    } = request_line::read(lines.next().unwrap_or_default())?;
    let mut fields = Vec::with_capacity(USUAL_FIELDS);
    let mut decisive = Decisive::default();
    for line in lines {
        if fields.len() >= MAX_FIELDS {
            return Err(HeadError::new("more than 256 header lines"));
        }
        let field = split_field(line)?;
        decisive.read(field)?;
        fields.push(field);
    }
    decisive.check_host(authority)?;
    Ok(Head {
        method,
        target,
        fields,
        framing: decisive.framing(is_http11)?,
        is_http11,
    })
}

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
                // A lone line feed stays in its line, which is refused for it.
                line.strip_suffix(b"\r").or_else(|| rest.get(..next))
            }
            None => {
                self.0 = None;
                Some(rest)
            }
        }
    }
}

/// What has been read of the fields that decide where a message ends, whom it is for, and whether an
/// answer has to come before its body.
#[derive(Default)]
struct Decisive<'a> {
    length: Option<u64>,
    is_chunked: bool,
    host: Option<&'a [u8]>,
    has_expectation: bool,
}

impl<'a> Decisive<'a> {
    fn read(&mut self, field: Field<'a>) -> Result<(), HeadError> {
        let Field { name, value } = field;
        if fields::is(name, "content-length") {
            if self.length.replace(read_length(value)?).is_some() {
                return Err(HeadError::new("Content-Length is repeated"));
            }
        } else if fields::is(name, "transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError::new("Transfer-Encoding is not chunked alone"));
            }
            self.is_chunked = true;
        } else if fields::is(name, "host") {
            if !host::is_sound(value) {
                return Err(HeadError::new("Host is not a host"));
            }
            if self.host.replace(value).is_some() {
                return Err(HeadError::new("Host is repeated"));
            }
        } else if fields::is(name, "expect") {
            // Servers differ in which of two they obey, and so in whether the body is sent unasked.
            if self.has_expectation {
                return Err(HeadError::new("Expect is repeated"));
            }
            self.has_expectation = true;
        }
        Ok(())
    }

    /// HTTP/1.0 needs a `Host` too: the app is sent HTTP/1.1, which must have one. The authority of a
    /// target in absolute form overrules `Host` (RFC 9112 section 3.2.2), but not every server does so:
    /// the two have to agree.
    fn check_host(&self, authority: Option<Authority<'_>>) -> Result<(), HeadError> {
        let host = self.host.ok_or(HeadError::new("Host is missing"))?;
        let is_same = authority
            .is_none_or(|authority| host::is_same(authority.text, host, authority.default_port));
        if is_same {
            Ok(())
        } else {
            Err(HeadError::new("the target names another host than Host"))
        }
    }

    fn framing(&self, is_http11: bool) -> Result<Framing, HeadError> {
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(HeadError::new("both Content-Length and Transfer-Encoding")),
            (None, true) if !is_http11 => Err(HeadError::new("Transfer-Encoding in HTTP/1.0")),
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::None),
        }
    }
}

/// Name and value of a header line (RFC 9112 section 5), each with the bytes it may have.
fn split_field(line: &[u8]) -> Result<Field<'_>, HeadError> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadError::new("a folded header line"));
    }
    let colon =
        memchr::memchr(b':', line).ok_or(HeadError::new("a header line without a colon"))?;
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    let value = value.get(1..).unwrap_or_default();
    if name.is_empty() || !name.iter().copied().all(is_token_byte) {
        return Err(HeadError::new("a header name that is not a token"));
    }
    // Without an early end, the compiler looks at many bytes at once.
    let is_control = |byte: &u8| byte.is_ascii_control() & (*byte != b'\t');
    if value
        .iter()
        .fold(false, |found, byte| found | is_control(byte))
    {
        return Err(HeadError::new("a control character in a header value"));
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
    let malformed = HeadError::new("Content-Length is not a plain number");
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
            "GET http://a HTTP/1.1\nHost: a",
            "GET http://b/ HTTP/1.1\nHost: a",
            "GET http://a/ HTTP/1.1",
            "GET http://a/ HTTP/1.1\nHost: a:81",
            "GET http://a:443/ HTTP/1.1\nHost: a",
            "GET http://u@a/ HTTP/1.1\nHost: a",
            "GET http://a:b@a/ HTTP/1.1\nHost: a",
            "GET http:///a HTTP/1.1\nHost: a",
            "GET http://a\\b/ HTTP/1.1\nHost: a",
            "OPTIONS * HTTP/1.1\nHost: a",
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
            "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nExpect: 100-continue",
            "POST / HTTP/1.1\nHost: a\nExpect: x\nexpect: 100-continue",
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
    fn a_url_of_the_host_that_is_called_is_read_as_its_path_and_query() {
        for (target, host) in [
            ("http://a.example/x?y", "a.example"),
            ("HTTP://A.Example:80/x?y", "a.example"),
            ("http://a.example/x?y", "A.EXAMPLE:80"),
            ("https://a.example:443/x?y", "a.example"),
            ("http://[::1]:8080/x?y", "[::1]:8080"),
            ("http://a.example:/x?y", "a.example"),
        ] {
            let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let head = read(bytes.as_bytes()).unwrap();
            assert_eq!(head.target, b"/x?y", "{target}");
        }
    }

    #[test]
    fn an_offer_to_upgrade_is_read_as_any_other_field() {
        let offer = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\n\
             HTTP2-Settings: AA";
        assert_eq!(framing(offer), Ok(Framing::None));
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
