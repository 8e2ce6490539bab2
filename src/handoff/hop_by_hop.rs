//! Headers that are for one connection alone (RFC 9110 section 7.6.1), and what `Connection` says.
//!
//! An offer to upgrade, `Upgrade` with `Connection: Upgrade` and perhaps `HTTP2-Settings`, is a header of
//! the connection like any other: a server need not take it (RFC 9110 section 7.8), and hookward does not.
//! Java's HTTP client makes one with each first request.

use crate::http1::fields::{Fields, is, is_token_byte};
use crate::http1::names::Names;

const HOP_BY_HOP: Names = Names::new(&[
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    TRANSFER_ENCODING,
    "Upgrade",
    "HTTP2-Settings",
]);

const TRANSFER_ENCODING: &str = "Transfer-Encoding";

/// The most headers that `Connection` may name besides these. Senders name one or two, and each is compared
/// with every field of the request.
const MAX_NOMINATIONS: usize = 8;

/// Whether a header is for one connection alone, or could be taken for one that is.
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP.has_like(name)
}

/// The headers that a request's `Connection` header names, apart from those that are for one connection
/// whether it names them or not.
///
/// `None` where that cannot be read in one way, or names `Transfer-Encoding` or a header that is used: an
/// intermediary that obeyed would have removed what was verified, what the app trusts, or the framing.
#[must_use]
pub fn nominations<'a>(
    headers: Fields<'a>,
    is_used: impl Fn(&[u8]) -> bool,
) -> Option<Vec<&'a [u8]>> {
    let mut nominated = Vec::new();
    for option in connection_options(headers) {
        let names_none = ["", "close"].iter().any(|other| is(option, other));
        let is_gone_anyway = HOP_BY_HOP
            .iter()
            .any(|hop_by_hop| is(option, hop_by_hop) && hop_by_hop != TRANSFER_ENCODING);
        if names_none || is_gone_anyway {
            continue;
        }
        let is_name = option.iter().copied().all(is_token_byte);
        if !is_name || is_used(option) || nominated.len() >= MAX_NOMINATIONS {
            return None;
        }
        nominated.push(option);
    }
    Some(nominated)
}

/// Whether the connection of an HTTP/1.1 sender may serve another request (RFC 9112 section 9.3). That of an
/// HTTP/1.0 sender never does: its end may be what ends the answer.
#[must_use]
pub fn is_persistent(headers: Fields<'_>) -> bool {
    !connection_options(headers).any(|option| is(option, "close"))
}

/// The options in all `Connection` headers (RFC 9110 section 7.6.1).
fn connection_options(headers: Fields<'_>) -> impl Iterator<Item = &[u8]> {
    let values = headers.all("Connection");
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::super::names::is_reserved;
    use super::*;
    use crate::http1::fields::Field;
    use crate::providers::Providers;

    fn connection<'a>(values: &[&'a str]) -> Vec<Field<'a>> {
        let values = values.iter();
        values
            .map(|value| Field::new("connection", value.as_bytes()))
            .collect()
    }

    #[test]
    fn connection_may_not_name_what_is_used() {
        let read = |value: &str| {
            let lines = connection(&[value]);
            let is_used = |name: &[u8]| is_reserved(name) || Providers::known().send_header(name);
            let named = nominations(Fields::from(&*lines), is_used)?;
            Some(named.concat())
        };
        assert_eq!(read("keep-alive, Close,,"), Some(Vec::new()));
        assert_eq!(read("x-custom"), Some(b"x-custom".to_vec()));
        assert_eq!(
            read("Upgrade, HTTP2-Settings, TE, Trailer"),
            Some(Vec::new())
        );
        for used in [
            "X-HubSpot-Signature-v3",
            "close, x-twenty-webhook-timestamp",
            "host",
            "x_hookward_route",
            "x-forwarded-for",
            "Forwarded",
            "content-length",
            "content_length",
            "Transfer-Encoding",
            "transfer.encoding",
            "X_HubSpot_Signature_v3",
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
}
