//! The request line (RFC 9112 section 3): method, target and version.
//!
//! A target comes in origin form, which is a path and a query, or in absolute form, which is a whole
//! URL. Clients send the latter to proxies, and a server has to take it too (RFC 9112 section 3.2.2). It
//! is read as its path and query, so that whatever comes after this file knows one form alone; the
//! authority is left to be compared with `Host`.

use super::fields::is_token_byte;
use super::head_error::HeadError;

/// A request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    /// A token (RFC 9110 section 9.1).
    pub(super) method: &'a str,
    /// The path and the query; begins with `/`.
    pub(super) target: &'a [u8],
    /// Where the target is in absolute form.
    pub(super) authority: Option<Authority<'a>>,
    /// The version is HTTP/1.1; otherwise HTTP/1.0.
    pub(super) is_http11: bool,
}

/// The authority of a target in absolute form: not checked for more than where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) text: &'a [u8],
    /// What a port is where none is named (RFC 9110 section 4.2), with its colon.
    pub(super) default_port: &'static [u8],
}

/// The schemes of targets in absolute form, with their default ports.
const SCHEMES: [(&[u8], &[u8]); 2] = [(b"http://", b":80"), (b"https://", b":443")];

/// Reads a request line, without its CRLF: method, one space, target, one space, version.
///
/// # Errors
/// Whatever else there is. Some servers take other white space for the end of a word, too (RFC 9112
/// section 3), so the target may have none.
pub(super) fn read(line: &[u8]) -> Result<RequestLine<'_>, HeadError> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadError::new("the request line is not three words"));
    };
    let is_token = !method.is_empty() && method.iter().copied().all(is_token_byte);
    let method = std::str::from_utf8(method).ok().filter(|_| is_token);
    let method = method.ok_or(HeadError::new("the method is not a token"))?;
    if method == "CONNECT" {
        return Err(HeadError::new("CONNECT is not proxied"));
    }
    if target.iter().copied().any(is_other_white_space) {
        return Err(HeadError::new("the target has white space"));
    }
    let (target, authority) = split_target(target)?;
    let is_http11 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => {
            let text = "the version is neither HTTP/1.1 nor HTTP/1.0";
            return Err(HeadError::new(text));
        }
    };
    Ok(RequestLine {
        method,
        target,
        authority,
        is_http11,
    })
}

const fn is_other_white_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | 0x0b | 0x0c)
}

/// Path and query, and the authority where there is one.
fn split_target(target: &[u8]) -> Result<(&[u8], Option<Authority<'_>>), HeadError> {
    if target.first() == Some(&b'/') {
        return Ok((target, None));
    }
    let Some((rest, default_port)) = SCHEMES.iter().find_map(|(scheme, default_port)| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then_some((rest, *default_port))
    }) else {
        let text = "the target is neither a path nor an http or https URL";
        return Err(HeadError::new(text));
    };
    let (text, target) = split_authority(rest);
    if target.first() != Some(&b'/') {
        // The app would be sent `/`, or `/?x` for `?x`, and nobody can tell which of the two was signed.
        return Err(HeadError::new("the target is a URL without a path"));
    }
    let authority = Authority { text, default_port };
    Ok((target, Some(authority)))
}

/// What stands before the first `/`, `?` or `#`, and what follows (RFC 3986 section 3.2).
fn split_authority(rest: &[u8]) -> (&[u8], &[u8]) {
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
    let end = rest.iter().position(is_end).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or_default()
}

/// Methods longer than this are not methods.
const MAX_SKETCHED_METHOD: usize = 32;

/// What a head that was refused seems to ask for: method and path, for the log and for nothing else. Of
/// a URL only the path is shown: before it there may be a password.
#[must_use]
pub fn sketch(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let mut words = line.split(|byte| *byte == b' ');
    let method = std::str::from_utf8(words.next()?).ok()?;
    let is_token = !method.is_empty() && method.bytes().all(is_token_byte);
    let target = words.next()?;
    let path = if target.contains(&b'@') && target.first() != Some(&b'/') {
        let after_scheme = memchr::memmem::find(target, b"//").map_or(0, |at| at.saturating_add(2));
        split_authority(target.get(after_scheme..).unwrap_or_default()).1
    } else {
        target
    };
    let path = path.split(|byte| matches!(byte, b'?' | b'#')).next()?;
    (is_token && method.len() <= MAX_SKETCHED_METHOD).then_some((method, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_its_path_and_query() {
        for (target, read_as, authority) in [
            ("/a?b", "/a?b", None),
            ("//a/b", "//a/b", None),
            ("/http://a/b", "/http://a/b", None),
            ("http://a/", "/", Some(("a", ":80"))),
            (
                "http://A.example:80/b?c=/d",
                "/b?c=/d",
                Some(("A.example:80", ":80")),
            ),
            (
                "HTTPS://[::1]:8443//b#c",
                "//b#c",
                Some(("[::1]:8443", ":443")),
            ),
            ("http://u:p@a/b", "/b", Some(("u:p@a", ":80"))),
            ("http:///b", "/b", Some(("", ":80"))),
            ("http://a\\b/c", "/c", Some(("a\\b", ":80"))),
        ] {
            let line = format!("GET {target} HTTP/1.1");
            let line = read(line.as_bytes()).unwrap();
            let text = |bytes| std::str::from_utf8(bytes).unwrap();
            let found = line
                .authority
                .map(|of| (text(of.text), text(of.default_port)));
            assert_eq!((text(line.target), found), (read_as, authority), "{target}");
        }
    }

    #[test]
    fn what_is_neither_a_path_nor_a_url_with_one_is_refused() {
        for target in [
            "*",
            "",
            "a",
            "a:80",
            "?a",
            "#a",
            "\\a",
            "http:/a/b",
            "http:a",
            "http//a/b",
            "http://a",
            "http://",
            "https://a?b",
            "http://a#b",
            "ftp://a/b",
            "ws://a/b",
            "httpx://a/b",
            "/a\tb",
            "/a\u{b}b",
            "/a\u{c}b",
            "/a\rb",
            "http://a\t/b",
        ] {
            let line = format!("GET {target} HTTP/1.1");
            assert!(read(line.as_bytes()).is_err(), "{target:?}");
        }
    }

    #[test]
    fn a_refused_head_is_sketched_without_its_query_and_without_a_password() {
        for (head, expected) in [
            (&b"GET /a?key=x HTTP/9\r\nX"[..], Some(("GET", &b"/a"[..]))),
            (
                b"GET http://user:password@a/b?c HTTP/1.1\r\n",
                Some(("GET", b"/b")),
            ),
            (b"GET user:password@a HTTP/1.1\r\n", Some(("GET", b""))),
            (b"GET /a@b HTTP/9\r\n", Some(("GET", b"/a@b"))),
            (b"CONNECT a:80 HTTP/1.1\r\n", Some(("CONNECT", b"a:80"))),
            (b"P(ST /a HTTP/1.1\r\n", None),
            (b"\x16\x03\x01", None),
            (b"", None),
        ] {
            assert_eq!(sketch(head), expected, "{:?}", head.escape_ascii());
        }
    }
}
