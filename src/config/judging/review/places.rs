//! Where the parts of a route, and some of `[server]`, stand in the file.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::reading::raw::{RawRoute, RawServer};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::RouteConfig;

/// Where the parts of a route stand. Taken before the route is judged.
pub(in crate::config::judging) struct Places {
    pub(super) path: Range<usize>,
    pub(super) upstream: Range<usize>,
    /// By their ids.
    pub(super) secrets: HashMap<String, Range<usize>>,
}

/// Where parts of `[server]` stand. Taken before it is judged.
pub(in crate::config::judging) struct ServerPlaces {
    pub(super) health_path: Range<usize>,
    /// The `cert` of each of `certificates` that has one.
    pub(super) certificates: Vec<Range<usize>>,
}

impl ServerPlaces {
    pub(in crate::config::judging) fn of(raw: &RawServer) -> Self {
        let tls = raw.tls.as_ref().map(Spanned::get_ref);
        let certificates = tls.and_then(|tls| tls.certificates.as_ref());
        let certificates = certificates.map_or(&[][..], |list| list.get_ref());
        let certificates = certificates.iter();
        Self {
            health_path: raw.health_path.as_ref().map_or(0..0, Spanned::span),
            certificates: certificates
                .filter_map(|entry| Some(entry.get_ref().cert.as_ref()?.span()))
                .collect(),
        }
    }
}

/// A route that was judged sound, and where it stands.
pub(in crate::config::judging) type Placed<'a> = (&'a RouteConfig, &'a Places);

impl Places {
    pub(in crate::config::judging) fn of(route: &Spanned<RawRoute>) -> Self {
        let raw = route.get_ref();
        let place = |text: &Option<Spanned<String>>| {
            text.as_ref().map_or_else(|| route.span(), Spanned::span)
        };
        let verify = raw.verify.as_ref().map(Spanned::get_ref);
        let secrets = verify.and_then(|verify| verify.secrets.as_ref());
        let secrets = secrets.map_or(&[][..], |secrets| secrets.get_ref());
        let secrets = secrets.iter().filter_map(|secret| {
            let id = secret.get_ref().id.as_ref()?;
            Some((id.get_ref().clone(), secret.span()))
        });
        Self {
            path: place(&raw.path),
            upstream: place(&raw.upstream),
            secrets: secrets.collect(),
        }
    }
}
