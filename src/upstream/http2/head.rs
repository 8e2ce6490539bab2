//! The head of a request as HTTP/2 has it (RFC 9113 section 8.3), made of the one that was written for HTTP/1,
//! and the head of an answer as the exchange reads it.
//!
//! The library takes a target and an authority only as types of the `http` crate, which could refuse or
//! change what they are given. What does not come out of them byte for byte fails. The fields keep their
//! order; lines of one name stand together, at the first of them.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri};
use pingora::http::ResponseHeader;

use super::errors::Unsendable;
use crate::handoff;

/// The head of a request. `head` is one of [`crate::handoff::Outbound`]; `is_tls`: the app speaks TLS.
///
/// # Errors
/// [`Unsendable`] where some of it has no form.
pub(super) fn request(head: &Bytes, is_tls: bool) -> Result<Request<()>, Unsendable> {
    let mut lines = Lines(head.clone());
    let request_line = lines.next().ok_or(Unsendable::Head)?;
    let (method, target) = split(&request_line, b' ').ok_or(Unsendable::Head)?;
    let (target, _version) = split(&target, b' ').ok_or(Unsendable::Head)?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(&method).map_err(|_| Unsendable::Method)?;
    let mut authority = None;
    for line in lines {
        let (name, value) = split(&line, b':').ok_or(Unsendable::Head)?;
        let value = trimmed(value);
        if name.eq_ignore_ascii_case(b"host") {
            authority = Some(value);
        } else if !handoff::is_hop_by_hop(&name) {
            let refused =
                || Unsendable::Field(String::from_utf8_lossy(&name).escape_debug().to_string());
            let field = HeaderName::from_bytes(&name).map_err(|_| refused())?;
            let mut value = HeaderValue::from_maybe_shared(value).map_err(|_| refused())?;
            // All senders share the connection. Its compression would remember what they prove themselves with,
            // and one could measure another's (RFC 7541 section 7.1).
            value.set_sensitive(true);
            let headers = request.headers_mut();
            headers.try_append(field, value).map_err(|_| refused())?;
        }
    }
    *request.uri_mut() = uri(target, authority.ok_or(Unsendable::Host)?, is_tls)?;
    Ok(request)
}

fn uri(target: Bytes, host: Bytes, is_tls: bool) -> Result<Uri, Unsendable> {
    let path = PathAndQuery::from_maybe_shared(target.clone()).map_err(|_| Unsendable::Target)?;
    if path.as_str().as_bytes() != target {
        return Err(Unsendable::Target);
    }
    let authority = Authority::from_maybe_shared(host.clone()).map_err(|_| Unsendable::Host)?;
    if authority.as_str().as_bytes() != host {
        return Err(Unsendable::Host);
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if is_tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| Unsendable::Head)
}

/// The head of an answer.
pub(super) fn answer<T>(response: Response<T>) -> (ResponseHeader, T) {
    let (parts, body) = response.into_parts();
    (parts.into(), body)
}

/// The lines of a head, up to its empty one. They share the memory.
struct Lines(Bytes);

impl Iterator for Lines {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let end = memchr::memmem::find(&self.0, b"\r\n")?;
        let line = self.0.slice(..end);
        self.0 = self.0.slice(end.saturating_add(2)..);
        (!line.is_empty()).then_some(line)
    }
}

/// What is before and after the first `byte`.
fn split(line: &Bytes, byte: u8) -> Option<(Bytes, Bytes)> {
    let at = memchr::memchr(byte, line)?;
    Some((line.slice(..at), line.slice(at.saturating_add(1)..)))
}

/// A value without the blanks around it.
fn trimmed(value: Bytes) -> Bytes {
    let text = value.trim_ascii();
    value.slice_ref(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(head: &[u8]) -> Result<Request<()>, Unsendable> {
        request(&Bytes::copy_from_slice(head), true)
    }

    #[test]
    fn a_target_of_any_bytes_that_pass_stays_as_it_is() {
        let passing = (0x21..0x7f_u8).filter(|byte| !b"\"#<>".contains(byte));
        for byte in passing {
            let target = if byte == b'\\' {
                "/x?a=\\&%".to_owned()
            } else if byte == b'`' {
                "/x?`=`".to_owned()
            } else {
                let byte = char::from(byte);
                format!("/{byte}/?{byte}={byte}")
            };
            let made = made(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            let made = made.unwrap_or_else(|error| panic!("{target}: {error}"));
            assert_eq!(made.uri().path_and_query().unwrap().as_str(), target);
        }
    }

    #[test]
    fn what_has_no_form_fails() {
        let long = "x".repeat(1 << 16);
        for (head, error) in [
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Unsendable::Target),
            (
                &*format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
                Unsendable::Target,
            ),
            ("GET /`x HTTP/1.1\r\nHost: a\r\n\r\n", Unsendable::Target),
            ("GET / HTTP/1.1\r\n\r\n", Unsendable::Host),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Unsendable::Host),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nX-A: \u{7f}\r\n\r\n",
                Unsendable::Field("X-A".to_owned()),
            ),
        ] {
            assert_eq!(made(head.as_bytes()).unwrap_err(), error);
        }
    }

    #[test]
    fn fields_keep_their_order_and_bytes() {
        let made = made(
            b"POST /x HTTP/1.1\r\nX-B: 1\r\nHost: a:8080\r\nConnection: close\r\nX-A: \xe9\xff\r\n\
              X-B: 2\r\nX-C:\r\nContent-Length: 3\r\n\r\n",
        );
        let made = made.unwrap();
        let fields: Vec<_> = made
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 5] = [
            ("x-b", b"1"),
            ("x-b", b"2"),
            ("x-a", b"\xe9\xff"),
            ("x-c", b""),
            ("content-length", b"3"),
        ];
        assert_eq!(fields, expected);
        assert_eq!(made.uri().to_string(), "https://a:8080/x");
    }
}
