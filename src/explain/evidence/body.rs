//! Bodies that are not all there.

use serde::de::IgnoredAny;

use super::told;
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::told::Told;

/// A request without a body whose method has one.
pub(super) fn empty(case: &Case<'_>) -> Option<Told> {
    let received = &case.received;
    let has_body = matches!(received.method.as_str(), "POST" | "PUT" | "PATCH");
    if !has_body || !received.body.is_empty() {
        return None;
    }
    let fix = format!(
        "This {} came without a body, and {} always sends one. Something before hookward has read it and passes \
         on nothing (a body parser, a redirect, a gateway that buffers), or the capture was made without it.",
        received.method, case.provider.known.display_name
    );
    Some(told(Finding::BodyEmpty, fix))
}

/// Less than `Content-Length` says.
pub(super) fn missing_bytes(case: &Case<'_>) -> Option<Told> {
    let missing = case.capture.missing_bytes.filter(|missing| *missing > 0)?;
    let there = case.capture.body.len();
    let fix = format!(
        "The body has {there} bytes, {missing} fewer than `Content-Length` says. It was cut off on its way, or in \
         the capture: look for a limit of what made the capture, or of the proxy before hookward."
    );
    Some(told(Finding::BodyTruncated, fix))
}

/// JSON that ends before it is complete.
pub(super) fn truncated(case: &Case<'_>) -> Option<Told> {
    let body = &case.received.body;
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    let error = serde_json::from_slice::<IgnoredAny>(body).err()?;
    if !error.is_eof() {
        return None;
    }
    let fix = format!(
        "The body is JSON that ends too soon, after {} bytes. It was cut off on its way, or in the capture: look \
         for a limit of what made the capture, or of the proxy before hookward.",
        body.len()
    );
    Some(told(Finding::BodyTruncated, fix))
}
