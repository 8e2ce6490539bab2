//! The hand-off: what the app receives besides what was sent.
//!
//! The app trusts a handful of headers because hookward sets them, so whatever came in under those
//! names is removed first. `_` counts as `-`: CGI-like apps cannot tell the two apart. Hop-by-hop
//! headers end here, as in any proxy (RFC 9110 section 7.6.1). Everything else goes on as it came.

pub mod forwarding;
mod outbound;

use std::borrow::Cow;

use http::HeaderName;

use crate::http1::fields::{Fields, begins_like, is, is_like};
use crate::http1::head::is_token_byte;
use crate::providers;
pub use outbound::{HandOff, Outbound};

use forwarding::Family;

/// `X-Hookward-Verified`: the scheme that verified the request.
pub const VERIFIED: &str = "X-Hookward-Verified";
/// `X-Hookward-Route`: the route's name.
pub const ROUTE: &str = "X-Hookward-Route";
/// `X-Hookward-Secret`: the id of the secret that matched.
pub const SECRET: &str = "X-Hookward-Secret";
/// `X-Hookward-Signed-At`: the signed timestamp in milliseconds.
pub const SIGNED_AT: &str = "X-Hookward-Signed-At";
/// `X-Hookward-Rejection`: why a request that was let through did not verify.
pub const REJECTION: &str = "X-Hookward-Rejection";
/// `X-Request-Id`.
pub const REQUEST_ID: &str = "X-Request-Id";

/// `X-Forwarded-For`: who called.
pub const FORWARDED_FOR: &str = "X-Forwarded-For";
/// `X-Forwarded-Proto`: the scheme by which it called.
pub const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
/// `X-Forwarded-Host`: the host that it called.
pub const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// Forwarding headers that hookward writes itself.
const APPENDED: [&str; 3] = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];

const MAX_REQUEST_ID_BYTES: usize = 128;

const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Whether hookward reads or sets this header itself, so that no `Connection` header may name it
/// and no API key may be sent in it.
#[must_use]
pub fn is_reserved(name: &[u8]) -> bool {
    const OTHERS: [&str; 4] = ["host", "content-length", "expect", "x-request-id"];
    is_own(name)
        || forwarding::family_of(name).is_some()
        || OTHERS.iter().any(|other| is(name, other))
        || is_hop_by_hop(name)
        || providers::PROVIDERS.iter().any(|provider| {
            let mut headers = provider.headers.iter().chain(&provider.nonce_header);
            headers.any(|header| is(name, header))
        })
}

/// Whether a header's name starts with `X-Hookward-`, `_` counting as `-`.
fn is_own(name: &[u8]) -> bool {
    begins_like(name, "x-hookward-")
}

/// Whether a header is for one connection alone.
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP.iter().any(|hop_by_hop| is(name, hop_by_hop))
}

/// Decides which of a request's headers go on to the app.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The forwarding headers to keep: the configured family, if the peer is trusted.
    pub keep_forwarding: Option<Family>,
    /// The header of an API key that the app does not get to see.
    pub strip: Option<&'a HeaderName>,
    /// The request's own `Connection` header names this many more headers to remove.
    pub nominated: &'a [&'a [u8]],
}

impl Filter<'_> {
    /// Whether a header goes on.
    #[must_use]
    pub fn keeps(&self, name: &[u8]) -> bool {
        // Apps that write `-` as `_` would find two ids.
        let is_ended = is_own(name)
            || is_like(name, "x-request-id")
            || is(name, "content-length")
            || is(name, "expect")
            || is_hop_by_hop(name);
        let is_stripped = self.strip.is_some_and(|strip| is(name, strip.as_str()))
            || self
                .nominated
                .iter()
                .any(|nominated| name.eq_ignore_ascii_case(nominated));
        let is_foreign = match forwarding::family_of(name) {
            None => false,
            Some(_) if name.contains(&b'_') => true,
            Some(family) => self.keep_forwarding != Some(family) || is_appended(name),
        };
        !(is_ended || is_stripped || is_foreign)
    }
}

/// Whether hookward itself writes this forwarding header anew.
fn is_appended(name: &[u8]) -> bool {
    APPENDED.iter().any(|appended| is(name, appended))
}

/// The headers that a request's `Connection` header names, apart from `close` and `keep-alive`.
///
/// `None` where that cannot be read in one way, or names a header that hookward uses: an
/// intermediary that obeyed would have removed what was verified or what the app trusts.
#[must_use]
pub fn nominations<'a>(
    headers: Fields<'a>,
    is_used: impl Fn(&[u8]) -> bool,
) -> Option<Vec<&'a [u8]>> {
    let mut nominated = Vec::new();
    for token in connection_options(headers) {
        let names_none = ["", "close", "keep-alive", "te"];
        if names_none.iter().any(|option| is(token, option)) {
            continue;
        }
        let is_name = token.iter().copied().all(is_token_byte);
        if !is_name || is_used(token) || nominated.len() >= MAX_NOMINATIONS {
            return None;
        }
        nominated.push(token);
    }
    Some(nominated)
}

/// The options in all `Connection` headers (RFC 9110 section 7.6.1).
fn connection_options(headers: Fields<'_>) -> impl Iterator<Item = &[u8]> {
    let values = headers.all("connection");
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Whether the connection of an HTTP/1.1 sender may serve another request (RFC 9112 section 9.3). One
/// of HTTP/1.0 never does here: it could not be told apart from the end of an answer.
#[must_use]
pub fn is_persistent(headers: Fields<'_>) -> bool {
    !connection_options(headers).any(|option| is(option, "close"))
}

/// A sender that names more headers than this in `Connection` is up to something.
const MAX_NOMINATIONS: usize = 8;

/// The request's id: its own if it has exactly one of 1 to 128 characters `A-Za-z0-9._-`, else
/// `fresh`.
#[must_use]
pub fn request_id<'a>(headers: Fields<'a>, fresh: impl FnOnce() -> String) -> Cow<'a, str> {
    let mut values = headers.all(REQUEST_ID);
    match (values.next(), values.next()) {
        (Some(value), None) if is_request_id(value) => String::from_utf8_lossy(value),
        _ => fresh().into(),
    }
}

fn is_request_id(value: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::http1::fields::Field;

    fn connection<'a>(values: &[&'a str]) -> Vec<Field<'a>> {
        let values = values.iter();
        values
            .map(|value| Field::new("connection", value.as_bytes()))
            .collect()
    }

    #[test]
    fn own_and_foreign_headers_do_not_go_on() {
        let filter = Filter {
            keep_forwarding: None,
            strip: Some(&HeaderName::from_static("x-api-key")),
            nominated: &[b"x-named"],
        };
        for gone in [
            "X-Hookward-Verified",
            "x_hookward_verified",
            "X-Hookward_Anything",
            "Connection",
            "TE",
            "Transfer-Encoding",
            "Content-Length",
            "Expect",
            "X-Request-Id",
            "X-Forwarded-For",
            "X_Forwarded_Host",
            "Forwarded",
            "X-Api-Key",
            "X-Named",
        ] {
            assert!(!filter.keeps(gone.as_bytes()), "{gone}");
        }
        for kept in [
            "Host",
            "Content-Type",
            "X-HubSpot-Signature-v3",
            "X-Hookward",
            "Cookie",
            "Via",
        ] {
            assert!(filter.keeps(kept.as_bytes()), "{kept}");
        }
    }

    #[test]
    fn a_trusted_peer_keeps_its_own_family_alone() {
        let filter = |family| Filter {
            keep_forwarding: Some(family),
            strip: None,
            nominated: &[],
        };
        let x_forwarded = filter(Family::XForwarded);
        assert!(x_forwarded.keeps(b"x-forwarded-port"));
        assert!(!x_forwarded.keeps(b"x_forwarded_port"));
        assert!(!x_forwarded.keeps(b"forwarded"));
        let forwarded = filter(Family::Forwarded);
        assert!(forwarded.keeps(b"forwarded"));
        assert!(!forwarded.keeps(b"x-forwarded-port"));
    }

    #[test]
    fn connection_may_not_name_what_is_used() {
        let read = |value: &str| {
            let lines = connection(&[value]);
            let named = nominations(Fields::from(&*lines), is_reserved)?;
            Some(named.concat())
        };
        assert_eq!(read("keep-alive, Close,,"), Some(Vec::new()));
        assert_eq!(read("x-custom"), Some(b"x-custom".to_vec()));
        for used in [
            "X-HubSpot-Signature-v3",
            "close, x-twenty-webhook-timestamp",
            "host",
            "x_hookward_route",
            "x-forwarded-for",
            "Forwarded",
            "content-length",
            "a b",
            "x-request-id",
            "\"x\"",
            "a,b,c,d,e,f,g,h,i,j",
        ] {
            assert_eq!(read(used), None, "{used}");
        }
    }

    #[test]
    fn a_connection_stays_unless_one_side_says_close() {
        let stays = |values: &[&str]| is_persistent(Fields::from(&*connection(values)));
        assert!(stays(&[]) && stays(&["keep-alive, x"]) && stays(&["closed"]));
        assert!(!stays(&["x, Close"]) && !stays(&["keep-alive", "close"]));
    }

    #[test]
    fn a_sound_request_id_is_kept() {
        let id = |values: &[&str]| {
            let values = values.iter();
            let lines: Vec<_> = values
                .map(|value| Field::new("x-request-id", value.as_bytes()))
                .collect();
            request_id(Fields::from(&*lines), || "fresh".to_owned()).into_owned()
        };
        assert_eq!(id(&["aZ0._-"]), "aZ0._-");
        assert_eq!(id(&[&"a".repeat(128)]), "a".repeat(128));
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a", "a"],
            &["a/b"],
            &[&"a".repeat(129)],
        ] {
            assert_eq!(id(values), "fresh", "{values:?}");
        }
    }
}
