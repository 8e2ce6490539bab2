//! The hand-off: what the app receives besides what was sent.
//!
//! The app trusts a handful of headers because hookward sets them, so whatever came in under those
//! names is removed first. `_` counts as `-`: CGI-like apps cannot tell the two apart. Hop-by-hop
//! headers end here, as in any proxy (RFC 9110 section 7.6.1). Everything else goes on as it came.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::forwarding::{self, Family};
use crate::verify::schemes;

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
pub fn is_reserved(name: &HeaderName) -> bool {
    const OTHERS: [&str; 4] = ["host", "content-length", "expect", "x-request-id"];
    let text = name.as_str();
    is_own(text)
        || forwarding::family_of(text).is_some()
        || OTHERS.contains(&text)
        || HOP_BY_HOP.contains(&text)
        || schemes::PROVIDERS.iter().any(|provider| {
            let mut headers = provider.headers.iter().chain(&provider.nonce_header);
            headers.any(|header| header.eq_ignore_ascii_case(text))
        })
}

/// Whether a header's name starts with `X-Hookward-`, `_` counting as `-`.
fn is_own(name: &str) -> bool {
    const PREFIX: &[u8] = b"x-hookward-";
    name.len() >= PREFIX.len()
        && name
            .bytes()
            .zip(PREFIX)
            .all(|(byte, expected)| byte == *expected || (byte == b'_' && *expected == b'-'))
}

/// Whether a header is for one connection alone.
#[must_use]
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&name.as_str())
}

/// Decides which of a request's headers go on to the app.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The forwarding headers to keep: the configured family, if the peer is trusted.
    pub keep_forwarding: Option<Family>,
    /// The header of an API key that the app does not get to see.
    pub strip: Option<&'a HeaderName>,
    /// The request's own `Connection` header names this many more headers to remove.
    pub nominated: &'a [HeaderName],
}

impl Filter<'_> {
    /// Whether a header goes on.
    #[must_use]
    pub fn keeps(&self, name: &HeaderName) -> bool {
        const REPLACED: [&str; 3] = ["content-length", "expect", "x-request-id"];
        let text = name.as_str();
        // Apps that write `-` as `_` would find two.
        let is_ended = is_own(text)
            || matches!(text, "x_request_id" | "x-request_id" | "x_request-id")
            || REPLACED.contains(&text)
            || HOP_BY_HOP.contains(&text);
        let is_stripped = self.strip == Some(name) || self.nominated.contains(name);
        let is_foreign = match forwarding::family_of(text) {
            None => false,
            Some(_) if text.contains('_') => true,
            Some(family) => self.keep_forwarding != Some(family) || is_appended(text),
        };
        !(is_ended || is_stripped || is_foreign)
    }
}

/// Whether hookward itself writes this forwarding header anew.
fn is_appended(name: &str) -> bool {
    matches!(
        name,
        "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host"
    )
}

/// The headers that a request's `Connection` header names, apart from `close` and `keep-alive`.
///
/// `None` where that cannot be read in one way, or names a header that hookward uses: an
/// intermediary that obeyed would have removed what was verified or what the app trusts.
#[must_use]
pub fn nominations(
    headers: &HeaderMap,
    is_used: impl Fn(&HeaderName) -> bool,
) -> Option<Vec<HeaderName>> {
    let mut nominated = Vec::new();
    for value in headers.get_all(http::header::CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            if token.is_empty()
                || token.eq_ignore_ascii_case(b"close")
                || token.eq_ignore_ascii_case(b"keep-alive")
                || token.eq_ignore_ascii_case(b"te")
            {
                continue;
            }
            let name = HeaderName::from_bytes(token).ok()?;
            if is_used(&name) || nominated.len() >= MAX_NOMINATIONS {
                return None;
            }
            nominated.push(name);
        }
    }
    Some(nominated)
}

/// Whether the connection of an HTTP/1.1 sender may serve another request (RFC 9112 section 9.3). One
/// of HTTP/1.0 never does here: it could not be told apart from the end of an answer.
#[must_use]
pub fn is_persistent(headers: &HeaderMap) -> bool {
    !headers
        .get_all(http::header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// A sender that names more headers than this in `Connection` is up to something.
const MAX_NOMINATIONS: usize = 8;

/// The request's id: its own if it has exactly one of 1 to 128 characters `A-Za-z0-9._-`, else
/// `fresh`.
#[must_use]
pub fn request_id(headers: &HeaderMap, fresh: impl FnOnce() -> String) -> String {
    let mut values = headers.get_all(REQUEST_ID).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (Some(value), None) if is_request_id(value) => String::from_utf8_lossy(value).into_owned(),
        _ => fresh(),
    }
}

fn is_request_id(value: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// The value of a forwarding header after `own` was appended to what a trusted proxy sent under
/// `name`, or `own` alone.
#[must_use]
pub fn appended(headers: &HeaderMap, name: &str, own: &str, is_trusted: bool) -> Vec<u8> {
    let mut value = Vec::new();
    if is_trusted {
        for sent in headers.get_all(name) {
            value.extend_from_slice(sent.as_bytes());
            value.extend_from_slice(b", ");
        }
    }
    value.extend_from_slice(own.as_bytes());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        text.parse().unwrap()
    }

    #[test]
    fn own_and_foreign_headers_do_not_go_on() {
        let filter = Filter {
            keep_forwarding: None,
            strip: Some(&name("x-api-key")),
            nominated: &[name("x-named")],
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
            assert!(!filter.keeps(&name(gone)), "{gone}");
        }
        for kept in [
            "Host",
            "Content-Type",
            "X-HubSpot-Signature-v3",
            "X-Hookward",
            "Cookie",
            "Via",
        ] {
            assert!(filter.keeps(&name(kept)), "{kept}");
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
        assert!(x_forwarded.keeps(&name("x-forwarded-port")));
        assert!(!x_forwarded.keeps(&name("x_forwarded_port")));
        assert!(!x_forwarded.keeps(&name("forwarded")));
        let forwarded = filter(Family::Forwarded);
        assert!(forwarded.keeps(&name("forwarded")));
        assert!(!forwarded.keeps(&name("x-forwarded-port")));
    }

    #[test]
    fn connection_may_not_name_what_is_used() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.append("connection", value.parse().unwrap());
            nominations(&headers, is_reserved)
        };
        assert_eq!(read("keep-alive, Close,,"), Some(vec![]));
        assert_eq!(read("x-custom"), Some(vec![name("x-custom")]));
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
        let stays = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("connection", value.parse().unwrap());
            }
            is_persistent(&headers)
        };
        assert!(stays(&[]) && stays(&["keep-alive, x"]) && stays(&["closed"]));
        assert!(!stays(&["x, Close"]) && !stays(&["keep-alive", "close"]));
    }

    #[test]
    fn a_sound_request_id_is_kept() {
        let id = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-request-id", value.parse().unwrap());
            }
            request_id(&headers, || "fresh".to_owned())
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
