//! `Host` as RFC 9110 section 7.2 has it: a name or an address, and perhaps a port.
//!
//! Refused is what two servers could take for two hosts: brackets without an address in them, a second
//! colon, a port that is no number.

use std::net::Ipv6Addr;

/// Whether a value of `Host` is a host, with or without a port.
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

/// Whether the authority of a URL names the same host and port as a sound `host`, in any case.
/// `default_port` is that of the URL's scheme with its colon, which counts as if it were not there (RFC
/// 3986 section 6.2.3).
#[must_use]
pub fn is_same(authority: &[u8], host: &[u8], default_port: &[u8]) -> bool {
    let without_port = |text: &[u8]| {
        let shorter = text.strip_suffix(default_port);
        shorter
            .or_else(|| text.strip_suffix(b":"))
            .unwrap_or(text)
            .to_ascii_lowercase()
    };
    without_port(authority) == without_port(host)
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

/// Digits of a number up to 65535, or none at all for the default port (RFC 3986 section 3.2.3).
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

    #[test]
    fn an_authority_is_the_same_without_the_default_port() {
        for (authority, host, same) in [
            ("a", "A", true),
            ("a:80", "a", true),
            ("a", "a:80", true),
            ("a:", "a:80", true),
            ("[::1]:80", "[::1]", true),
            ("[::80]", "[::80]", true),
            ("a:8080", "a:8080", true),
            ("a:8080", "a", false),
            ("a:443", "a", false),
            ("a:080", "a", false),
            ("a::80", "a", false),
            ("a::80", "a:", false),
            ("u@a", "a", false),
            ("", "a", false),
            ("a.", "a", false),
        ] {
            let found = is_same(authority.as_bytes(), host.as_bytes(), b":80");
            assert_eq!(found, same, "{authority} {host}");
        }
    }
}
