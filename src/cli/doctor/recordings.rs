//! The directory of `[record]`: whether refused requests can be kept there, with room for all that may be, and
//! by whom they can be seen. Their bodies hold what the senders' do.

use super::directory::{Files, judge};
use super::report::Line;
use crate::config::Config;

/// A line where there is such a directory.
pub(super) fn check(config: &Config) -> Option<Line> {
    let record = config.record.as_ref()?;
    Some(judge(&Files {
        check: "recordings",
        directory: &record.directory,
        key: "record.directory",
        max_bytes: record.max_bytes,
        max_key: "record.max_bytes",
        // What every error here costs: no request, only its recording.
        fix: "until then refused requests are not kept: give it to hookward's user, or correct the path",
        fix_of_room: "make room, or lower max_bytes: what has no room is lost",
    }))
}
