//! The hosts, ports and paths that a capture and its configuration name: what was called is most often among
//! them.
//!
//! Whoever sends a request chooses its headers, so no more than a few of each are taken.

use super::parts::{Parts, split_query};
use crate::explain::case::Case;

/// How many hosts are taken at most.
const MAX_HOSTS: usize = 24;
/// How many targets.
const MAX_TARGETS: usize = 8;
/// How many prefixes of paths.
const MAX_PREFIXES: usize = 8;

/// The headers in which proxies name the host that was called.
const HOST_HEADERS: &[&str] = &[
    "X-Forwarded-Host",
    "X-Original-Host",
    "X-Host",
    "X-Real-Host",
    "X-HTTP-Host-Override",
    "X-Forwarded-Server",
    "Host",
    ":authority",
];

/// The headers in which proxies keep the target, or the whole URL, that was called.
const TARGET_HEADERS: &[&str] = &[
    "X-Original-URI",
    "X-Original-URL",
    "X-Forwarded-URI",
    "X-Envoy-Original-Path",
    "X-Rewrite-URL",
    "X-Replaced-Path",
    "X-Forwarded-Path",
    "X-Request-URI",
];

/// The headers in which proxies say what they took away from the beginning of a path.
const PREFIX_HEADERS: &[&str] = &["X-Forwarded-Prefix", "X-Script-Name", "X-Base-Path"];

/// Hosts, each perhaps with a port.
pub(super) fn authorities<'a>(case: &'a Case<'_>) -> Vec<&'a [u8]> {
    let mut found: Vec<&[u8]> = Vec::new();
    let mut take = |authority: &'a [u8]| {
        if !authority.is_empty() && !found.contains(&authority) && found.len() < MAX_HOSTS {
            found.push(authority);
        }
    };
    for name in HOST_HEADERS {
        values(case, name).flat_map(list).for_each(&mut take);
    }
    values(case, "Forwarded")
        .flat_map(forwarded_hosts)
        .for_each(&mut take);
    let of_capture = case.capture.origin.iter().map(String::as_bytes);
    of_capture
        .chain([&*case.capture.target])
        .chain(TARGET_HEADERS.iter().flat_map(|name| values(case, name)))
        .chain(configured_urls(case))
        .filter_map(authority)
        .for_each(&mut take);
    let public_hosts = case.route.public_hosts.iter();
    public_hosts.map(String::as_bytes).for_each(&mut take);
    found
}

/// The port that a header of its own names.
pub(super) fn forwarded_port<'a>(case: &'a Case<'_>) -> Option<&'a [u8]> {
    let port = values(case, "X-Forwarded-Port").flat_map(list).next()?;
    (port.iter().all(u8::is_ascii_digit) && !port.is_empty()).then_some(port)
}

/// Paths and queries that were called, as a proxy says or as the request line has them; those of proxies
/// first.
pub(in crate::explain::mistakes) fn targets<'a>(
    case: &'a Case<'_>,
) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
    let of_proxies = TARGET_HEADERS.iter().flat_map(|name| values(case, name));
    of_proxies
        .take(MAX_TARGETS)
        .chain([&*case.capture.target])
        .filter_map(|value| match Parts::of(value) {
            Some(url) => Some((url.path, url.query)),
            None => value.starts_with(b"/").then(|| split_query(value)),
        })
}

/// The path of the request line.
pub(super) fn target_path<'a>(case: &'a Case<'_>) -> &'a [u8] {
    let target = &case.capture.target;
    Parts::of(target).map_or_else(|| split_query(target).0, |url| url.path)
}

/// What proxies say that they took away from a path.
pub(super) fn prefixes<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a [u8]> {
    let prefixes = PREFIX_HEADERS.iter().flat_map(|name| values(case, name));
    prefixes.take(MAX_PREFIXES)
}

/// The paths that the configuration has: of the route, of its public URL, and of those of other routes.
pub(super) fn configured_paths<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a [u8]> {
    let route = case.route.path.as_bytes();
    let route = route.strip_suffix(b"/*").unwrap_or(route);
    let urls = configured_urls(case).filter_map(|url| Some(Parts::of(url)?.path));
    let all = std::iter::once(route).chain(urls);
    all.filter(|path| path.len() > 1)
}

fn configured_urls<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a [u8]> {
    let public_url = case.route.public_url.iter();
    let urls = public_url.chain(case.other_urls.iter().take(MAX_HOSTS));
    urls.map(String::as_bytes)
}

fn values<'a>(case: &'a Case<'_>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let fields = case.capture.fields.iter();
    fields
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_ascii())
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Host and port of a whole URL.
fn authority(url: &[u8]) -> Option<&[u8]> {
    let parts = Parts::of(url)?;
    let start = parts.scheme.len().saturating_add(b"://".len());
    let rest = url.get(start..)?;
    rest.split(|byte| matches!(byte, b'/' | b'?')).next()
}

/// The hosts of a `Forwarded` header (RFC 7239 section 4), without quotes.
fn forwarded_hosts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pairs = value.split(|byte| matches!(byte, b',' | b';'));
    pairs.map(<[u8]>::trim_ascii).filter_map(|pair| {
        let (name, value) = pair.split_at_checked(b"host=".len())?;
        let bare = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        name.eq_ignore_ascii_case(b"host=")
            .then_some(bare.unwrap_or(value))
    })
}
