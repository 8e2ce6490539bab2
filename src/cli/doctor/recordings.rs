//! The directory of `[record]`: whether refused requests can be kept there, with room for all that may be, and
//! by whom they can be seen. Their bodies hold what the senders' do.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::report::Line;
use crate::config::{Config, RecordConfig};

const CHECK: &str = "recordings";
/// What every error here costs: no request, only its recording.
const FIX: &str =
    "until then refused requests are not kept: give it to hookward's user, or correct the path";

/// A line where there is such a directory.
pub(super) fn check(config: &Config) -> Option<Line> {
    let record = config.record.as_ref()?;
    let about = format!("{} (record.directory)", record.directory.display());
    Some(judge(about, record))
}

fn judge(about: String, record: &RecordConfig) -> Line {
    let directory = &record.directory;
    let is_there = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    let nearest = directory.ancestors().find(is_there);
    let nearest = nearest.unwrap_or(Path::new("/"));
    let metadata = match std::fs::metadata(nearest) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let text = format!("{} is no directory", nearest.display());
            return Line::failed(CHECK, about, text, FIX);
        }
        Err(error) => {
            let text = format!("it cannot be used: {}: {error}", nearest.display());
            return Line::failed(CHECK, about, text, FIX);
        }
    };
    let is_made = nearest == directory;
    // It is listed too, to find what is old. Of a directory on the way nobody asks that.
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    let rights = if is_made {
        rights | Access::READ_OK
    } else {
        rights
    };
    if let Err(error) = access(nearest, rights) {
        let text = format!(
            "this user cannot make files in {}: {error}",
            nearest.display()
        );
        return Line::failed(CHECK, about, text, FIX);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if is_made && mode & 0o077 != 0 {
        let text =
            format!("others than its owner may enter it, list it or write in it (mode {mode:03o})");
        return Line::warning(CHECK, about, text, "chmod 700");
    }
    // What is there already gives way to what comes.
    let held = if is_made { held(directory) } else { 0 };
    let needed = record.max_bytes.saturating_sub(held);
    match statvfs(nearest) {
        Ok(room) if room.f_bavail.saturating_mul(room.f_frsize) < needed => {
            let free = room.f_bavail.saturating_mul(room.f_frsize);
            let text = format!(
                "{} MiB are free, and up to {} MiB more will be kept (record.max_bytes)",
                mib(free),
                mib(needed)
            );
            let fix = "make room, or lower max_bytes: what has no room is lost";
            Line::warning(CHECK, about, text, fix)
        }
        _ if is_made => Line::ok(CHECK, about, "files can be made in it, with room for all"),
        _ => Line::ok(CHECK, about, "it is not there yet, and can be made"),
    }
}

/// How many bytes its files take.
fn held(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok());
    let sizes = files.filter(std::fs::Metadata::is_file).map(|it| it.len());
    sizes.fold(0, u64::saturating_add)
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
