//! Which route a path that has none was meant for.

use super::finding::Finding;
use super::told::Told;

/// The cause for a path that no route has, where a small change leads to one. `paths` are the routes' names and
/// their `path`, as it is written.
pub(crate) fn told(path: &str, paths: &[(&str, &str)]) -> Option<Told> {
    let leads_to = |changed: &str| {
        let mut paths = paths.iter();
        paths.find(|(_, pattern)| is_matched(changed, pattern))
    };
    let tell = |finding, (name, pattern): &(&str, &str), what: &str| Told {
        finding,
        fix: format!(
            "{what} leads to route {name} (path = \"{pattern}\"): let the sender call that path, or set the \
             route's path to the one that arrives"
        ),
    };
    let slashed = match path.strip_suffix('/') {
        Some(without) => without.to_owned(),
        None => format!("{path}/"),
    };
    if let Some(route) = leads_to(&slashed) {
        let what = if path.ends_with('/') {
            "the path without its last slash"
        } else {
            "the path with a slash at its end"
        };
        return Some(tell(Finding::UrlTrailingSlash, route, what));
    }
    let mut others = paths.iter();
    let lower = path.to_lowercase();
    if let Some(route) = others.find(|(_, pattern)| is_matched(&lower, &pattern.to_lowercase())) {
        return Some(tell(
            Finding::UrlPathCase,
            route,
            "the path in other capitals",
        ));
    }
    let cuts = path.match_indices('/').map(|(place, _)| place).skip(1);
    for place in cuts {
        let rest = path.get(place..).unwrap_or_default();
        if let Some(route) = leads_to(rest) {
            let prefix = path.get(..place).unwrap_or_default();
            let what = format!("the path without {prefix}, which something in front adds,");
            return Some(tell(Finding::UrlPathPrefix, route, &what));
        }
    }
    paths.iter().find_map(|route| {
        let whole = route.1.trim_end_matches("/*");
        let prefix = whole.strip_suffix(path).filter(|_| path.len() > 1);
        let prefix = prefix.or_else(|| prefix_before(whole, path))?;
        let what = format!("the path behind {prefix}, which something in front takes away,");
        (!prefix.is_empty()).then(|| tell(Finding::UrlPathPrefix, route, &what))
    })
}

/// What a proxy took from the beginning of `whole/…`, if `path` is what is left.
fn prefix_before<'a>(whole: &'a str, path: &str) -> Option<&'a str> {
    let last = whole.rfind('/')?;
    let (prefix, segment) = whole.split_at_checked(last)?;
    let is_rest = path == segment || path.strip_prefix(segment)?.starts_with('/');
    is_rest.then_some(prefix)
}

/// Whether a route with this `path` takes `path` in.
fn is_matched(path: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.len() > beginning.len() && path.starts_with(beginning),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_route_leads_to_the_one_it_was_meant_for() {
        let paths = [("crm", "/hooks/hubspot"), ("all", "/in/*")];
        for (path, expected) in [
            ("/hooks/hubspot/", Some((Finding::UrlTrailingSlash, "crm"))),
            ("/Hooks/HubSpot", Some((Finding::UrlPathCase, "crm"))),
            ("/api/hooks/hubspot", Some((Finding::UrlPathPrefix, "crm"))),
            ("/hubspot", Some((Finding::UrlPathPrefix, "crm"))),
            ("/IN/x", Some((Finding::UrlPathCase, "all"))),
            ("/v1/in/x", Some((Finding::UrlPathPrefix, "all"))),
            ("/elsewhere", None),
            ("/", None),
        ] {
            let told = told(path, &paths);
            let found = told.as_ref().map(|told| told.finding);
            assert_eq!(found, expected.map(|(finding, _)| finding), "{path}");
            if let (Some(told), Some((_, route))) = (told, expected) {
                assert!(told.fix.contains(route), "{}", told.fix);
            }
        }
    }
}
