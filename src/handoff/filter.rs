//! Which of a request's headers go on to the app.

use http::HeaderName;

use super::forwarding::{self, Family};
use super::hop_by_hop::is_hop_by_hop;
use super::names::{FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, REQUEST_ID, is_own};
use crate::http1::fields::is;
use crate::http1::names::{Names, is_like};

/// Forwarding headers that hookward writes itself.
const APPENDED: [&str; 3] = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];

/// Headers that are removed because hookward sets them itself, or has done what they ask for.
const REPLACED: Names = Names::new(&[REQUEST_ID, "Content-Length", "Expect"]);

/// Decides which of a request's headers go on to the app.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The forwarding headers to keep: the configured family, if the peer is trusted.
    pub keep_forwarding: Option<Family>,
    /// The header of an API key that the app does not get to see.
    pub strip: Option<&'a HeaderName>,
    /// The headers that verification read. They go on; others that an app could take for them do not.
    pub verified: &'a [String],
    /// Headers that the request's own `Connection` header names. They are removed too.
    pub nominated: &'a [&'a [u8]],
}

impl Filter<'_> {
    /// Whether a header goes on.
    #[must_use]
    pub fn keeps(&self, name: &[u8]) -> bool {
        let is_ended = is_own(name) || is_hop_by_hop(name) || REPLACED.has_like(name);
        let is_stripped = self.strip.is_some_and(|strip| is(name, strip.as_str()))
            || self
                .nominated
                .iter()
                .any(|nominated| name.eq_ignore_ascii_case(nominated));
        let is_look_alike = self
            .verified
            .iter()
            .any(|verified| !is(name, verified) && is_like(name, verified));
        !(is_ended || is_stripped || is_look_alike || self.is_foreign(name))
    }

    /// Whether this is a forwarding header that is not the trusted peer's, or that hookward writes itself.
    fn is_foreign(&self, name: &[u8]) -> bool {
        let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        match forwarding::family_of(name) {
            None => false,
            Some(_) if !name.iter().all(is_usual) => true,
            Some(family) => {
                self.keep_forwarding != Some(family)
                    || APPENDED.iter().any(|appended| is(name, appended))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_foreign_headers_do_not_go_on() {
        let verified = ["X-HubSpot-Signature-v3", "x_key"].map(str::to_owned);
        let filter = Filter {
            keep_forwarding: None,
            strip: Some(&HeaderName::from_static("x-api-key")),
            verified: &verified,
            nominated: &[b"x-named"],
        };
        for gone in [
            "X-Hookward-Verified",
            "x_hookward_verified",
            "X.Hookward.Verified",
            "X-Hookward_Anything",
            "Connection",
            "TE",
            "Upgrade",
            "HTTP2-Settings",
            "HTTP2_Settings",
            "Transfer-Encoding",
            "Transfer_Encoding",
            "transfer.encoding",
            "Content-Length",
            "Content_Length",
            "Content~Length",
            "Expect",
            "X-Request-Id",
            "X_Request.Id",
            "X-Forwarded-For",
            "X_Forwarded_Host",
            "X-Forwarded.For",
            "Forwarded",
            "X-Api-Key",
            "X-Named",
            "X_HubSpot_Signature_v3",
            "x-hubspot-signature.v3",
            "X-Key",
        ] {
            assert!(!filter.keeps(gone.as_bytes()), "{gone}");
        }
        for kept in [
            "Host",
            "Content-Type",
            "Content_Type",
            "X-HubSpot-Signature-v3",
            "x-hubspot-signature-V3",
            "X_Key",
            "X_HubSpot_Signature",
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
            verified: &[],
            nominated: &[],
        };
        let x_forwarded = filter(Family::XForwarded);
        assert!(x_forwarded.keeps(b"x-forwarded-port"));
        assert!(!x_forwarded.keeps(b"x_forwarded_port"));
        assert!(!x_forwarded.keeps(b"x-forwarded-port.0"));
        assert!(!x_forwarded.keeps(b"forwarded"));
        let forwarded = filter(Family::Forwarded);
        assert!(forwarded.keeps(b"forwarded"));
        assert!(!forwarded.keeps(b"x-forwarded-port"));
    }
}
