//! Where the parts of a route stand in the file.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::reading::raw::RawRoute;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::RouteConfig;

/// Where the parts of a route stand. Taken before the route is judged.
pub(in crate::config::judging) struct Places {
    pub(super) path: Range<usize>,
    pub(super) upstream: Range<usize>,
    /// By their ids.
    pub(super) secrets: HashMap<String, Range<usize>>,
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
