//! Where a URL is to be changed, in the words of a fix: the line of the configuration, and texts of URLs that
//! can be shown.

use super::known;
use super::parts::Parts;
use crate::explain::case::Case;
use crate::route::pattern::PathPattern;

/// The line that makes hookward hash this URL; `None` where none can, or where it is there already.
pub(in crate::explain::mistakes) fn public_url(case: &Case<'_>, url: &Parts<'_>) -> Option<String> {
    let value = public_url_value(case, url)?;
    if case.route.public_url.as_deref() == Some(&value) {
        return None;
    }
    Some(format!("{}: public_url = \"{value}\"", route(case)))
}

/// The table of the route.
pub(in crate::explain::mistakes) fn route(case: &Case<'_>) -> String {
    format!("in [[route]] name = \"{}\"", case.route.name)
}

/// Whether the route is the one of this path.
pub(super) fn matches(case: &Case<'_>, path: &[u8]) -> bool {
    PathPattern::parse(&case.route.path).is_ok_and(|pattern| match &pattern {
        PathPattern::Exact(exact) => path == exact.as_bytes(),
        PathPattern::Prefix(_) => path.starts_with(pattern.beginning().as_bytes()),
    })
}

/// A part of a URL as a fix shows it.
pub(in crate::explain::mistakes) fn shown(part: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(part);
    let mut shown: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// Without a path, `public_url` is followed by the whole target; with one, by what follows the path of the
/// route. So only a URL whose path ends as the target does can be had.
fn public_url_value(case: &Case<'_>, url: &Parts<'_>) -> Option<String> {
    let target = known::target_path(case);
    let mut value = url.origin();
    if url.path != target {
        let rest = match PathPattern::parse(&case.route.path).ok()? {
            PathPattern::Exact(_) => b"".as_slice(),
            PathPattern::Prefix(path) => target.strip_prefix(path.as_bytes())?,
        };
        let head = url.path.strip_suffix(rest)?;
        if head.is_empty() || head.ends_with(b"/") {
            return None;
        }
        value.extend_from_slice(head);
    }
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#');
    let value = String::from_utf8(value).ok()?;
    value.as_bytes().iter().all(is_plain).then_some(value)
}
