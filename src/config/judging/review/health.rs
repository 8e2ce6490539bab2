//! A `health_path` that is also a route's: GET and HEAD for it never come to the route.

use http::Method;

use super::places::{Placed, ServerPlaces};
use crate::config::finding::Findings;
use crate::config::settings::{RouteConfig, ServerConfig};
use crate::config::shown::shown;
use crate::route::pattern::PathPattern;

const KEY: &str = "server.health_path";

pub(super) fn review(
    server: &ServerConfig,
    places: &ServerPlaces,
    routes: &[Placed<'_>],
    findings: &mut Findings<'_>,
) {
    let Some(path) = &server.health_path else {
        return;
    };
    let place = || places.health_path.clone();
    for (route, _) in routes {
        let takes_in = match &route.path {
            PathPattern::Exact(exact) => exact == path,
            PathPattern::Prefix(_) => path.starts_with(&route.path.beginning()),
        };
        if !takes_in {
            continue;
        }
        let name = shown(&route.name);
        match (&route.path, is_asked_for(route)) {
            (PathPattern::Exact(_), true) => {
                let message = format!(
                    "route `{name}` has this path, and would never get a GET or HEAD; expected another"
                );
                findings.error(place(), KEY, message);
            }
            (PathPattern::Exact(_), false) => {
                let message = format!(
                    "route `{name}` has this path too: GET and HEAD are answered here, what else comes is \
                     the route's; another path is clearer"
                );
                findings.warning(place(), KEY, message);
            }
            (PathPattern::Prefix(_), true) => {
                let message = format!(
                    "route `{name}` takes this path too, and gets no GET and no HEAD for it: they are \
                     answered here"
                );
                findings.warning(place(), KEY, message);
            }
            // What the route takes still comes to it.
            (PathPattern::Prefix(_), false) => {}
        }
    }
}

/// Whether a route takes a method that is answered at the health path.
fn is_asked_for(route: &RouteConfig) -> bool {
    let mut methods = route.methods.iter();
    methods.any(|method| matches!(*method, Method::GET | Method::HEAD))
}
