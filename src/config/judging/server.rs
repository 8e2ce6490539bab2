//! Judges `[server]`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::listen::listen;
use super::proxies::{UNIX, read_public_host, trusted_peers};
use super::tls::tls;
use super::values::{absolute_path, located, positive, size, socket_path};
use crate::config::finding::Findings;
use crate::config::listen_address::ListenAddress;
use crate::config::reading::raw::{RawForwarding, RawServer};
use crate::config::reading::spanned::Spanned;
use crate::config::reading::units::HumanDuration;
use crate::config::settings::{Secrets, ServerConfig};
use crate::handoff::forwarding::Family;
use crate::http1::target::Target;

pub(super) const DEFAULT_MAX_BODY_BYTES: u64 = 10 << 20;

pub(super) fn server(
    raw: RawServer,
    span: Range<usize>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<ServerConfig> {
    let listen_place = raw.listen.as_ref().map_or(span.clone(), Spanned::span);
    let listen = match (raw.listen, &raw.tls) {
        (None, Some(_)) => Some(Vec::new()),
        (raw, _) => listen(raw, &span, findings),
    };
    let taken = listen.as_deref().unwrap_or_default();
    let tls_table = raw.tls.as_ref().map_or(0..0, Spanned::span);
    let tls = raw
        .tls
        .map(|raw| tls(raw.into_inner(), &tls_table, taken, secrets, findings));
    let (pid_file, upgrade_socket) = files(raw.pid_file, raw.upgrade_socket, taken, findings);
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
    let trusts_somebody = raw
        .trusted_proxies
        .as_ref()
        .is_some_and(|list| !list.is_empty());
    if let Some(h2c) = raw.h2c.as_ref().filter(|h2c| *h2c.get_ref()) {
        let nobody = if listen.as_ref().is_some_and(Vec::is_empty) {
            "without effect: every address is one of [server.tls], and this is HTTP/2 without TLS"
        } else if !trusts_somebody {
            "without effect: nobody may use it, because HTTP/2 without TLS is for `trusted_proxies` alone, \
             and there are none"
        } else {
            ""
        };
        if !nobody.is_empty() {
            findings.warning(h2c.span(), "server.h2c", nobody);
        }
    }
    let proxies = raw.trusted_proxies.unwrap_or_default();
    if let Some(unix) = proxies.iter().find(|text| text.get_ref() == UNIX) {
        doubt_trusted_sockets(taken, listen_place, unix.span(), findings);
    }
    let trusted_proxies = trusted_peers(proxies, findings);
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
        tls: match tls {
            Some(tls) => Some(tls?),
            None => None,
        },
        listen: listen?,
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
        pid_file,
        upgrade_socket,
    })
}

/// Warns where whoever comes by a Unix socket is believed, and that is nobody, or anybody.
fn doubt_trusted_sockets(
    listen: &[ListenAddress],
    listen_place: Range<usize>,
    unix_place: Range<usize>,
    findings: &mut Findings<'_>,
) {
    const OTHERS_WRITE: u32 = 0o002;
    let sockets = listen.iter().filter_map(|address| match address {
        ListenAddress::Unix { mode, .. } => Some(*mode),
        ListenAddress::Tcp(_) => None,
    });
    let modes: Vec<u32> = sockets.collect();
    if modes.iter().any(|mode| mode & OTHERS_WRITE != 0) {
        let message = "every user of this machine may connect to the socket, and is believed because \
                       `trusted_proxies` has \"unix\"; expected a mode such as \"0660\"";
        findings.warning(listen_place, "server.listen", message);
    }
    if modes.is_empty() {
        let message = "without effect: `listen` has no Unix socket by which somebody could come";
        findings.warning(unix_place, "server.trusted_proxies", message);
    }
}

fn health_path(path: &Spanned<String>, findings: &mut Findings<'_>) -> Option<String> {
    let text = path.get_ref();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#*%\\".contains(&byte);
    let target = Target::parse(text.as_bytes());
    let is_sound = target.and_then(|target| target.check()).is_ok();
    if is_sound && text.bytes().all(is_plain) {
        return Some(text.clone());
    }
    let message = "expected one path, such as \"/_health\"";
    findings.error(path.span(), "server.health_path", message);
    None
}

/// Reads `pid_file` and `upgrade_socket`.
fn files(
    pid_file: Option<Spanned<String>>,
    upgrade_socket: Option<Spanned<String>>,
    listen: &[ListenAddress],
    findings: &mut Findings<'_>,
) -> (Option<PathBuf>, Option<PathBuf>) {
    const PID_FILE: &str = "server.pid_file";
    const UPGRADE_SOCKET: &str = "server.upgrade_socket";
    if let (Some(socket), None) = (&upgrade_socket, &pid_file) {
        let message = "it needs `pid_file`, by which `hookward upgrade` finds the process that serves; set \
                       both";
        findings.error(socket.span(), UPGRADE_SOCKET, message);
    }
    let mut read = |text: Option<Spanned<String>>, key, read: fn(&str) -> Result<_, _>| {
        let text = text?;
        let path: PathBuf = located(&text, key, read(text.get_ref()), findings)?;
        let is_taken = |address: &ListenAddress| matches!(address, ListenAddress::Unix { path: taken, .. } if *taken == path);
        if listen.iter().any(is_taken) {
            let message = "this is a socket of server.listen; expected another path";
            findings.error(text.span(), key, message);
        }
        Some((path, text.span()))
    };
    let pid_file = read(pid_file, PID_FILE, absolute_path);
    let upgrade_socket = read(upgrade_socket, UPGRADE_SOCKET, socket_path);
    if let (Some((pid_file, _)), Some((socket, place))) = (&pid_file, &upgrade_socket)
        && pid_file == socket
    {
        let message = "this is server.pid_file; expected another path";
        findings.error(place.clone(), UPGRADE_SOCKET, message);
    }
    (
        pid_file.map(|(path, _)| path),
        upgrade_socket.map(|(path, _)| path),
    )
}
