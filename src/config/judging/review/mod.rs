//! Mistakes that only show when parts of a configuration are compared: each part is valid by itself.
//!
//! Everything here is linear in the number of routes, apart from sorting, so that a file of ten thousand
//! routes is loaded in under a second.

mod loops;
mod overlaps;
mod places;
mod shared_secrets;

use std::net::SocketAddr;

pub(super) use places::{Placed, Places};

use crate::config::finding::Findings;

/// Looks at all routes together. `own` is where hookward itself listens.
pub(super) fn review(own: &[SocketAddr], routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    loops::review(own, routes, findings);
    overlaps::review(routes, findings);
    shared_secrets::review(routes, findings);
}
