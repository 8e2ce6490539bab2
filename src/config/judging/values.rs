//! Checks of single values, whatever their key: that they are present, can be read, and are greater than
//! zero.

use std::ops::Range;
use std::time::Duration;

use crate::config::finding::Findings;
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
