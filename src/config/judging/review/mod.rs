//! What is wrong, or looks like a mistake, between the parts of a configuration: each is sound, and
//! together they do what nobody wants.
//!
//! Everything here is linear in the number of routes, but for sorting: a file of ten thousand is
//! reloaded while requests wait for it.

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
