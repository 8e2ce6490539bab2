//! `Host` as RFC 9110 section 7.2 has it: a name or an address, and perhaps a port.
//!
//! A value that two servers could take for two hosts is none: brackets without an address in them, a
//! second colon, a port that is no port.

use std::net::Ipv6Addr;

/// Whether a header's value is a host.
#[must_use]
pub fn is_sound(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    let (is_host, port) = match value.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').unwrap_or_default();
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let end = value.find(':').unwrap_or(value.len());
            let (name, port) = value.split_at_checked(end).unwrap_or_default();
            (is_name(name), port)
        }
    };
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// `reg-name` of RFC 3986 section 3.2.2, and not empty.
fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'%', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
            (byte, after) if byte.is_ascii_alphanumeric() => after,
            (byte, after) if b"-._~!$&'()*+;=".contains(byte) => after,
            _ => return false,
        };
    }
    !name.is_empty()
}

/// Digits of a number up to 65535; none at all is the usual port (RFC 3986 section 3.2.3).
fn is_port(port: &str) -> bool {
    port.is_empty()
        || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_reading() {
        for sound in [
            "a",
            "a.example",
            "a.example:80",
            "a:",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "hooks_1.example",
            "a%20b",
            "xn--bcher-kva.example",
        ] {
            assert!(is_sound(sound.as_bytes()), "{sound}");
        }
        for unsound in [
            "",
            ":80",
            "a:x",
            "a:-1",
            "a:99999",
            "a:80:90",
            "a%zz",
            "a%2",
            "[::1",
            "[zz]",
            "[::1]x",
            "[]",
            "::1",
            "a,b",
            "a b",
            "a/b",
            "u@a",
            "a\\b",
            "caf\u{e9}",
            "a:+80",
        ] {
            assert!(!is_sound(unsound.as_bytes()), "{unsound}");
        }
    }
}
