//! Which proxies in front are believed, and which public hosts they may name.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::config::finding::Findings;
use crate::config::reading::spanned::Spanned;
use crate::handoff::forwarding::TrustedPeers;

/// The longest name of a host in characters (RFC 1035 section 2.3.4, less the root's dot).
const LONGEST_HOST_BYTES: usize = 253;
const LONGEST_LABEL_BYTES: usize = 63;

/// Shorter prefixes are no private network: `10.0.0.0/8` and `fc00::/7` are the largest that there are.
const SHORTEST_USUAL_PREFIX_V4: u8 = 8;
const SHORTEST_USUAL_PREFIX_V6: u8 = 7;

/// The name by which `trusted_proxies` takes in whoever comes by a Unix socket.
pub(super) const UNIX: &str = "unix";

/// Reads `trusted_proxies`.
pub(super) fn trusted_peers(
    texts: Vec<Spanned<String>>,
    findings: &mut Findings<'_>,
) -> TrustedPeers {
    let mut trusted = TrustedPeers::default();
    for text in texts {
        if text.get_ref() == UNIX {
            trusted.unix = true;
        } else {
            trusted.networks.extend(read_trusted(&text, findings));
        }
    }
    trusted
}

/// Reads a network of `trusted_proxies`. An IPv4 network written as IPv6 is taken as IPv4, as addresses
/// of peers are.
fn read_trusted(text: &Spanned<String>, findings: &mut Findings<'_>) -> Option<IpNet> {
    const KEY: &str = "server.trusted_proxies";
    let network = text.get_ref();
    let parsed = network
        .parse::<IpNet>()
        .or_else(|_| network.parse::<IpAddr>().map(IpNet::from))
        .ok();
    let Some(network) = parsed.and_then(without_mapping) else {
        let message = "expected a network, such as \"10.0.0.0/8\" or \"::1/128\", or \"unix\"";
        findings.error(text.span(), KEY, message);
        return None;
    };
    let shortest = match network {
        IpNet::V4(_) => SHORTEST_USUAL_PREFIX_V4,
        IpNet::V6(_) => SHORTEST_USUAL_PREFIX_V6,
    };
    if network.prefix_len() < shortest {
        let message = "this takes in public addresses: anybody there can say from where and for which \
                       host a request came; name the proxies in front alone";
        findings.warning(text.span(), KEY, message);
    }
    Some(network)
}

/// `::ffff:10.0.0.0/104` as `10.0.0.0/8`; `None` for one that is only in part IPv4.
fn without_mapping(network: IpNet) -> Option<IpNet> {
    const MAPPED_BITS: u8 = 96;
    let IpNet::V6(v6) = network else {
        return Some(network);
    };
    let Some(address) = v6.addr().to_ipv4_mapped() else {
        return Some(network);
    };
    let prefix = v6.prefix_len().checked_sub(MAPPED_BITS)?;
    Ipv4Net::new(address, prefix).ok().map(IpNet::V4)
}

/// Reads a host of `public_hosts`: in small letters, without a default port.
pub(super) fn read_public_host(
    text: &Spanned<String>,
    findings: &mut Findings<'_>,
) -> Option<String> {
    match public_host(text.get_ref()) {
        Ok(host) => Some(host),
        Err(message) => {
            findings.error(text.span(), "server.public_hosts", message);
            None
        }
    }
}

fn public_host(text: &str) -> Result<String, &'static str> {
    let (host, port) = host_and_port(
        text,
        "expected a host, such as \"hooks.example.com\" or \"hooks.example.com:8443\"",
    )?;
    Ok(match port {
        None | Some(80 | 443) => host,
        Some(port) => format!("{host}:{port}"),
    })
}

/// Reads a host that has no port: in small letters.
pub(super) fn host_alone(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected a host without a port, such as \"hookward.example.com\"";
    match host_and_port(text, EXPECTED)? {
        (host, None) => Ok(host),
        (_, Some(_)) => Err(EXPECTED),
    }
}

/// Reads a host, in small letters, and its port. `expected` says what there should be.
fn host_and_port(
    text: &str,
    expected: &'static str,
) -> Result<(String, Option<u16>), &'static str> {
    if text.contains("://") || text.contains(['/', '?', '#', '@']) {
        return Err("expected a host alone, without scheme, path or user");
    }
    if text.contains('*') {
        return Err("hosts are compared as a whole and `*` stands for nothing; name each host");
    }
    if !text.is_ascii() {
        return Err(
            "expected the host as it stands in requests, such as \"xn--bcher-kva.example\"",
        );
    }
    let (host, port) =
        split(text).ok_or("expected a port from 1 to 65535 behind the host, or none")?;
    if host.ends_with('.') {
        return Err("expected the host without the dot at its end");
    }
    let host = match host.strip_prefix('[') {
        Some(address) => {
            let address = address.strip_suffix(']').ok_or(expected)?;
            let address: Ipv6Addr = address.parse().map_err(|_| expected)?;
            format!("[{address}]")
        }
        None if is_host(host) => host.to_ascii_lowercase(),
        None => return Err(expected),
    };
    Ok((host, port))
}

/// A host and its port, if there is one.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let after_address = text.rfind(']').map_or(0, |end| end.saturating_add(1));
    let Some(colon) = text.get(after_address..)?.find(':') else {
        return Some((text, None));
    };
    let (host, port) = text.split_at_checked(after_address.saturating_add(colon))?;
    let port = port.strip_prefix(':')?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_number && *port > 0)?;
    Some((host, Some(port)))
}

/// Whether a text is a name of labels of letters, digits, `-` and `_`. An IPv4 address is one too.
fn is_host(text: &str) -> bool {
    let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL_BYTES).contains(&label.len()) && label.bytes().all(is_of_label)
    };
    text.len() <= LONGEST_HOST_BYTES && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_in_one_spelling() {
        for (text, host) in [
            ("Hooks.Example.com", "hooks.example.com"),
            ("hooks.example.com:443", "hooks.example.com"),
            ("hooks.example.com:80", "hooks.example.com"),
            ("hooks.example.com:8443", "hooks.example.com:8443"),
            ("10.0.0.1", "10.0.0.1"),
            ("[0:0::1]:8443", "[::1]:8443"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(public_host(text).as_deref(), Ok(host), "{text}");
        }
        for junk in [
            "",
            ".",
            "a.",
            "a.:443",
            "a..b",
            "*.example.com",
            "*",
            "a:",
            "a:0",
            "a:65536",
            "a:x",
            "a:+80",
            "a:80:80",
            "https://a",
            "a/b",
            "u@a",
            "a b",
            "a,b",
            "a%20b",
            "::1",
            "[::1",
            "[x]",
            "[::1]x",
            "b\u{fc}cher.example",
            "a\u{0}",
        ] {
            assert!(public_host(junk).is_err(), "{junk}");
        }
        assert!(public_host(&"a".repeat(64)).is_err());
        for (text, host) in [
            ("Hookward.Internal", Some("hookward.internal")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("hookward.internal:9464", None),
            ("hookward.internal:80", None),
            ("*.internal", None),
            ("http://hookward.internal", None),
        ] {
            assert_eq!(host_alone(text).ok().as_deref(), host, "{text}");
        }
    }

    #[test]
    fn networks_of_mapped_addresses_are_networks_of_ipv4() {
        let read = |text: &str| text.parse().ok().and_then(without_mapping);
        for (text, network) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
            ("fd00::/8", "fd00::/8"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(read(text), network.parse().ok(), "{text}");
        }
        assert_eq!(read("::ffff:10.0.0.0/90"), None);
    }
}
