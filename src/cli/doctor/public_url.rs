//! Whether each route's `public_url` can be called, and leads to hookward.
//!
//! It is asked with a `HEAD`, which changes nothing wherever it arrives. hookward answers it in a way of its
//! own: a 405 with the route's methods, or the 401 of an unsigned request. That it came to the very process
//! that serves here is told by that process's counter of verdicts.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use http::Uri;

use super::app::{AT_ONCE, name_routes};
use super::ask::{Answer, PATIENCE, Question, Unanswered, ask};
use super::report::Line;
use super::serving::{Serving, label};
use super::url;
use crate::config::{PublicBase, RouteConfig, UpstreamProtocol};
use crate::reason::Reason;
use crate::route::pattern::PathPattern;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::cause::TlsFailure;
use crate::upstream::connect::Connector;
use crate::upstream::connect_error::ConnectError;
use crate::upstream::look_up::LookupError;

const CHECK: &str = "public-url";
const VERDICTS: &str = "hookward_verdicts_total";
const NO_ROUTE: Reason = Reason::NoRoute;
const BAD_TARGET: Reason = Reason::BadTarget;

/// Routes whose public URLs have one origin.
struct Origin<'a> {
    shown: &'a str,
    upstream: UpstreamAddress,
    routes: Vec<(&'a RouteConfig, Uri)>,
}

/// A line for each route with a `public_url`, or one for those of an origin that cannot be reached.
pub(super) async fn check(
    connector: &Connector,
    routes: &[RouteConfig],
    serving: Option<&Serving<'_>>,
) -> Vec<Line> {
    let origins = origins(routes);
    let asked = stream::iter(&origins).map(|origin| ask_origin(connector, origin, serving));
    let lines: Vec<Vec<Line>> = asked.buffered(AT_ONCE).collect().await;
    lines.into_iter().flatten().collect()
}

fn origins(routes: &[RouteConfig]) -> Vec<Origin<'_>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut origins: Vec<Origin<'_>> = Vec::new();
    for route in routes {
        let Some(public) = &route.public_url else {
            continue;
        };
        let Ok(uri) = called(public, &route.path).parse::<Uri>() else {
            continue;
        };
        let Some(upstream) = url::upstream_of(&uri) else {
            continue;
        };
        let place = *places.entry(public.origin()).or_insert(origins.len());
        match origins.get_mut(place) {
            Some(origin) => origin.routes.push((route, uri)),
            None => origins.push(Origin {
                shown: public.origin(),
                upstream: UpstreamAddress::new(&upstream, None, UpstreamProtocol::Http1),
                routes: vec![(route, uri)],
            }),
        }
    }
    origins
}

/// A URL by which a route is called.
pub(super) fn called(public: &PublicBase, path: &PathPattern) -> String {
    let base = &public.base;
    match path {
        PathPattern::Exact(_) if public.has_path => base.clone(),
        PathPattern::Prefix(_) if public.has_path => format!("{base}/"),
        path => format!("{base}{}", path.beginning()),
    }
}

async fn ask_origin(
    connector: &Connector,
    origin: &Origin<'_>,
    serving: Option<&Serving<'_>>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (route, uri) in &origin.routes {
        let about = format!("route {}: {}", route.name, origin.shown);
        let before = Counts::take(serving, route).await;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let question = Question::head(target, url::host_of(uri));
        match ask(connector, &origin.upstream, &question, PATIENCE, PATIENCE).await {
            Ok(answer) => {
                lines.push(judge(route, about, &answer, serving, before).await);
            }
            Err(why) => {
                // It is as good for the others.
                let names: Vec<&str> = origin.routes.iter().map(|(it, _)| &*it.name).collect();
                let about = format!("{}: {}", name_routes(&names), origin.shown);
                lines.push(unanswered(about, &why));
                return lines;
            }
        }
    }
    lines
}

/// Verdicts of the process that serves here: of a route, and those that say that a target leads to none.
#[derive(Clone, Copy)]
struct Counts {
    of_route: f64,
    no_route: f64,
    bad_target: f64,
}

impl Counts {
    async fn take(serving: Option<&Serving<'_>>, route: &RouteConfig) -> Option<Self> {
        let serving = serving?;
        Some(Self {
            of_route: serving.sum(VERDICTS, &labels(route)).await?,
            no_route: serving.sum(VERDICTS, &labels_of_none(NO_ROUTE)).await?,
            bad_target: serving.sum(VERDICTS, &labels_of_none(BAD_TARGET)).await?,
        })
    }
}

fn labels(route: &RouteConfig) -> [String; 1] {
    [label("route", &route.name)]
}

fn labels_of_none(reason: Reason) -> [String; 2] {
    [label("route", "none"), label("reason", reason.as_str())]
}

async fn judge(
    route: &RouteConfig,
    about: String,
    answer: &Answer,
    serving: Option<&Serving<'_>>,
    before: Option<Counts>,
) -> Line {
    let status = answer.status;
    if (300..400).contains(&status) {
        let to = answer
            .header("location")
            .and_then(|to| to.parse::<Uri>().ok());
        let to = to.filter(|to| to.host().is_some());
        let to = to.map_or(String::new(), |to| format!(" to {}", url::origin_of(&to)));
        return Line::failed(
            CHECK,
            about,
            format!("it redirects ({status}){to}: senders do not follow, or drop the body"),
            "let what is in front pass requests on, or register the URL that it leads to and set it here",
        );
    }
    let is_hookwards = is_hookwards(route, answer);
    let (Some(serving), Some(before)) = (serving, before) else {
        if is_hookwards {
            let text = "leads to a hookward with this route";
            return Line::ok(CHECK, about, text);
        }
        return other(about, status);
    };
    if is_hookwards {
        if serving
            .rises(VERDICTS, &labels(route), before.of_route)
            .await
        {
            let text = "leads to the hookward that serves here";
            return Line::ok(CHECK, about, text);
        }
        return Line::warning(
            CHECK,
            about,
            "leads to a hookward with this route, but not to the one that serves here",
            "with several replicas that is as it should be; else see where the name leads",
        );
    }
    // A busy hookward's counters rise all the time; this one, where the answer is another's, hardly ever.
    let stray = match status {
        404 => Some((NO_ROUTE, before.no_route)),
        400 => Some((BAD_TARGET, before.bad_target)),
        _ => None,
    };
    if let Some((reason, before)) = stray
        && answer.is_bare()
        && serving
            .rises(VERDICTS, &labels_of_none(reason), before)
            .await
    {
        return Line::failed(
            CHECK,
            about,
            format!("leads here, and what arrives is not for this route ({status})"),
            "see the log's last line with event=\"refused\": what is in front changes the path or the \
             host, or this configuration is not in use yet",
        );
    }
    other(about, status)
}

fn other(about: String, status: u16) -> Line {
    let text = format!("something else than hookward answers there ({status})");
    let fix = "see where the name leads, and what is in front of hookward there";
    Line::warning(CHECK, about, text, fix)
}

/// Whether this is how hookward answers a `HEAD` for this route. Proxies may make a `GET` of it.
fn is_hookwards(route: &RouteConfig, answer: &Answer) -> bool {
    let methods: Vec<&str> = route.methods.iter().map(http::Method::as_str).collect();
    let is_own = match answer.status {
        405 => answer.header("allow") == Some(methods.join(", ").as_str()),
        401 => answer.header("www-authenticate") == Some("Signature"),
        _ => false,
    };
    is_own && answer.is_bare()
}

fn unanswered(about: String, why: &Unanswered) -> Line {
    let error = match why {
        Unanswered::Connect(error) => error,
        Unanswered::Silent => {
            let text = "what is there gives no answer to a request";
            return Line::warning(CHECK, about, text, "see what the name leads to");
        }
    };
    if let Some(failure) = error.tls_failure() {
        if *failure == TlsFailure::UnknownIssuer && !has_authorities() {
            let text = "not compared: this system has no certificates of authorities, so its \
                        certificate cannot be verified from here";
            return Line::warning(CHECK, about, text, "install them (ca-certificates)");
        }
        let text = format!("senders cannot call it: {}", tls_in_words(failure));
        return Line::failed(CHECK, about, text, "correct the TLS of what is in front");
    }
    match error {
        ConnectError::Lookup(error @ (LookupError::NoSuchName(_) | LookupError::NoAddress(_))) => {
            let fix = "correct public_url, or add the name to DNS";
            Line::failed(CHECK, about, error.to_string(), fix)
        }
        ConnectError::Lookup(_) => {
            let text = "its name cannot be looked up from here";
            Line::warning(CHECK, about, text, "look it up where it can be")
        }
        _ => Line::warning(
            CHECK,
            about,
            "cannot be reached from here, which may be right behind NAT or a firewall",
            "call it from elsewhere: an unsigned request gets a 401",
        ),
    }
}

fn has_authorities() -> bool {
    pingora::tls::load_native_certs().is_ok_and(|certificates| !certificates.is_empty())
}

/// The same failures are told of apps, in the log.
fn tls_in_words(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::UnknownIssuer => {
            "its certificate is signed by an authority that is not trusted, or an intermediate \
             certificate is missing"
                .to_owned()
        }
        TlsFailure::Expired(at) => format!("its certificate expired at {at}"),
        TlsFailure::NotYetValid(at) => format!("its certificate is not valid before {at}"),
        TlsFailure::Name { expected, .. } => format!("its certificate is not for {expected}"),
        TlsFailure::NotTls => "what answers there does not speak TLS".to_owned(),
        TlsFailure::IsAuthority
        | TlsFailure::Purpose
        | TlsFailure::Revoked
        | TlsFailure::Signature
        | TlsFailure::Unreadable
        | TlsFailure::Certificate => "its certificate does not verify".to_owned(),
        TlsFailure::NothingInCommon
        | TlsFailure::WantsCertificate
        | TlsFailure::NoHttp2
        | TlsFailure::Alert(_)
        | TlsFailure::Handshake => "a TLS handshake with it fails".to_owned(),
    }
}
