//! Keys in headers and queries: they are compared and not recomputed, so all there is to tell is what the head
//! shows.

use super::headers::{fix_renamed, squashed};
use super::{settings, told};
use crate::capture::Capture;
use crate::explain::finding::Finding;
use crate::explain::told::Told;
use crate::reason::Reason;
use crate::verify::ApiKeyLocation;

/// What gateways put before the name of a header that they do not pass on, without hyphens.
const BEFORE: [&str; 7] = [
    "",
    "http",
    "x",
    "original",
    "forwarded",
    "xoriginal",
    "xforwarded",
];

/// What is told of a request to a route that takes a key. `name` is the route's.
pub(crate) fn told_of_key(
    capture: &Capture,
    name: &str,
    location: &ApiKeyLocation,
    reason: Reason,
) -> Option<Told> {
    match (reason, location) {
        (Reason::MethodNotAllowed, _) => Some(settings::method(capture, name)),
        (Reason::MissingApiKey, ApiKeyLocation::Header(header)) => {
            Some(missing(capture, name, header.as_str()))
        }
        (Reason::MissingApiKey, ApiKeyLocation::Query(parameter)) => {
            let parameter = parameter.escape_debug();
            let fix = format!(
                "The query has no parameter `{parameter}`, in which route `{name}` expects its key. Let the sender \
                 add it to the URL that it calls, and the proxy before hookward pass the query on; or set `header` \
                 in place of `query` under its [route.verify], if the key comes in one."
            );
            Some(told(Finding::QueryMissing, fix))
        }
        (Reason::DuplicateHeader, ApiKeyLocation::Header(header)) => {
            let fields = capture.fields.iter();
            let same = fields.filter(|(other, _)| other.eq_ignore_ascii_case(header.as_str()));
            let times = same.count();
            let fix = format!(
                "{header} came {times} times. Let the sender send it once, and the proxy before hookward pass it \
                 on and not add it."
            );
            (times > 1).then(|| told(Finding::HeaderDoubled, fix))
        }
        _ => None,
    }
}

fn missing(capture: &Capture, name: &str, header: &str) -> Told {
    let mut fields = capture.fields.iter().map(|(other, _)| &**other);
    if let Some(other) = fields.find(|other| is_renamed(other, header)) {
        return told(Finding::HeaderRenamed, fix_renamed(header, other));
    }
    let fix = format!(
        "{header} did not come, in which route `{name}` expects its key. Let the sender send it, and the proxy \
         before hookward pass it on under its own name; or set `header` under its [route.verify] to the one in \
         which the key comes."
    );
    told(Finding::HeaderMissing, fix)
}

/// Whether a name is the header's with `_` for `-`, in one word, or with what gateways put before it.
fn is_renamed(name: &str, header: &str) -> bool {
    let whole = squashed(header);
    let lower = header.to_ascii_lowercase();
    let core = squashed(lower.strip_prefix("x-").unwrap_or(&lower));
    let name_is = |expected: &str| {
        let name = squashed(name);
        let before = name.strip_suffix(expected);
        before.is_some_and(|before| BEFORE.contains(&before))
    };
    !name.eq_ignore_ascii_case(header) && (name_is(&whole) || name_is(&core))
}
