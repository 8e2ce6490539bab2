//! Captured requests: what somebody kept of a request, in one of the forms in which people keep them.
//!
//! Reading is pure, and generous where it costs nothing: whoever has a problem has a capture that an editor, a
//! browser or a log has had in hands. What was kept byte for byte stays so.

mod chunks;
mod curl;
mod har;
mod raw;
mod url;

use std::fmt;

use bytes::Bytes;

use crate::http1::fields::is_token_byte;

/// The header in which a recorded request has the time at which it came, in milliseconds since the epoch.
pub(crate) const RECORDED_AT: &str = "X-Hookward-Recorded-At";
/// The header in which a recorded request has the reason for which it was refused.
pub(crate) const REASON: &str = "X-Hookward-Reason";

/// The largest file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

/// The most header lines of a capture. A file with more is none, and would take many times its size.
const MAX_FIELDS: usize = 10_000;
/// The longest name of a header, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The longest method, in bytes.
const MAX_METHOD_BYTES: usize = 32;

/// A request as it was kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) method: String,
    /// As in the request line: a path with perhaps a query, or a whole URL.
    pub(crate) target: Vec<u8>,
    /// Names and values, in their order, without blanks around them.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// The content: where the capture has it in chunks, without their sizes.
    pub(crate) body: Bytes,
    /// What the body is to have by its `Content-Length`, where that is more than there is.
    pub(crate) missing_bytes: Option<u64>,
    /// When it came, where the capture says so: milliseconds since the epoch.
    pub(crate) recorded_at: Option<u64>,
    /// For which reason it was refused, where the capture says so.
    pub(crate) reason: Option<String>,
    /// Scheme and host that were called, where the capture says so, such as `https://hooks.example.com`.
    pub(crate) origin: Option<String>,
}

/// Why a file is no capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CaptureError {
    /// What is wrong, and what is expected.
    #[error("{0}")]
    Malformed(String),
    /// A HAR file with several requests, or without the one that was asked for.
    #[error("{0}")]
    Entry(String),
}

impl CaptureError {
    fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

/// Without what may be secret: a capture can have an API key or a password in any of its parts.
impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("method", &self.method)
            .field("fields", &self.fields.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Capture {
    /// Reads a capture: a raw HTTP/1 request, a HAR file, or a `curl` command line. `entry` counts a HAR
    /// file's requests from 1.
    ///
    /// # Errors
    /// [`CaptureError`], which says what was expected.
    pub(crate) fn read(bytes: &[u8], entry: Option<usize>) -> Result<Self, CaptureError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = bytes.trim_ascii_start();
        let mut capture = if text.starts_with(b"{") {
            har::read(text, entry)?
        } else if text.starts_with(b"curl") && text.get(4).is_some_and(u8::is_ascii_whitespace) {
            curl::read(text)?
        } else {
            raw::read(bytes)?
        };
        capture.take_marks();
        capture.missing_bytes = capture.declared_bytes().filter(|declared| {
            u64::try_from(capture.body.len()).is_ok_and(|there| there < *declared)
        });
        Ok(capture)
    }

    /// The value of a header; the first, where there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    /// How long the body is to be, where its length was told in advance.
    fn declared_bytes(&self) -> Option<u64> {
        if self.is_chunked() {
            return None;
        }
        let length = std::str::from_utf8(self.header("Content-Length")?).ok()?;
        let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
        length.parse().ok().filter(|_| is_number)
    }

    fn is_chunked(&self) -> bool {
        let coding = self.header("Transfer-Encoding");
        coding.is_some_and(|coding| coding.to_ascii_lowercase().ends_with(b"chunked"))
    }

    /// Takes out what was added when it was recorded.
    fn take_marks(&mut self) {
        let text = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
        if let Some(at) = self.header(RECORDED_AT) {
            self.recorded_at = text(at).and_then(|at| at.trim().parse().ok());
        }
        if let Some(reason) = self.header(REASON) {
            self.reason = text(reason);
        }
        let is_mark = |name: &str| {
            name.eq_ignore_ascii_case(RECORDED_AT) || name.eq_ignore_ascii_case(REASON)
        };
        self.fields.retain(|(name, _)| !is_mark(name));
    }
}

/// A method as text, if it is one.
fn method(bytes: &[u8]) -> Option<String> {
    let is_method =
        (1..=MAX_METHOD_BYTES).contains(&bytes.len()) && bytes.iter().copied().all(is_token_byte);
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_method);
    text.map(str::to_owned)
}

/// The name of a header as text, if it is one.
fn field_name(bytes: &[u8]) -> Option<String> {
    let is_name =
        (1..=MAX_NAME_BYTES).contains(&bytes.len()) && bytes.iter().copied().all(is_token_byte);
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_name);
    text.map(str::to_owned)
}
