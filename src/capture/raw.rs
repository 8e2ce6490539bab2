//! Requests as bytes: HTTP/1 as it is sent, or as an editor, a log or a tool for HTTP/2 made it.

use super::url::Url;
use super::{Capture, CaptureError, MAX_FIELDS, chunks, field_name, method};

const EXPECTED: &str = "expected is a raw HTTP/1 request (a line such as `POST /path HTTP/1.1`, the headers, an \
                        empty line, the body), a HAR file, or a curl command line";

/// Methods that may be shown: another first word may be anything, a secret too.
const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE",
];

pub(super) fn read(bytes: &[u8]) -> Result<Capture, CaptureError> {
    let mut lines = Lines {
        rest: bytes,
        read: 0,
    };
    let mut first: &[u8] = b"";
    while first.trim_ascii().is_empty() {
        first = lines
            .next()
            .ok_or_else(|| unlike_a_request("the file is empty"))?;
    }
    // Where the first line is indented, so are the others: that is no folding.
    let is_indent = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let depth = first.iter().take_while(is_indent).count();
    let (indent, first) = first.split_at_checked(depth).unwrap_or_default();

    let mut head = Head::default();
    if first.starts_with(b":") {
        head.take_line(first, lines.read)?;
    } else {
        let (method, target) = request_line(first).map_err(|what| unlike_a_request(&what))?;
        head.capture.method = method;
        head.capture.target = target;
    }
    while let Some(line) = lines.next() {
        let line = line.strip_prefix(indent).unwrap_or(line);
        if line.is_empty() {
            break;
        }
        head.take_line(line, lines.read)?;
    }
    let mut capture = head.finish()?;
    capture.body = body(&capture, lines.rest).into();
    Ok(capture)
}

/// The lines of a head, without their ends.
struct Lines<'a> {
    rest: &'a [u8],
    /// How many were read.
    read: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut parts = self.rest.splitn(2, |byte| *byte == b'\n');
        let line = parts.next()?;
        self.rest = parts.next().unwrap_or_default();
        self.read = self.read.saturating_add(1);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[derive(Default)]
struct Head<'a> {
    capture: Capture,
    authority: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// Takes a header line, or what continues the one before (RFC 9112 section 5.2).
    fn take_line(&mut self, line: &'a [u8], number: usize) -> Result<(), CaptureError> {
        if let Some(line) = line.strip_prefix(b":") {
            return self.take_pseudo(line);
        }
        let value = line.trim_ascii();
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let (_, last) = self
                .capture
                .fields
                .last_mut()
                .ok_or_else(|| not_a_header(number))?;
            if !last.is_empty() && !value.is_empty() {
                last.push(b' ');
            }
            last.extend_from_slice(value);
            return Ok(());
        }
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().ok_or_else(|| not_a_header(number))?;
        let name = field_name(name.trim_ascii()).ok_or_else(|| not_a_header(number))?;
        if self.capture.fields.len() >= MAX_FIELDS {
            return Err(unlike_a_request(
                "the file has more than 10,000 header lines",
            ));
        }
        self.capture
            .fields
            .push((name, value.trim_ascii().to_vec()));
        Ok(())
    }

    /// Takes a pseudo-header of HTTP/2 (RFC 9113 section 8.3.1), without its first colon.
    fn take_pseudo(&mut self, line: &'a [u8]) -> Result<(), CaptureError> {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().unwrap_or_default().trim_ascii();
        let value = halves.next().unwrap_or_default().trim_ascii();
        match name {
            b"method" => {
                let method = method(value);
                self.capture.method =
                    method.ok_or_else(|| unlike_a_request("`:method` is no method"))?;
            }
            b"path" if is_target(value) => self.capture.target = value.to_vec(),
            b"authority" => self.authority = Some(value),
            b"scheme" => self.scheme = Some(value),
            b"status" => return Err(unlike_a_request("this is an answer: it has a `:status`")),
            b"path" => return Err(unlike_a_request("`:path` is no path")),
            _ => return Err(unlike_a_request("a header that begins with `:` is unknown")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Capture, CaptureError> {
        let mut capture = self.capture;
        if capture.method.is_empty() || capture.target.is_empty() {
            return Err(unlike_a_request("there is no `:method`, or no `:path`"));
        }
        if let Some(url) = Url::split(&capture.target) {
            capture.origin = Some(url.origin());
        }
        let authority = self.authority.filter(|authority| !authority.is_empty());
        let Some(authority) = authority else {
            return Ok(capture);
        };
        if let Some(scheme) = self.scheme.filter(|_| capture.origin.is_none()) {
            let url = [scheme, b"://", authority].concat();
            capture.origin = Url::split(&url).map(|url| url.origin());
        }
        if capture.header("Host").is_none() {
            let host = ("Host".to_owned(), authority.to_vec());
            capture.fields.insert(0, host);
        }
        Ok(capture)
    }
}

/// Method and target, or what was found instead.
fn request_line(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let line = line.trim_ascii();
    let mut halves = line.splitn(2, u8::is_ascii_whitespace);
    let word = halves.next().unwrap_or_default();
    let target = without_version(halves.next().unwrap_or_default().trim_ascii_start());
    match method(word) {
        Some(method) if is_target(target) => Ok((method, target.to_vec())),
        found => Err(instead(line, found.as_deref())),
    }
}

/// What a line is that is no request line.
fn instead(line: &[u8], method: Option<&str>) -> String {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let found = if line.starts_with(b"HTTP/") {
        "this is an answer: it begins with a status line"
    } else if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
        "this is UTF-16: save it as UTF-8"
    } else if line.contains(&b'\r') {
        "the lines end with carriage returns alone"
    } else if line.iter().any(is_control) || std::str::from_utf8(line).is_err() {
        "this is binary data"
    } else if line.starts_with(b"[") {
        "this is JSON, but no HAR file"
    } else if line.starts_with(b"<") {
        "this is HTML or XML"
    } else {
        match method.filter(|method| METHODS.contains(method)) {
            Some(method) => return format!("after `{method}` there is neither a path nor a URL"),
            None => "the first line is no request line",
        }
    };
    found.to_owned()
}

fn is_target(target: &[u8]) -> bool {
    let is_one = target.starts_with(b"/") || target == b"*" || Url::split(target).is_some();
    is_one && !target.iter().any(u8::is_ascii_control)
}

/// What stands before the version of HTTP, where there is one. It may have blanks: of a path that was decoded.
fn without_version(text: &[u8]) -> &[u8] {
    let Some(blank) = text.iter().rposition(u8::is_ascii_whitespace) else {
        return text;
    };
    let (before, version) = text.split_at_checked(blank).unwrap_or_default();
    let name = version.trim_ascii_start().get(..5).unwrap_or_default();
    if name.eq_ignore_ascii_case(b"HTTP/") {
        before.trim_ascii_end()
    } else {
        text
    }
}

fn body(capture: &Capture, rest: &[u8]) -> Vec<u8> {
    if capture.is_chunked()
        && let Some(content) = chunks::content(rest)
    {
        return content;
    }
    let declared = capture.declared_bytes();
    let declared = declared.and_then(|bytes| usize::try_from(bytes).ok());
    // Editors end the last line. Any other surplus is what the request really had, as far as one can tell.
    match declared.and_then(|bytes| rest.split_at_checked(bytes)) {
        Some((body, b"\n" | b"\r\n")) => body.to_vec(),
        _ => rest.to_vec(),
    }
}

fn unlike_a_request(found: &str) -> CaptureError {
    CaptureError::malformed(format!("{found}; {EXPECTED}"))
}

fn not_a_header(line: usize) -> CaptureError {
    CaptureError::malformed(format!(
        "line {line} is no header line (`Name: value`); between the headers and the body there has to be an \
         empty line"
    ))
}

#[cfg(test)]
mod tests;
