//! Bodies that are not all there.

use serde::de::IgnoredAny;

use super::told;
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::told::Told;
use crate::reason::Reason;

/// The reasons that are decided when a body was read, or while it is. For every other one it is not.
const OF_BODY: [Reason; 3] = [
    Reason::SignatureMismatch,
    Reason::BodyTimeout,
    Reason::BadRequest,
];

/// Whether a request was recorded without its body: it was refused by its head alone.
pub(in crate::explain) fn is_head_alone(case: &Case<'_>) -> bool {
    let capture = case.capture;
    let is_of_head = |reason: &String| !OF_BODY.iter().any(|other| other.as_str() == reason);
    let had_body = capture.missing_bytes.is_some() || capture.header("Transfer-Encoding").is_some();
    capture.body.is_empty() && had_body && capture.reason.as_ref().is_some_and(is_of_head)
}

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
pub(in crate::explain) fn missing_bytes(case: &Case<'_>, reason: Reason) -> Option<Told> {
    if !reason.is_unauthenticated() {
        return None;
    }
    if is_head_alone(case) {
        // Only a signature needs it.
        let is_needed = reason == Reason::SignatureMismatch;
        let fix = "The body was not read when this request was recorded: its head alone was reason enough to refuse \
             it. So its signature cannot be checked. Judge it as of when it came (without --at), or record it \
             anew once that reason is gone.";
        return is_needed.then(|| told(Finding::BodyTruncated, fix));
    }
    let there = u64::try_from(case.capture.body.len()).ok()?;
    let declared = case.capture.missing_bytes.filter(|all| *all > there)?;
    let missing = declared.saturating_sub(there);
    let fix = format!(
        "The body has {there} bytes, {missing} fewer than the {declared} that `Content-Length` says. It was cut off \
         on its way, or in the capture: look for a limit of what made the capture, or of the proxy before \
         hookward."
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
