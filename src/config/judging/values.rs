//! Checks of single values, whatever their key: that they are present, can be read, are greater than zero,
//! and are paths from the root.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::finding::Findings;
use crate::config::listen_address::MAX_SOCKET_PATH_BYTES;
use crate::config::reading::spanned::Spanned;
use crate::config::reading::units::{HumanDuration, HumanSize};

/// A value that must be there; `table` is where it would stand.
pub(super) fn required<T>(
    value: Option<T>,
    table: &Range<usize>,
    key: &str,
    example: &str,
    findings: &mut Findings<'_>,
) -> Option<T> {
    if value.is_none() {
        findings.missing(table.clone(), key, format!("required, {example}"));
    }
    value
}

/// What was read from the text at `place`, or an error there.
pub(super) fn located<T, E: std::fmt::Display>(
    place: &Spanned<String>,
    key: &str,
    result: Result<T, E>,
    findings: &mut Findings<'_>,
) -> Option<T> {
    result
        .map_err(|error| findings.error(place.span(), key, error.to_string()))
        .ok()
}

/// A path from the root to a file.
pub(super) fn absolute_path(text: &str) -> Result<PathBuf, &'static str> {
    let is_file = text.starts_with('/') && !text.ends_with('/') && !text.contains('\0');
    is_file
        .then(|| PathBuf::from(text))
        .ok_or("expected an absolute path of a file: from `/` on, and without `/` at its end")
}

/// A path from the root that a Unix socket can have.
pub(super) fn socket_path(text: &str) -> Result<PathBuf, &'static str> {
    if text.len() > MAX_SOCKET_PATH_BYTES {
        return Err(
            "the system takes at most 107 bytes for the path of a socket; expected a shorter one",
        );
    }
    absolute_path(text)
}

/// A duration that must be greater than zero.
pub(super) fn positive(
    raw: Option<Spanned<HumanDuration>>,
    default: Duration,
    key: &str,
    findings: &mut Findings<'_>,
) -> Duration {
    raw.map_or(default, |raw| {
        if raw.get_ref().0.is_zero() {
            findings.error(raw.span(), key, "expected at least \"1ms\"");
        }
        raw.get_ref().0
    })
}

/// A size that must be greater than zero.
pub(super) fn size(
    raw: Option<&Spanned<HumanSize>>,
    default: u64,
    key: &str,
    findings: &mut Findings<'_>,
) -> u64 {
    raw.map_or(default, |raw| {
        if raw.get_ref().0 == 0 {
            findings.error(raw.span(), key, "expected at least \"1B\"");
        }
        raw.get_ref().0
    })
}
