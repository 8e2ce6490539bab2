//! Where hookward listens: addresses and Unix sockets, each once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;

use super::values::{located, socket_path};
use crate::config::finding::Findings;
use crate::config::listen_address::{ListenAddress, UNIX};
use crate::config::reading::listen::{RawListen, RawSocket};
use crate::config::reading::spanned::Spanned;

const KEY: &str = "server.listen";
const TLS_KEY: &str = "server.tls.listen";

/// The group may connect too, and others may not.
const USUAL_MODE: u32 = 0o660;

/// Reads `server.listen`.
pub(super) fn listen(
    raw: Option<Spanned<Vec<Spanned<RawListen>>>>,
    table: &Range<usize>,
    findings: &mut Findings<'_>,
) -> Option<Vec<ListenAddress>> {
    let raw = not_empty(raw, table, KEY, "127.0.0.1:8080", findings)?;
    let mut addresses = Vec::new();
    let mut taken = Vec::new();
    for entry in raw.get_ref() {
        let address = read(entry, findings);
        if let Some(place) = address.as_ref().and_then(place) {
            if taken.contains(&place) {
                let message = "this address occurs twice; remove one of them";
                findings.error(entry.span(), KEY, message);
            } else if let Some(message) = in_use(&place, &taken) {
                findings.error(entry.span(), KEY, message);
            }
            taken.push(place);
        }
        addresses.push(address);
    }
    addresses.into_iter().collect()
}

/// Reads `server.tls.listen`. `others` are the addresses of `server.listen`.
pub(super) fn tls_listen(
    raw: Option<Spanned<Vec<Spanned<String>>>>,
    table: &Range<usize>,
    others: &[ListenAddress],
    findings: &mut Findings<'_>,
) -> Option<Vec<SocketAddr>> {
    let raw = not_empty(raw, table, TLS_KEY, "0.0.0.0:8443", findings)?;
    let mut addresses = Vec::new();
    let mut taken = Vec::new();
    for text in raw.get_ref() {
        if text.get_ref().starts_with(UNIX) {
            let message = "TLS is not spoken on a Unix socket; name it in `server.listen`";
            findings.error(text.span(), TLS_KEY, message);
            addresses.push(None);
            continue;
        }
        let address = socket_address(text, TLS_KEY, findings);
        if let Some(place) = address.map(ListenAddress::from).as_ref().and_then(place) {
            if others.contains(&place) {
                let message = "server.listen has this address too; expected another";
                findings.error(text.span(), TLS_KEY, message);
            } else if taken.contains(&place) {
                let message = "this address occurs twice; remove one of them";
                findings.error(text.span(), TLS_KEY, message);
            } else if let Some(message) = in_use(&place, others.iter().chain(&taken)) {
                findings.error(text.span(), TLS_KEY, message);
            }
            taken.push(place);
        }
        addresses.push(address);
    }
    addresses.into_iter().collect()
}

/// A list of at least one entry.
fn not_empty<T>(
    raw: Option<Spanned<Vec<T>>>,
    table: &Range<usize>,
    key: &str,
    example: &str,
    findings: &mut Findings<'_>,
) -> Option<Spanned<Vec<T>>> {
    let Some(raw) = raw else {
        let message = format!("required, such as [\"{example}\"]");
        findings.missing(table.clone(), key, message);
        return None;
    };
    if raw.get_ref().is_empty() {
        findings.error(raw.span(), key, "expected at least one address");
        return None;
    }
    Some(raw)
}

/// What is wrong with an address that a socket for one of `others` would have taken already.
pub(super) fn in_use<'a>(
    address: &ListenAddress,
    others: impl IntoIterator<Item = &'a ListenAddress>,
) -> Option<String> {
    let other = others.into_iter().find(|other| overlap(address, other))?;
    Some(format!(
        "{other} takes connections to this address too, so that only one of them can be had; remove one, or give it \
         another port"
    ))
}

/// Whether the system has connections for both addresses come to one socket: `0.0.0.0` takes those of IPv4, and `[::]`
/// those of both families. With one of each on the same port, each has its own.
fn overlap(one: &ListenAddress, other: &ListenAddress) -> bool {
    let (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) = (one, other) else {
        return false;
    };
    if one.port() != other.port() || one.port() == 0 {
        return false;
    }
    let takes = |all: &SocketAddr, address: &SocketAddr| match all.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.ip().to_canonical().is_ipv4(),
        IpAddr::V6(ip) if ip.is_unspecified() => address.ip() != IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ip => ip.to_canonical() == address.ip().to_canonical(),
    };
    takes(one, other) || takes(other, one)
}

/// What only one socket can have: the address, or the file whatever its permissions. Nothing for port 0,
/// which is one of the system's choice.
fn place(address: &ListenAddress) -> Option<ListenAddress> {
    match address {
        ListenAddress::Tcp(address) if address.port() == 0 => None,
        ListenAddress::Tcp(address) => Some(ListenAddress::Tcp(*address)),
        ListenAddress::Unix { path, .. } => Some(ListenAddress::Unix {
            path: path.clone(),
            mode: 0,
        }),
    }
}

fn read(entry: &Spanned<RawListen>, findings: &mut Findings<'_>) -> Option<ListenAddress> {
    match entry.get_ref() {
        RawListen::Text(text) => match text.strip_prefix(UNIX) {
            Some(path) => match socket_path(path) {
                Ok(path) => Some(ListenAddress::Unix {
                    path,
                    mode: USUAL_MODE,
                }),
                Err(message) => {
                    findings.error(entry.span(), KEY, message);
                    None
                }
            },
            None => {
                let address = text.parse().ok().map(ListenAddress::Tcp);
                if address.is_none() {
                    findings.error(entry.span(), KEY, no_address(text));
                }
                address
            }
        },
        RawListen::Socket(raw) => read_socket(raw, entry.span(), findings),
    }
}

fn read_socket(
    raw: &RawSocket,
    table: Range<usize>,
    findings: &mut Findings<'_>,
) -> Option<ListenAddress> {
    let mode = match &raw.mode {
        None => Some(USUAL_MODE),
        Some(text) => {
            let mode = read_mode(text.get_ref());
            if mode.is_none() {
                let message = "expected permissions in octal digits, such as \"0660\"";
                findings.error(text.span(), "server.listen.mode", message);
            }
            mode
        }
    };
    let path: Option<PathBuf> = match &raw.path {
        Some(path) => {
            let read = socket_path(path.get_ref());
            located(path, "server.listen.path", read, findings)
        }
        None => {
            let message = "required, such as \"/run/hookward/in.sock\"";
            findings.missing(table, "server.listen.path", message);
            None
        }
    };
    Some(ListenAddress::Unix {
        path: path?,
        mode: mode?,
    })
}

/// Three octal digits, or four of which the first is 0: what comes before the permissions means nothing on
/// a socket.
fn read_mode(text: &str) -> Option<u32> {
    let digits = match text.len() {
        3 => text,
        4 => text.strip_prefix('0')?,
        _ => return None,
    };
    let is_octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u32::from_str_radix(digits, 8).ok().filter(|_| is_octal)
}

/// Reads an address with its port.
pub(super) fn socket_address(
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

/// What to say of a text that is no address.
fn no_address(text: &str) -> &'static str {
    if text.starts_with('/') {
        "a Unix socket is written with `unix:` before its path, such as \"unix:/run/hookward/in.sock\""
    } else {
        "expected IP:PORT, such as \"127.0.0.1:8080\" or \"[::]:8080\", or a Unix socket, such as \
         \"unix:/run/hookward/in.sock\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal_digits() {
        for (text, mode) in [
            ("0660", Some(0o660)),
            ("660", Some(0o660)),
            ("0000", Some(0)),
            ("777", Some(0o777)),
            ("", None),
            ("66", None),
            ("1660", None),
            ("4755", None),
            ("00660", None),
            ("0o66", None),
            ("0680", None),
            ("+66", None),
            (" 660", None),
            ("rw-", None),
            ("66\u{e9}", None),
        ] {
            assert_eq!(read_mode(text), mode, "{text}");
        }
    }
}
