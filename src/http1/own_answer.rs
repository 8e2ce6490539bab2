//! The answers that hookward makes itself: a status, perhaps a header field, and no body.
//!
//! They tell the caller nothing beyond that: no date, no server, no request id.

use http::StatusCode;

/// An answer of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    /// The status.
    pub status: u16,
    /// A header field.
    pub field: Option<(&'static str, String)>,
    /// Nothing more may be read from the connection: what follows cannot be told from the rest of the
    /// request that this answers.
    pub is_last: bool,
}

impl OwnAnswer {
    /// An answer of a status alone.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            field: None,
            is_last: false,
        }
    }

    /// The answer as HTTP/1.1 writes it. `stays` says that the connection serves another request. A 401
    /// never says whether it does: every 401 is the same bytes, and how far its request was read depends
    /// on the reason.
    #[must_use]
    pub fn to_http1(&self, stays: bool) -> String {
        let reason = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let field = self.field.as_ref().map_or(String::new(), |(name, value)| {
            format!("{name}: {value}\r\n")
        });
        let close = if stays || self.status == 401 {
            ""
        } else {
            "Connection: close\r\n"
        };
        let status = self.status;
        format!("HTTP/1.1 {status} {reason}\r\n{field}{close}Content-Length: 0\r\n\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_401_is_the_same_bytes_and_others_say_that_the_connection_ends() {
        let unauthorized = OwnAnswer {
            field: Some(("WWW-Authenticate", "Signature".to_owned())),
            ..OwnAnswer::new(401)
        };
        assert_eq!(unauthorized.to_http1(true), unauthorized.to_http1(false));
        assert_eq!(
            OwnAnswer::new(413).to_http1(false),
            "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(
            OwnAnswer::new(404).to_http1(true),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        );
    }
}
