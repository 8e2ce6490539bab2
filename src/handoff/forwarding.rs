//! Forwarding headers: what a trusted proxy in front says about the request it received.
//!
//! Two families exist, `X-Forwarded-*` and `Forwarded` (RFC 7239). One is read, and only from
//! peers that the configuration trusts. The other family, and either from another peer, can be written
//! by an attacker, and is neither read nor passed on. Of several values the last counts: it is the one
//! that the trusted peer itself added.

use std::borrow::Cow;

use ipnet::IpNet;

use super::forwarded;
use crate::http1::fields::Fields;
use crate::http1::names::{begins_like, is_like};
use crate::peer::Peer;

/// Which forwarding headers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `X-Forwarded-For`, `-Proto`, `-Host`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// What the trusted proxy that the request came from says of it. A value that it does not give is
/// absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The scheme of the URL that was called: `http` or `https`.
    pub scheme: Option<&'static str>,
    /// The host, with a port if there was one.
    pub host: Option<String>,
    /// Who called, as text.
    pub client: Option<String>,
}

/// A forwarding header that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trusted proxy's forwarding header cannot be read")]
pub struct MalformedForwarding;

/// The peers whose forwarding headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedPeers {
    /// Every address of these networks.
    pub networks: Vec<IpNet>,
    /// Whoever comes by a Unix socket.
    pub unix: bool,
}

impl TrustedPeers {
    /// Whether `peer` is one of them.
    #[must_use]
    pub fn contain(&self, peer: Peer) -> bool {
        match peer {
            Peer::Ip(address) => self
                .networks
                .iter()
                .any(|network| network.contains(&address)),
            Peer::Unix => self.unix,
        }
    }
}

/// The family that a header belongs to, or that an app could take it to belong to (see [`is_like`]).
#[must_use]
pub fn family_of(name: &[u8]) -> Option<Family> {
    if is_like(name, "Forwarded") {
        Some(Family::Forwarded)
    } else if begins_like(name, "X-Forwarded-") {
        Some(Family::XForwarded)
    } else {
        None
    }
}

/// Reads `family` from the headers of a trusted peer's request.
///
/// # Errors
/// [`MalformedForwarding`] where a value is not text, not quoted properly or an unknown scheme.
pub fn reported(headers: Fields<'_>, family: Family) -> Result<Reported, MalformedForwarding> {
    match family {
        Family::XForwarded => Ok(Reported {
            scheme: last_listed(headers, "x-forwarded-proto")?
                .map(known_scheme)
                .transpose()?,
            host: last_listed(headers, "x-forwarded-host")?.map(str::to_owned),
            client: last_listed(headers, "x-forwarded-for")?.map(str::to_owned),
        }),
        Family::Forwarded => {
            let value = last_value(headers, "Forwarded")?.unwrap_or_default();
            let last = forwarded::last_element(value).ok_or(MalformedForwarding)?;
            Ok(Reported {
                scheme: last.proto.as_deref().map(known_scheme).transpose()?,
                host: last.host.map(Cow::into_owned),
                client: last.client.map(Cow::into_owned),
            })
        }
    }
}

fn last_value<'a>(headers: Fields<'a>, name: &str) -> Result<Option<&'a str>, MalformedForwarding> {
    let Some(value) = headers.all(name).next_back() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value).ok();
    let text = text.filter(|text| text.is_ascii());
    text.map(Some).ok_or(MalformedForwarding)
}

fn last_listed<'a>(
    headers: Fields<'a>,
    name: &str,
) -> Result<Option<&'a str>, MalformedForwarding> {
    let value = last_value(headers, name)?;
    Ok(value.and_then(|value| {
        value
            .rsplit(',')
            .map(str::trim)
            .find(|element| !element.is_empty())
    }))
}

fn known_scheme(scheme: &str) -> Result<&'static str, MalformedForwarding> {
    ["http", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
        .ok_or(MalformedForwarding)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::http1::fields::Field;

    fn read(family: Family, fields: &[(&'static str, &'static str)]) -> Option<Reported> {
        let fields = fields.iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| Field::new(name, value.as_bytes()))
            .collect();
        reported(Fields::from(&*fields), family).ok()
    }

    fn of(
        scheme: Option<&'static str>,
        host: Option<&str>,
        client: Option<&str>,
    ) -> Option<Reported> {
        Some(Reported {
            scheme,
            host: host.map(str::to_owned),
            client: client.map(str::to_owned),
        })
    }

    #[test]
    fn the_rightmost_value_of_the_last_header_counts() {
        let fields = [
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-host", "a.example, hooks.example.com:8443"),
            ("x-forwarded-proto", "http,HTTPS"),
            ("x-forwarded-for", "1.1.1.1, 2.2.2.2"),
            ("forwarded", "host=other.example;proto=http"),
        ];
        assert_eq!(
            read(Family::XForwarded, &fields),
            of(
                Some("https"),
                Some("hooks.example.com:8443"),
                Some("2.2.2.2")
            )
        );
        assert_eq!(
            read(Family::Forwarded, &fields),
            of(Some("http"), Some("other.example"), None)
        );
    }

    #[test]
    fn empty_elements_do_not_count() {
        let listed = [
            ("x-forwarded-host", "a.example, h.example, ,"),
            ("x-forwarded-proto", "https,"),
        ];
        let expected = of(Some("https"), Some("h.example"), None);
        assert_eq!(read(Family::XForwarded, &listed), expected);
        let element = [("forwarded", "host=a.example,host=h.example;proto=https, ,")];
        assert_eq!(read(Family::Forwarded, &element), expected);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_what_is_absent_is_not() {
        assert_eq!(read(Family::XForwarded, &[]), of(None, None, None));
        assert_eq!(
            read(Family::XForwarded, &[("x-forwarded-host", "")]),
            of(None, None, None)
        );
        assert_eq!(
            read(Family::XForwarded, &[("x-forwarded-proto", "gopher")]),
            None
        );
        for malformed in [r#"host="a"#, "host", "proto=gopher", "host=caf\u{e9}"] {
            let fields = [("forwarded", malformed)];
            assert_eq!(read(Family::Forwarded, &fields), None, "{malformed}");
        }
    }

    #[test]
    fn the_last_element_counts_whatever_it_says() {
        for fields in [
            &[("forwarded", "host=evil.example;proto=https, by=_proxy")][..],
            &[("forwarded", "host=evil.example;proto=https, ;")],
            &[
                ("forwarded", "host=evil.example;proto=https"),
                ("forwarded", "by=_proxy;x=y"),
            ],
        ] {
            assert_eq!(
                read(Family::Forwarded, fields),
                of(None, None, None),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn trust_is_by_network_and_sees_through_mapped_addresses() {
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let trusted = TrustedPeers {
            networks,
            unix: false,
        };
        for (peer, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::1", true),
            ("127.0.0.1", false),
            ("::2", false),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(trusted.contain(Peer::from(peer)), expected, "{peer}");
        }
        assert!(!trusted.contain(Peer::Unix));
        let unix = TrustedPeers {
            unix: true,
            ..TrustedPeers::default()
        };
        assert!(unix.contain(Peer::Unix));
    }
}
