//! Judges `[record]`, and what a route says of it.

use std::time::Duration;

use super::directory::read_directory;
use super::values::{positive, required, size};
use crate::config::finding::Findings;
use crate::config::reading::raw::RawRecord;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Record, RecordConfig, Secrets};

const DIRECTORY: &str = "record.directory";

pub(super) fn record(
    raw: Spanned<RawRecord>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<RecordConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    let example = "such as \"/var/lib/hookward/refused\"";
    let directory =
        required(raw.directory, &span, DIRECTORY, example, findings).and_then(|directory| {
            let loss = "refused requests cannot be kept";
            read_directory(&directory, DIRECTORY, loss, mode, findings)
        });
    let max_requests = raw.max_requests.map_or(100, |limit| {
        if *limit.get_ref() == 0 {
            findings.error(limit.span(), "record.max_requests", "expected at least 1");
        }
        *limit.get_ref()
    });
    Some(RecordConfig {
        max_requests: usize::try_from(max_requests).unwrap_or(usize::MAX),
        max_bytes: size(
            raw.max_bytes.as_ref(),
            64 << 20,
            "record.max_bytes",
            findings,
        ),
        max_age: positive(
            raw.max_age,
            Duration::from_secs(7 * 24 * 60 * 60),
            "record.max_age",
            findings,
        ),
        directory: directory?,
    })
}

/// What a route says: that bodies are kept is worth a warning.
pub(super) fn read_record(
    record: &Spanned<Record>,
    can_record: bool,
    findings: &mut Findings<'_>,
) -> Record {
    const KEY: &str = "route.record";
    match record.get_ref() {
        Record::Off => {}
        Record::Refused if !can_record => {
            let message = "it needs [record] with `directory`, where the requests are kept";
            findings.error(record.span(), KEY, message);
        }
        Record::Refused => {
            let message = "refused requests are kept on disk with their bodies, which can hold personal data, \
                           until record.max_age is over";
            findings.warning(record.span(), KEY, message);
        }
    }
    *record.get_ref()
}
