//! Judges `[record]`, and what a route says of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};

use super::values::{located, positive, required, size};
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
    let directory = required(raw.directory, &span, DIRECTORY, example, findings)
        .and_then(|directory| read_directory(&directory, mode, findings));
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

/// A directory that cannot be written is no error: requests are served all the same. It is not looked for
/// where other files are not read.
fn read_directory(
    text: &Spanned<String>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    let is_absolute = text.get_ref().starts_with('/') && !text.get_ref().contains('\0');
    let directory = is_absolute
        .then(|| PathBuf::from(text.get_ref()))
        .ok_or("expected an absolute path of a directory: from `/` on");
    let directory = located(text, DIRECTORY, directory, findings)?;
    if mode == Secrets::Read
        && let Err(doubt) = doubt(&directory)
    {
        let message = format!("refused requests cannot be kept: {doubt}");
        findings.warning(text.span(), DIRECTORY, message);
    }
    Some(directory)
}

/// Why files cannot be made in a directory, or the directory itself, as far as that shows.
fn doubt(directory: &Path) -> Result<(), String> {
    let is_there = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    let Some(nearest) = directory.ancestors().find(is_there) else {
        return Ok(());
    };
    if !nearest.is_dir() {
        return Err(format!("`{}` is no directory", nearest.display()));
    }
    access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("`{}`: {}", nearest.display(), std::io::Error::from(error)))
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
