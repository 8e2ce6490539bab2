//! Mistakes that only show when parts of a configuration are compared: each part is valid by itself.
//!
//! Everything here is linear in the number of routes, apart from sorting, so that a file of ten thousand
//! routes is loaded in under a second.

mod health;
mod loops;
mod names;
mod overlaps;
mod places;
mod shared_secrets;

pub(super) use places::{Placed, Places, ServerPlaces};

use crate::config::finding::Findings;
use crate::config::listen_address::ListenAddress;
use crate::config::settings::ServerConfig;

/// Looks at all routes together. `own` is where hookward itself listens.
pub(super) fn review(own: &[ListenAddress], routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    loops::review(own, routes, findings);
    overlaps::review(routes, findings);
    shared_secrets::review(routes, findings);
}

/// Compares `[server]` with the routes.
pub(super) fn review_server(
    server: &ServerConfig,
    places: &ServerPlaces,
    routes: &[Placed<'_>],
    findings: &mut Findings<'_>,
) {
    health::review(server, places, routes, findings);
    names::review(server, places, routes, findings);
}
