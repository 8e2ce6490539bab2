//! The head of an HTTP/2 request as HTTP/1.1 writes it (RFC 9113 section 8.3), for the strict reader.
//!
//! Nothing is repaired here: what HTTP/1 could not say is refused, and everything else is for the reader to
//! judge.

use bytes::{BufMut, BytesMut};
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;

use crate::http1::head::HeadError;

/// A head without its fields fits in this, usually.
const HEAD_BYTES: usize = 512;

/// What a head has besides what the library tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// The stream has not ended with it.
    pub(super) has_body: bool,
    /// The library has cut a fragment off its `:path`.
    pub(super) has_fragment: bool,
    /// It came over TLS.
    pub(super) is_tls: bool,
}

/// The head as HTTP/1.1 writes it.
///
/// # Errors
/// What has no form in HTTP/1.1, or does not fit the connection.
pub(super) fn to_http1(request: &Parts, form: Form) -> Result<BytesMut, HeadError> {
    let uri = &request.uri;
    if let Some(scheme) = uri.scheme_str() {
        if !matches!(scheme, "http" | "https") {
            return Err(HeadError::new("a :scheme other than http and https"));
        }
        if form.is_tls && scheme == "http" {
            return Err(HeadError::new("the :scheme http over TLS"));
        }
    }
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    if !path.starts_with('/') {
        return Err(HeadError::new("a :path that is no path"));
    }
    let mut head = BytesMut::with_capacity(HEAD_BYTES);
    // The reader refuses a fragment, whatever it says.
    let fragment = if form.has_fragment { "#" } else { "" };
    for part in [
        request.method.as_str(),
        " ",
        path,
        fragment,
        " HTTP/1.1\r\n",
    ] {
        head.put_slice(part.as_bytes());
    }
    let mut put = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            head.put_slice(part);
        }
    };
    let mut hosts = request.headers.get_all(HOST).iter();
    if let Some(authority) = uri.authority() {
        put(b"host", authority.as_str().as_bytes());
        let is_same = |host: &http::HeaderValue| host.as_bytes() == authority.as_str().as_bytes();
        if hosts.next().is_some_and(|host| !is_same(host)) {
            return Err(HeadError::new("Host is not the :authority"));
        }
    }
    for host in hosts {
        put(b"host", host.as_bytes());
    }
    put_cookie(request, &mut put);
    for (name, value) in &request.headers {
        if *name != HOST && *name != COOKIE {
            put(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    if form.has_body && !request.headers.contains_key(CONTENT_LENGTH) {
        put(b"transfer-encoding", b"chunked");
    }
    head.put_slice(b"\r\n");
    Ok(head)
}

/// Cookies that HTTP/2 sent in several fields are one in HTTP/1 (RFC 9113 section 8.2.3).
fn put_cookie(request: &Parts, put: &mut impl FnMut(&[u8], &[u8])) {
    let mut crumbs = request.headers.get_all(COOKIE).iter();
    let Some(first) = crumbs.next() else {
        return;
    };
    let mut cookie = first.as_bytes().to_vec();
    for crumb in crumbs {
        cookie.extend_from_slice(b"; ");
        cookie.extend_from_slice(crumb.as_bytes());
    }
    put(b"cookie", &cookie);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, fields: &[(&str, &str)], has_body: bool) -> Result<String, HeadError> {
        let mut request = http::Request::builder().method("POST").uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let form = Form {
            has_body,
            has_fragment: false,
            is_tls: true,
        };
        let head = to_http1(&parts, form)?;
        Ok(String::from_utf8(head.to_vec()).unwrap())
    }

    #[test]
    fn a_stream_is_a_request_with_its_authority_as_host() {
        assert_eq!(
            head(
                "https://a.example/x?y=1",
                &[("content-length", "2"), ("x-a", "1"), ("x-a", "2")],
                true
            ),
            Ok(
                "POST /x?y=1 HTTP/1.1\r\nhost: a.example\r\ncontent-length: 2\r\nx-a: 1\r\nx-a: 2\r\n\r\n"
                    .to_owned()
            )
        );
        let with_host = head("https://a.example/", &[("host", "a.example")], false);
        assert_eq!(
            with_host,
            Ok("POST / HTTP/1.1\r\nhost: a.example\r\n\r\n".to_owned())
        );
    }

    #[test]
    fn a_body_without_a_length_is_chunked_and_cookies_are_one() {
        let text = head("https://a/", &[("cookie", "a=1"), ("cookie", "b=2")], true);
        let expected =
            "POST / HTTP/1.1\r\nhost: a\r\ncookie: a=1; b=2\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(head("http://a/", &[], false).is_err());
        assert!(head("ftp://a/", &[], false).is_err());
        assert!(head("https://a/", &[("host", "b")], false).is_err());
        assert!(head("*", &[], false).is_err());
    }
}
