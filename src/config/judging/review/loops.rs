//! Upstreams that are hookward itself: a verified request would come back without end.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::places::Placed;
use crate::config::finding::Findings;
use crate::config::listen_address::ListenAddress;
use crate::config::upstream::Upstream;

/// Where hookward listens, by the addresses that a connection from this machine can use. Each leads to the
/// address as it is configured.
#[derive(Default)]
struct Own {
    addresses: HashMap<SocketAddr, SocketAddr>,
    /// Ports that are taken on all addresses of a family.
    any_v4: HashMap<u16, SocketAddr>,
    any_v6: HashMap<u16, SocketAddr>,
    /// Ports that are taken on a loopback address.
    loopback: HashMap<u16, SocketAddr>,
    sockets: HashSet<PathBuf>,
}

/// What a host means to whoever connects to it from this machine.
enum Destination {
    Address(IpAddr),
    /// `localhost`, `0.0.0.0` or `::`: the loopback address of either family.
    ThisMachine,
}

pub(super) fn review(own: &[ListenAddress], routes: &[Placed<'_>], findings: &mut Findings<'_>) {
    let own = Own::new(own);
    for (route, places) in routes {
        let listening = match &route.upstream {
            Upstream::Tcp { host, port, .. } => destination(host)
                .and_then(|destination| own.listening(&destination, *port))
                .map(|address| address.to_string()),
            Upstream::Unix(path) if own.sockets.contains(path) => Some("server.listen".to_owned()),
            Upstream::Unix(_) => None,
        };
        if let Some(listen) = listening {
            let message = format!(
                "this is where hookward itself listens ({listen}); expected the app's address"
            );
            findings.error(places.upstream.clone(), "route.upstream", message);
        }
    }
}

impl Own {
    fn new(listen: &[ListenAddress]) -> Self {
        let mut own = Self::default();
        for address in listen {
            let address = match address {
                ListenAddress::Unix { path, .. } => {
                    own.sockets.insert(path.clone());
                    continue;
                }
                // Port 0 is one of the system's choice, which no upstream can name.
                ListenAddress::Tcp(address) if address.port() == 0 => continue,
                ListenAddress::Tcp(address) => address,
            };
            let port = address.port();
            let ip = address.ip().to_canonical();
            own.addresses.insert(SocketAddr::new(ip, port), *address);
            match ip {
                IpAddr::V4(ip) if ip.is_unspecified() => {
                    own.any_v4.insert(port, *address);
                }
                // `::` takes IPv4 too, unless the system is told otherwise.
                IpAddr::V6(ip) if ip.is_unspecified() => {
                    own.any_v6.insert(port, *address);
                    own.any_v4.insert(port, *address);
                }
                ip if ip.is_loopback() => {
                    own.loopback.insert(port, *address);
                }
                _ => {}
            }
        }
        own
    }

    /// The address of ours that takes a connection to this destination.
    fn listening(&self, destination: &Destination, port: u16) -> Option<SocketAddr> {
        let found = match destination {
            Destination::Address(ip) => {
                let any = match ip {
                    IpAddr::V4(_) => &self.any_v4,
                    IpAddr::V6(_) => &self.any_v6,
                };
                let any = any.get(&port).filter(|_| ip.is_loopback());
                self.addresses.get(&SocketAddr::new(*ip, port)).or(any)
            }
            Destination::ThisMachine => [&self.loopback, &self.any_v4, &self.any_v6]
                .into_iter()
                .find_map(|ports| ports.get(&port)),
        };
        found.copied()
    }
}

/// What a host means; `None` for a name that only a resolver knows.
fn destination(host: &str) -> Option<Destination> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(Destination::ThisMachine);
    }
    let ip = name
        .parse::<IpAddr>()
        .ok()
        .or_else(|| classic_ipv4(&name).map(IpAddr::V4))?
        .to_canonical();
    Some(if ip.is_unspecified() {
        Destination::ThisMachine
    } else {
        Destination::Address(ip)
    })
}

/// An IPv4 address in one of the spellings that `inet_aton` and with it the system's resolver take: one
/// to four numbers, decimal, octal after `0` or hexadecimal after `0x`, of which the last fills what is
/// left: `127.1`, `2130706433`, `0x7f.0.0.1`.
fn classic_ipv4(text: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
    let numbers = numbers?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|number| *number > 255) {
        return None;
    }
    let filled = u32::try_from(first.len()).ok()?.checked_mul(8)?;
    if last.checked_shr(32_u32.checked_sub(filled)?).unwrap_or(0) > 0 {
        return None;
    }
    let mut octets = last.to_be_bytes();
    for (octet, number) in octets.iter_mut().zip(first) {
        *octet = u8::try_from(*number).ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(listen: &str, host: &str) -> bool {
        let own = Own::new(&[ListenAddress::Tcp(listen.parse().unwrap())]);
        destination(host).is_some_and(|destination| own.listening(&destination, 8080).is_some())
    }

    #[test]
    fn hookward_is_recognised_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "localhost",
            "LocalHost.",
            "app.localhost",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "0",
        ] {
            for listen in ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080"] {
                assert!(is_own(listen, host), "{host} at {listen}");
            }
            assert!(!is_own("127.0.0.1:8081", host), "{host}");
        }
        assert!(is_own("0.0.0.0:8080", "127.0.0.2"));
        assert!(is_own("[::]:8080", "127.0.0.2") && is_own("[::]:8080", "::1"));
        assert!(is_own("[::ffff:127.0.0.1]:8080", "127.0.0.1"));
        assert!(is_own("10.0.0.5:8080", "10.0.0.5"));
    }

    #[test]
    fn apps_beside_it_are_not_taken_for_it() {
        assert!(!is_own("127.0.0.1:8080", "127.0.0.2"));
        assert!(!is_own("127.0.0.1:8080", "::1"));
        assert!(!is_own("0.0.0.0:8080", "::1"));
        assert!(!is_own("0.0.0.0:8080", "10.0.0.5"));
        assert!(!is_own("10.0.0.5:8080", "localhost"));
        for name in [
            "app",
            "app.internal",
            "127.0.0.1.example",
            "1.2.3.4.5",
            "256.1",
            "0x",
            "08.1",
        ] {
            assert!(!is_own("0.0.0.0:8080", name), "{name}");
        }
    }
}
