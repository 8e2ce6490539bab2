//! Directories that hookward writes into while it serves.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::values::located;
use crate::config::finding::Findings;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::Secrets;

/// Reads the path of a directory. One that cannot be written is no error: requests are served all the same, with
/// a `loss`. It is not looked for where other files are not read.
pub(super) fn read_directory(
    text: &Spanned<String>,
    key: &str,
    loss: &str,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    let is_absolute = text.get_ref().starts_with('/') && !text.get_ref().contains('\0');
    let directory = is_absolute
        .then(|| PathBuf::from(text.get_ref()))
        .ok_or("expected an absolute path of a directory: from `/` on");
    let directory = located(text, key, directory, findings)?;
    if mode == Secrets::Read
        && let Err(doubt) = doubt(&directory)
    {
        findings.warning(text.span(), key, format!("{loss}: {doubt}"));
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
