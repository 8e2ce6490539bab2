//! Certificates that are for none of the hosts that senders call.

use std::collections::HashSet;
use std::net::IpAddr;

use super::places::{Placed, ServerPlaces};
use crate::config::finding::Findings;
use crate::config::settings::{ServerConfig, TlsCertificate};
use crate::config::shown::shown;

const KEY: &str = "server.tls.certificates";

/// How many names are listed in a message.
const MAX_SHOWN: usize = 3;

pub(super) fn review(
    server: &ServerConfig,
    places: &ServerPlaces,
    routes: &[Placed<'_>],
    findings: &mut Findings<'_>,
) {
    let Some(tls) = &server.tls else {
        return;
    };
    // Where files were not read, or one could not be, it is not known which is which.
    if tls.certificates.len() != places.certificates.len() {
        return;
    }
    let hosts = hosts(server, routes);
    for (certificate, place) in tls.certificates.iter().zip(&places.certificates) {
        if certificate.names.is_empty() {
            let message = "this certificate names no host in its subjectAltName: senders refuse it, \
                           whatever its subject says";
            findings.warning(place.clone(), KEY, message);
        } else if !hosts.is_empty() && !hosts.iter().any(|host| is_for(certificate, host)) {
            let called = list(hosts.iter().copied());
            let message = format!(
                "this certificate is for {}, which is neither the host of a public_url nor in public_hosts \
                 ({called}): senders that call those refuse it",
                list(certificate.names.iter().map(String::as_str))
            );
            findings.warning(place.clone(), KEY, message);
        }
    }
}

/// The hosts that senders call over https, without ports.
fn hosts<'a>(server: &'a ServerConfig, routes: &'a [Placed<'_>]) -> Vec<&'a str> {
    let of_routes = routes.iter().filter_map(|(route, _)| {
        let authority = route
            .public_url
            .as_ref()?
            .origin()
            .strip_prefix("https://")?;
        Some(without_port(authority))
    });
    let public = server.public_hosts.iter().map(|host| without_port(host));
    let mut seen = HashSet::new();
    of_routes
        .chain(public)
        .filter(|host| seen.insert(*host))
        .collect()
}

/// A host without its port. An IPv6 address comes without brackets.
fn without_port(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

/// Whether a certificate is for a host (RFC 9525 section 6.3): `*` stands for one label, the first.
fn is_for(certificate: &TlsCertificate, host: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    let mut names = certificate.names.iter();
    names.any(|name| match (address, name.strip_prefix("*.")) {
        (Some(address), _) => name.parse() == Ok(address),
        (None, Some(rest)) => host.split_once('.').is_some_and(|(_, tail)| tail == rest),
        (None, None) => name == host,
    })
}

/// Some names, for a message.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut text = names
        .iter()
        .take(MAX_SHOWN)
        .map(|name| format!("`{}`", shown(name)));
    let mut listed = text.by_ref().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        listed = format!("{listed} and {more} more");
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_brackets_are_no_part_of_a_host() {
        for (authority, host) in [
            ("a.example", "a.example"),
            ("a.example:8443", "a.example"),
            ("[::1]", "::1"),
            ("[::1]:8443", "::1"),
            ("10.0.0.1:80", "10.0.0.1"),
        ] {
            assert_eq!(without_port(authority), host);
        }
    }
}
