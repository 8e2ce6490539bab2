//! One secret on several routes.

use std::collections::{HashMap, HashSet};

use secrecy::ExposeSecret;

use super::places::Placed;
use crate::config::finding::Findings;
use crate::config::settings::RouteConfig;
use crate::config::shown::shown;
use crate::route::pattern::PathPattern;

/// The routes so far that have a certain secret.
#[derive(Default)]
struct Holders<'a> {
    first: Option<&'a str>,
    /// The first of those that do not sign the URL.
    first_without_url: Option<&'a str>,
    /// The others, by what their signed URLs begin with.
    urls: HashMap<String, &'a str>,
}

/// A secret that verifies on two routes lets a request for one be sent to the other. Where both sign the
/// URL, and different ones, it does not. That is usual: a provider has one secret for all routes of one app.
pub(super) fn review(routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    let mut seen: HashMap<&str, Holders<'_>> = HashMap::new();
    for (route, places) in routes {
        let url = signed_url(route);
        let mut own = HashSet::new();
        for secret in route.verify.secrets() {
            let value = secret.value.expose_secret();
            if !own.insert(value) {
                continue;
            }
            let holders = seen.entry(value).or_default();
            let other = holders.conflicting(url.as_deref());
            if let (Some(other), Some(place)) = (other, places.secrets.get(&*secret.id)) {
                let message = format!(
                    "secret `{}` is also one of route `{}`: a request for one passes on the other too, \
                     because the signed URL is the same, or none is signed",
                    shown(&secret.id),
                    shown(other)
                );
                findings.warning(place.clone(), "route.verify.secrets", message);
            }
            holders.add(&route.name, url.as_deref());
        }
    }
}

impl<'a> Holders<'a> {
    /// A route whose requests pass on the one with this signed URL too.
    fn conflicting(&self, url: Option<&str>) -> Option<&'a str> {
        match url {
            None => self.first,
            Some(url) => self.first_without_url.or(self.urls.get(url).copied()),
        }
    }

    fn add(&mut self, name: &'a str, url: Option<&str>) {
        self.first.get_or_insert(name);
        match url {
            Some(url) => {
                self.urls.entry(url.to_owned()).or_insert(name);
            }
            None => {
                self.first_without_url.get_or_insert(name);
            }
        }
    }
}

/// What all URLs begin with that a route's requests sign; `None` where some may sign none.
fn signed_url(route: &RouteConfig) -> Option<String> {
    let mut schemes = route.verify.schemes().peekable();
    schemes.peek()?;
    if !schemes.all(|scheme| scheme.signs_uri()) {
        return None;
    }
    let path = route.path.beginning();
    Some(match (&route.public_url, &route.path) {
        (Some(public), PathPattern::Exact(_)) if public.has_path => public.base.clone(),
        (Some(public), PathPattern::Prefix(_)) if public.has_path => format!("{}/", public.base),
        (Some(public), _) => format!("{}{path}", public.base),
        // Any of `public_hosts`.
        (None, _) => path,
    })
}
