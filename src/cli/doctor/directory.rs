//! A directory in which requests are kept: whether files can be made there, with room for all that may be, and by whom
//! they can be seen.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::report::Line;

/// What is kept, and where.
pub(super) struct Files<'a> {
    pub(super) check: &'static str,
    pub(super) directory: &'a Path,
    /// The key that names it.
    pub(super) key: &'static str,
    /// How many bytes are kept at most.
    pub(super) max_bytes: u64,
    /// The key that says so.
    pub(super) max_key: &'static str,
    /// What to do where it cannot be used.
    pub(super) fix: &'static str,
    /// What to do where there is too little room.
    pub(super) fix_of_room: &'static str,
}

pub(super) fn judge(files: &Files<'_>) -> Line {
    let directory = files.directory;
    let about = format!("{} ({})", directory.display(), files.key);
    let is_there = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    let nearest = directory.ancestors().find(is_there);
    let nearest = nearest.unwrap_or(Path::new("/"));
    let metadata = match std::fs::metadata(nearest) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let text = format!("{} is no directory", nearest.display());
            return Line::failed(files.check, about, text, files.fix);
        }
        Err(error) => {
            let text = format!("it cannot be used: {}: {error}", nearest.display());
            return Line::failed(files.check, about, text, files.fix);
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
        return Line::failed(files.check, about, text, files.fix);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if is_made && mode & 0o077 != 0 {
        let text =
            format!("others than its owner may enter it, list it or write in it (mode {mode:03o})");
        return Line::warning(files.check, about, text, "chmod 700");
    }
    // What is there already gives way to what comes.
    let held = if is_made { held(directory) } else { 0 };
    let needed = files.max_bytes.saturating_sub(held);
    match statvfs(nearest) {
        Ok(room) if room.f_bavail.saturating_mul(room.f_frsize) < needed => {
            let free = room.f_bavail.saturating_mul(room.f_frsize);
            let text = format!(
                "{} MiB are free, and up to {} MiB more will be kept ({})",
                mib(free),
                mib(needed),
                files.max_key
            );
            Line::warning(files.check, about, text, files.fix_of_room)
        }
        _ if is_made => Line::ok(
            files.check,
            about,
            "files can be made in it, with room for all",
        ),
        _ => Line::ok(files.check, about, "it is not there yet, and can be made"),
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
