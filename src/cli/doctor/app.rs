//! Whether each route's app takes connections, and proves who it is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::timeout_at;

use super::ask::{Answer, PATIENCE, Question, ask_on};
use super::report::Line;
use crate::config::{RouteConfig, Upstream, UpstreamProtocol};
use crate::time_limit::after;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::cause::TlsFailure;
use crate::upstream::connect::{Connector, Reuse, Way};
use crate::upstream::connect_error::ConnectError;

const CHECK: &str = "app";
/// How many are asked at once.
pub(super) const AT_ONCE: usize = 16;
/// How many routes of an app are named.
const MAX_NAMES: usize = 3;

/// An app and the routes to it.
struct App<'a> {
    first: &'a RouteConfig,
    routes: Vec<&'a str>,
}

/// A line for each app, and what the apps answered to a `HEAD /`, each with its app's name.
pub(super) async fn check(
    connector: &Connector,
    routes: &[RouteConfig],
) -> (Vec<Line>, Vec<(String, Answer)>) {
    let apps = apps(routes);
    let looked = stream::iter(&apps).map(|app| look(connector, app));
    let looked: Vec<_> = looked.buffered(AT_ONCE).collect().await;
    let (mut lines, mut answers) = (Vec::new(), Vec::new());
    for (line, answer) in looked {
        lines.push(line);
        answers.extend(answer);
    }
    (lines, answers)
}

/// The apps: routes that reach theirs in the same way share one.
fn apps(routes: &[RouteConfig]) -> Vec<App<'_>> {
    type Key<'a> = (
        &'a Upstream,
        UpstreamProtocol,
        Option<&'a Vec<Vec<u8>>>,
        Duration,
    );
    let mut known: std::collections::HashMap<Key<'_>, usize> = std::collections::HashMap::new();
    let mut apps: Vec<App<'_>> = Vec::new();
    for route in routes {
        let key = (
            &route.upstream,
            route.upstream_protocol,
            route.upstream_ca.as_ref(),
            route.upstream_connect_timeout,
        );
        let place = *known.entry(key).or_insert(apps.len());
        match apps.get_mut(place) {
            Some(app) => app.routes.push(&route.name),
            None => apps.push(App {
                first: route,
                routes: vec![&route.name],
            }),
        }
    }
    apps
}

async fn look(connector: &Connector, app: &App<'_>) -> (Line, Option<(String, Answer)>) {
    let route = app.first;
    let authorities = route.upstream_ca.as_deref();
    let upstream = UpstreamAddress::new(&route.upstream, authorities, route.upstream_protocol);
    let upstream = Arc::new(upstream);
    let about = name_routes(&app.routes);
    let deadline = after(route.upstream_connect_timeout);
    let way = timeout_at(deadline, connector.way(&upstream, Reuse::Any, deadline)).await;
    let shown = upstream.shown();
    let way = match way {
        Ok(Ok(way)) => way,
        Ok(Err(error)) => return (failed(&about, &error), None),
        Err(_) => {
            let text = format!("no connection to {shown} within upstream_connect_timeout");
            return (Line::failed(CHECK, about, text, START), None);
        }
    };
    let proves = match route.upstream {
        Upstream::Tcp { tls: true, .. } => ", and its certificate verifies",
        Upstream::Tcp { .. } | Upstream::Unix(_) => "",
    };
    match way {
        Way::Http1(connected) => {
            let host = match route.upstream {
                Upstream::Unix(_) => "localhost",
                Upstream::Tcp { .. } => &shown,
            };
            let question = Question::head("/", host);
            let answer = ask_on(connected.stream, &question, PATIENCE).await;
            let text = format!("{shown} takes connections{proves}");
            let answer = answer.map(|answer| (shown, answer));
            (Line::ok(CHECK, about, text), answer)
        }
        Way::Http2(_) => {
            let text = format!("{shown} speaks HTTP/2{proves}");
            (Line::ok(CHECK, about, text), None)
        }
    }
}

const START: &str = "start the app, or correct `upstream`";

fn failed(about: &str, error: &ConnectError) -> Line {
    let fix = match (error, error.tls_failure()) {
        (_, Some(failure)) => fix_of_tls(failure),
        (ConnectError::Lookup(_), _) => "correct the name in `upstream`, or the name server",
        (ConnectError::Unreachable { .. }, _) => START,
        (ConnectError::NotHttp2 { .. } | ConnectError::Full { .. }, _) => {
            "look at the app's HTTP/2, or set upstream_protocol = \"http/1.1\""
        }
    };
    Line::failed(CHECK, about, error.to_string(), fix)
}

fn fix_of_tls(failure: &TlsFailure) -> &'static str {
    match failure {
        TlsFailure::UnknownIssuer | TlsFailure::IsAuthority => {
            "set upstream_ca to the authority's certificate, or to the app's own"
        }
        TlsFailure::Expired(_) => "renew the app's certificate",
        TlsFailure::NotYetValid(_) => "correct the clock, or the app's certificate",
        TlsFailure::Name { .. } => "call the app by a name of its certificate",
        TlsFailure::NotTls => "write the upstream with http://, or let the app speak TLS",
        TlsFailure::NoHttp2 => {
            "let the app offer h2 by ALPN, or set upstream_protocol = \"http/1.1\""
        }
        TlsFailure::Purpose
        | TlsFailure::Revoked
        | TlsFailure::Signature
        | TlsFailure::Unreadable
        | TlsFailure::Certificate => "give the app another certificate",
        TlsFailure::NothingInCommon
        | TlsFailure::WantsCertificate
        | TlsFailure::Alert(_)
        | TlsFailure::Handshake => "look at the app's TLS settings and its log",
    }
}

/// The routes of an app, in a few words.
pub(super) fn name_routes(routes: &[&str]) -> String {
    let named: Vec<&str> = routes.iter().take(MAX_NAMES).copied().collect();
    let noun = if routes.len() == 1 { "route" } else { "routes" };
    let more = match routes.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{noun} {}{more}", named.join(", "))
}
