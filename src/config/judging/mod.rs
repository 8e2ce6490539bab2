//! What the keys mean together: required keys, ranges, secrets, and what routes must not have in
//! common. Here the file as a whole; each table in a file of its own.

mod admin;
mod api_key;
pub(crate) mod authorities;
mod certificate;
mod directory;
mod listen;
mod proxies;
mod public_url;
mod record;
mod replay;
mod review;
mod route;
mod secret;
pub(crate) mod secret_source;
mod server;
mod signed;
mod spool;
mod tls;
mod values;
mod verification;

use std::collections::HashSet;

use admin::admin;
use review::{Placed, Places, ServerPlaces, review, review_server};
use route::RouteDefaults;
use server::{DEFAULT_MAX_BODY_BYTES, server};
use values::size;

use super::finding::Findings;
use super::listen_address::ListenAddress;
use super::reading::raw::{RawConfig, RawRoute};
use super::reading::spanned::Spanned;
use super::settings::{Config, LogConfig, Options, RouteConfig};
use super::shown::shown;

pub(crate) fn judge(
    raw: RawConfig,
    options: Options,
    findings: &mut Findings<'_>,
) -> Option<Config> {
    let server_span = raw.server.as_ref().map_or(0..0, Spanned::span);
    let raw_server = raw.server.map(Spanned::into_inner).unwrap_or_default();
    let defaults = RouteDefaults {
        max_body_bytes: size(
            raw_server.max_body_bytes.as_ref(),
            DEFAULT_MAX_BODY_BYTES,
            "server.max_body_bytes",
            findings,
        ),
        can_reconstruct_url: (raw_server.tls.is_some()
            || raw_server
                .trusted_proxies
                .as_ref()
                .is_some_and(|list| !list.is_empty()))
            && raw_server
                .public_hosts
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        can_record: raw.record.is_some(),
        spool: raw.spool.as_ref().map(spool::store),
        options,
    };
    let record = raw
        .record
        .map(|raw| record::record(raw, options.secrets, findings));
    let replay_span = raw.replay.as_ref().map(Spanned::span);
    let replay = replay::replay(raw.replay, findings);
    let spool_span = raw.spool.as_ref().map(Spanned::span);
    let recorded = record.as_ref().and_then(Option::as_ref);
    let recorded = recorded.map(|record| record.directory.as_path());
    let spool = raw
        .spool
        .map(|raw| spool::spool(raw, recorded, options.secrets, findings));
    let server_places = ServerPlaces::of(&raw_server);
    let server = server(raw_server, server_span, options.secrets, findings);
    let mut own: Vec<ListenAddress> = server.as_ref().map_or_else(Vec::new, |server| {
        let with_tls = server.tls.iter().flat_map(|tls| &tls.listen);
        let with_tls = with_tls.map(|address| ListenAddress::Tcp(*address));
        server.listen.iter().cloned().chain(with_tls).collect()
    });
    let admin = admin(raw.admin, &own, findings);
    let raw_log = raw.log.map(Spanned::into_inner).unwrap_or_default();
    let log = LogConfig {
        level: raw_log.level.unwrap_or_default(),
        format: raw_log.format.unwrap_or_default(),
    };
    let raw_routes = raw.route.unwrap_or_default();
    if raw_routes.is_empty() {
        findings.missing(0..0, "route", "there is no [[route]]; add at least one");
    }
    no_two_alike(&raw_routes, findings);
    let places: Vec<Places> = raw_routes.iter().map(Places::of).collect();
    let routes: Vec<Option<RouteConfig>> = raw_routes
        .into_iter()
        .map(|raw| route::validate(raw, defaults, findings))
        .collect();
    let sound = routes.iter().zip(&places);
    let sound: Vec<Placed<'_>> = sound
        .filter_map(|(route, places)| Some((route.as_ref()?, places)))
        .collect();
    own.extend(admin.as_ref().map(|admin| ListenAddress::Tcp(admin.listen)));
    review(&own, &sound, findings);
    if !sound.is_empty() && sound.len() == routes.len() {
        let routes = || sound.iter().map(|(route, _)| *route);
        if let Some(span) = replay_span {
            replay::review(span, routes(), findings);
        }
        if let Some(span) = spool_span {
            spool::review(span, routes(), findings);
        }
    }
    if let Some(server) = &server {
        review_server(server, &server_places, &sound, findings);
    }
    Some(Config {
        server: server?,
        admin: admin?,
        log,
        // Also where no route records any more: what was kept goes when it is too old.
        record: match record {
            Some(record) => Some(record?),
            None => None,
        },
        replay: replay?,
        // Also where no route spools any more: what waits is delivered.
        spool: match spool {
            Some(spool) => Some(spool?),
            None => None,
        },
        routes: routes.into_iter().collect::<Option<_>>()?,
        providers: options.providers,
    })
}

fn no_two_alike(routes: &[Spanned<RawRoute>], findings: &mut Findings<'_>) {
    let mut seen = HashSet::new();
    for route in routes {
        let route = route.get_ref();
        for (key, what, value) in [
            ("route.name", "name", &route.name),
            ("route.path", "path", &route.path),
        ] {
            if let Some(value) = value
                && !seen.insert((key, value.get_ref()))
            {
                let message = format!("another route has the {what} `{}`", shown(value.get_ref()));
                findings.error(value.span(), key, message);
            }
        }
    }
}
