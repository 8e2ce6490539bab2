//! What is wrong, or looks like a mistake, between the parts of a configuration: each is sound, and
//! together they do what nobody wants.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::finding::Findings;
use crate::config::reading::raw::{RawRoute, RawSecret};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::RouteConfig;
use crate::config::upstream::Upstream;
use crate::route::pattern::PathPattern;

/// Where the parts of a route stand in the file. Taken before the route is judged.
pub(super) struct Places {
    path: Range<usize>,
    upstream: Range<usize>,
    secrets: Vec<(Option<String>, Range<usize>)>,
}

impl Places {
    pub(super) fn of(route: &Spanned<RawRoute>) -> Self {
        let raw = route.get_ref();
        let place = |text: &Option<Spanned<String>>| {
            text.as_ref().map_or_else(|| route.span(), Spanned::span)
        };
        let verify = raw.verify.as_ref().map(Spanned::get_ref);
        let secrets = verify.and_then(|verify| verify.secrets.as_ref());
        let secrets = secrets.map_or(&[][..], |secrets| secrets.get_ref());
        let secret = |secret: &Spanned<RawSecret>| {
            let id = secret.get_ref().id.as_ref();
            (id.map(|id| id.get_ref().clone()), secret.span())
        };
        Self {
            path: place(&raw.path),
            upstream: place(&raw.upstream),
            secrets: secrets.iter().map(secret).collect(),
        }
    }

    fn secret(&self, id: &str) -> Option<Range<usize>> {
        let mut secrets = self.secrets.iter();
        let found = secrets.find(|(found, _)| found.as_deref() == Some(id));
        found.map(|(_, place)| place.clone())
    }
}

/// A route that was judged sound, and where it stands.
pub(super) type Placed<'a> = (&'a RouteConfig, &'a Places);

/// Looks at all routes together.
pub(super) fn review(own: &[SocketAddr], routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    loops(own, routes, findings);
    overlaps(routes, findings);
    shared_secrets(routes, findings);
}

/// A verified request that comes back to hookward never ends.
fn loops(own: &[SocketAddr], routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    for (route, places) in routes {
        let Upstream::Tcp { host, port, .. } = &route.upstream else {
            continue;
        };
        let host = if host == "localhost" {
            "127.0.0.1"
        } else {
            host
        };
        let Ok(ip) = host.parse::<IpAddr>() else {
            continue;
        };
        let is_own = |listen: &SocketAddr| {
            let is_any = listen.ip().is_unspecified() && ip.is_loopback();
            listen.port() == *port && (listen.ip() == ip || is_any)
        };
        if let Some(listen) = own.iter().find(|listen| is_own(listen)) {
            let message = format!(
                "this is where hookward itself listens ({listen}); expected the app's address"
            );
            findings.error(places.upstream.clone(), "route.upstream", message);
        }
    }
}

/// Says which route wins where two take the same path.
fn overlaps(routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    for (inner, places) in routes {
        let path = match &inner.path {
            PathPattern::Exact(path) => path.clone(),
            PathPattern::Prefix(path) => format!("{path}/"),
        };
        let covers = |outer: &RouteConfig| match &outer.path {
            PathPattern::Prefix(prefix) if outer.path != inner.path => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            PathPattern::Prefix(_) | PathPattern::Exact(_) => false,
        };
        if let Some((outer, _)) = routes.iter().find(|(outer, _)| covers(outer)) {
            let message = format!(
                "route `{}` takes this path too; the longer one wins, so it comes here, to `{}`",
                outer.name, inner.name
            );
            findings.warning(places.path.clone(), "route.path", message);
        }
    }
}

/// A secret that verifies on two routes lets a request for one be sent to the other, unless the URL is
/// signed, and cannot be rotated for one alone.
fn shared_secrets(routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    let mut seen: HashMap<&str, Arc<str>> = HashMap::new();
    for (route, places) in routes {
        for secret in route.verify.secrets() {
            let value = secret.value.expose_secret();
            let first = seen.entry(value).or_insert_with(|| Arc::clone(&route.name));
            if **first != *route.name
                && let Some(place) = places.secret(&secret.id)
            {
                let message = format!(
                    "secret `{}` is also one of route `{first}`: where the URL is not signed, a \
                     request for one passes as one for the other",
                    secret.id
                );
                findings.warning(place, "route.verify.secrets", message);
            }
        }
    }
}
