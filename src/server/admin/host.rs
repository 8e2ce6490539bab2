//! By which names the status may be asked for.
//!
//! A web page of somebody else's can have a browser ask for anything, also at an address that only the operator reaches,
//! once the name of its own server resolves to that address: then it may read the answer (DNS rebinding). Such a name
//! has a dot, and is sent as `Host`. Addresses, names without a dot, and those that the operator names are ours.

use std::net::Ipv4Addr;

use http::header::HOST;
use pingora::http::RequestHeader;

use crate::http1::host::is_sound;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostError {
    /// It does not say who is asked, or does so in more than one way.
    #[error("expected one Host header, with a host and perhaps a port")]
    Unclear,
    /// It is asked by a name that may be anybody's.
    #[error(
        "ask by an IP address or a name without a dot, or list the name that was asked for in hosts = […] of [admin]"
    )]
    Foreign,
}

/// Whether a request asks by a name that is ours. `hosts` are those that the operator names, in small letters.
pub(super) fn check(head: &RequestHeader, hosts: &[String]) -> Result<(), HostError> {
    let mut values = head.headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(HostError::Unclear);
    };
    check_host(value.as_bytes(), hosts)?;
    // A target in absolute form says it, too.
    match head.uri.authority() {
        Some(authority) => check_host(authority.as_str().as_bytes(), hosts),
        None => Ok(()),
    }
}

fn check_host(value: &[u8], hosts: &[String]) -> Result<(), HostError> {
    let text = std::str::from_utf8(value).map_err(|_| HostError::Unclear)?;
    if !is_sound(value) {
        return Err(HostError::Unclear);
    }
    // What is sound and begins so is an IPv6 address.
    if text.starts_with('[') {
        return Ok(());
    }
    let host = text.split(':').next().unwrap_or_default();
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_ours = host.bytes().all(is_of_name)
        || host.parse::<Ipv4Addr>().is_ok()
        || hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
    if is_ours {
        Ok(())
    } else {
        Err(HostError::Foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_ours_are_answered() {
        use HostError::{Foreign, Unclear};
        let hosts = ["hookward.example.com".to_owned()];
        for (host, expected) in [
            ("127.0.0.1", Ok(())),
            ("127.0.0.1:9464", Ok(())),
            ("10.1.2.3", Ok(())),
            ("[::1]", Ok(())),
            ("[fd00::1]:9464", Ok(())),
            ("localhost", Ok(())),
            ("LOCALHOST:1", Ok(())),
            ("hookward", Ok(())),
            ("hookward_2:", Ok(())),
            ("hookward.example.com", Ok(())),
            ("Hookward.Example.COM:9464", Ok(())),
            ("evil.example", Err(Foreign)),
            ("evil.example:9464", Err(Foreign)),
            ("x.hookward.example.com", Err(Foreign)),
            ("hookward.example.com.evil.example", Err(Foreign)),
            ("hookward.example.com.", Err(Foreign)),
            ("localhost.", Err(Foreign)),
            ("127.0.0.1.evil.example", Err(Foreign)),
            ("127.1", Err(Foreign)),
            ("127.0.0.01", Err(Foreign)),
            ("0x7f.1", Err(Foreign)),
            ("evil%2eexample", Err(Foreign)),
            ("a;b", Err(Foreign)),
            (".", Err(Foreign)),
            ("", Err(Unclear)),
            (":9464", Err(Unclear)),
            ("::1", Err(Unclear)),
            ("[::1", Err(Unclear)),
            ("[evil.example]", Err(Unclear)),
            ("127.0.0.1:x", Err(Unclear)),
            ("127.0.0.1:1:2", Err(Unclear)),
            ("127.0.0.1, evil.example", Err(Unclear)),
            ("u@127.0.0.1", Err(Unclear)),
            ("127.0.0.1/evil.example", Err(Unclear)),
            ("caf\u{e9}", Err(Unclear)),
        ] {
            assert_eq!(check_host(host.as_bytes(), &hosts), expected, "{host}");
        }
        assert_eq!(check_host(b"\xff", &hosts), Err(Unclear));
    }
}
