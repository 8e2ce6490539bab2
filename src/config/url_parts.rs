//! What the URLs of stores have in common: a server with its port, and escapes.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use zeroize::Zeroizing;

/// Why a text is no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerError {
    /// The host is missing, or cannot be read.
    Host,
    /// The port is missing after its colon, or is none.
    Port,
}

/// `HOST` or `HOST:PORT`, always with its port.
pub(super) fn read_server(text: &str, default_port: u16) -> Result<String, ServerError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(ServerError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| ServerError::Host)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(ServerError::Host)?),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let is_host = is_of(host, b".-_") && !port.is_some_and(|port| port.contains(':'));
            (
                is_host.then(|| host.to_owned()).ok_or(ServerError::Host)?,
                port,
            )
        }
    };
    let port = match port {
        Some(port) => read_number(port).ok_or(ServerError::Port)?,
        None => default_port,
    };
    if port == 0 {
        return Err(ServerError::Port);
    }
    Ok(format!("{host}:{port}"))
}

/// A number in digits alone.
pub(super) fn read_number<T: FromStr>(text: &str) -> Option<T> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Whether a text consists of letters, digits and `others`, and is not empty.
pub(super) fn is_of(text: &str, others: &[u8]) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    !text.is_empty() && text.bytes().all(is_one)
}

/// The text without its escapes; `None` where a `%` is not followed by two hexadecimal digits, or the bytes
/// are not UTF-8.
pub(super) fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high.saturating_mul(16).saturating_add(low)).unwrap_or_default()
            }
            byte => byte,
        });
    }
    let text = std::str::from_utf8(&bytes).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Whether a host, an IPv6 address without its brackets, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>()
        .map_or(host.eq_ignore_ascii_case("localhost"), |address| {
            address.is_loopback()
        })
}
