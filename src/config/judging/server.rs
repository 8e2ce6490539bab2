//! Judges `[server]` and `[admin]`.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use super::proxies::{read_public_host, trusted_peers};
use super::tls::tls;
use super::values::{positive, size};
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawAdmin, RawForwarding, RawServer};
use crate::config::reading::spanned::Spanned;
use crate::config::reading::units::HumanDuration;
use crate::config::settings::{Secrets, ServerConfig};
use crate::handoff::forwarding::Family;

pub(super) const DEFAULT_MAX_BODY_BYTES: u64 = 10 << 20;

pub(super) fn server(
    raw: RawServer,
    span: Range<usize>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<ServerConfig> {
    let listen = match (raw.listen, &raw.tls) {
        (None, Some(_)) => Some(Vec::new()),
        (listen, _) => addresses(listen, &span, "server.listen", findings),
    };
    let taken = listen.as_deref().unwrap_or_default();
    let tls_table = raw.tls.as_ref().map_or(0..0, Spanned::span);
    let tls = raw
        .tls
        .map(|tls_raw| tls(tls_raw.into_inner(), &tls_table, taken, secrets, findings));
    let tls = match tls {
        Some(None) => return None,
        Some(Some(tls)) => Some(tls),
        None => None,
    };
    let health_path = raw
        .health_path
        .and_then(|path| health_path(&path, findings));
    let max_connections = raw.max_connections.map_or(10_000, |limit| {
        if *limit.get_ref() == 0 {
            findings.error(
                limit.span(),
                "server.max_connections",
                "expected at least 1",
            );
        }
        *limit.get_ref()
    });
    let mut duration = |raw: Option<Spanned<HumanDuration>>, default_secs, key| {
        positive(raw, Duration::from_secs(default_secs), key, findings)
    };
    let header_timeout = duration(raw.header_timeout, 10, "server.header_timeout");
    let body_timeout = duration(raw.body_timeout, 30, "server.body_timeout");
    let keepalive_timeout = duration(raw.keepalive_timeout, 75, "server.keepalive_timeout");
    let max_header_bytes = size(
        raw.max_header_bytes.as_ref(),
        64 << 10,
        "server.max_header_bytes",
        findings,
    );
    let max_buffered_bytes = size(
        raw.max_buffered_bytes.as_ref(),
        256 << 20,
        "server.max_buffered_bytes",
        findings,
    );
    let trusted_proxies = trusted_peers(raw.trusted_proxies.unwrap_or_default(), findings);
    let public_hosts = raw
        .public_hosts
        .unwrap_or_default()
        .iter()
        .filter_map(|host| read_public_host(host, findings))
        .collect();
    let max_body_bytes = raw
        .max_body_bytes
        .as_ref()
        .map_or(DEFAULT_MAX_BODY_BYTES, |size| size.get_ref().0);
    if let Some(limit) = &raw.max_buffered_bytes
        && max_body_bytes > max_buffered_bytes.saturating_sub(max_buffered_bytes / 4)
    {
        let message = "a body of max_body_bytes never fits: a quarter is kept for small ones";
        findings.warning(limit.span(), "server.max_buffered_bytes", message);
    }
    Some(ServerConfig {
        listen: listen?,
        tls,
        h2c: raw.h2c.is_some_and(Spanned::into_inner),
        health_path,
        threads: raw
            .threads
            .map_or(0, |threads| usize::from(*threads.get_ref())),
        max_connections: usize::try_from(max_connections).unwrap_or(usize::MAX),
        header_timeout,
        max_header_bytes: usize::try_from(max_header_bytes).unwrap_or(usize::MAX),
        body_timeout,
        keepalive_timeout,
        max_buffered_bytes,
        trusted_proxies,
        forwarding: match raw.forwarding.map(Spanned::into_inner) {
            Some(RawForwarding::Forwarded) => Family::Forwarded,
            Some(RawForwarding::XForwarded) | None => Family::XForwarded,
        },
        public_hosts,
        shutdown_grace: raw
            .shutdown_grace
            .map_or(Duration::from_secs(30), |grace| grace.into_inner().0),
        watch: raw.watch.is_some_and(Spanned::into_inner),
    })
}

/// Reads a list of addresses, each once.
pub(super) fn addresses(
    raw: Option<Spanned<Vec<Spanned<String>>>>,
    table: &Range<usize>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<Vec<SocketAddr>> {
    let Some(listen) = raw else {
        let message = "required, such as [\"127.0.0.1:8080\"]";
        findings.missing(table.clone(), key, message);
        return None;
    };
    if listen.get_ref().is_empty() {
        findings.error(listen.span(), key, "expected at least one address");
        return None;
    }
    let mut addresses = Vec::new();
    let mut taken = HashSet::new();
    for text in listen.get_ref() {
        let address = socket_address(text, key, findings);
        if address.is_some_and(|address| address.port() != 0) && !taken.insert(address) {
            let message = "this address occurs twice; remove one of them";
            findings.error(text.span(), key, message);
        }
        addresses.push(address);
    }
    addresses.into_iter().collect()
}

fn health_path(path: &Spanned<String>, findings: &mut Findings<'_>) -> Option<String> {
    let text = path.get_ref();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#*%\\".contains(&byte);
    if text.starts_with('/') && text.bytes().all(is_plain) {
        return Some(text.clone());
    }
    let message = "expected a path, such as \"/_health\"";
    findings.error(path.span(), "server.health_path", message);
    None
}

pub(super) fn admin(
    raw: Option<Spanned<RawAdmin>>,
    taken: &[SocketAddr],
    findings: &mut Findings<'_>,
) -> Option<SocketAddr> {
    let span = raw.as_ref().map_or(0..0, Spanned::span);
    match raw.and_then(|admin| admin.into_inner().listen) {
        Some(listen) => {
            let address = socket_address(&listen, "admin.listen", findings)?;
            if address.port() != 0 && taken.contains(&address) {
                let message = "server.listen has this address; expected another";
                findings.error(listen.span(), "admin.listen", message);
            }
            if !is_private(address.ip()) {
                let message = "this may be reached from a public network: anybody there sees the \
                               metrics; use a loopback or private address, or keep others out";
                findings.warning(listen.span(), "admin.listen", message);
            }
            Some(address)
        }
        None => {
            let message = "required, such as \"127.0.0.1:9464\"";
            findings.missing(span, "admin.listen", message);
            None
        }
    }
}

/// Whether an address is of the machine or of a private network (RFC 1918, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

fn socket_address(
    text: &Spanned<String>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<SocketAddr> {
    let address = text.get_ref().parse().ok();
    if address.is_none() {
        let message = "expected IP:PORT, such as \"127.0.0.1:8080\" or \"[::]:8080\"";
        findings.error(text.span(), key, message);
    }
    address
}
