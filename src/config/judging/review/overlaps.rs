//! Routes whose paths overlap. The longer path wins.

use super::places::Placed;
use crate::config::finding::Findings;
use crate::config::settings::RouteConfig;
use crate::config::shown::shown;
use crate::route::pattern::PathPattern;

/// Says which route wins where two take the same path.
///
/// Sorted, a prefix stands directly before all that it covers, so that one pass finds for each path the
/// longest prefix above it.
pub(super) fn review(routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    let mut sorted: Vec<(String, &Placed<'_>)> = routes
        .iter()
        .map(|placed| (placed.0.path.beginning(), placed))
        .collect();
    sorted.sort_by(|(path, (route, _)), (other, (other_route, _))| {
        let is_exact = |route: &RouteConfig| matches!(route.path, PathPattern::Exact(_));
        (path, is_exact(route)).cmp(&(other, is_exact(other_route)))
    });
    let mut above: Vec<(&str, &RouteConfig)> = Vec::new();
    for (path, (route, places)) in &sorted {
        while above
            .last()
            .is_some_and(|(prefix, _)| !path.starts_with(prefix))
        {
            above.pop();
        }
        if let Some((_, outer)) = above.last()
            && outer.path != route.path
        {
            let message = format!(
                "route `{}` takes this path too; the longer one wins, so it comes here, to `{}`",
                shown(&outer.name),
                shown(&route.name)
            );
            findings.warning(places.path.clone(), "route.path", message);
        }
        if matches!(route.path, PathPattern::Prefix(_)) {
            above.push((path, route));
        }
    }
}
