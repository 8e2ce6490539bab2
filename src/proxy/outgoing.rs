//! The request header as the app receives it.

use std::net::IpAddr;

use http::{HeaderName, Method};
use pingora::Result;
use pingora::http::RequestHeader;

use super::site::{Route, Site};
use crate::forwarding::{Family, is_trusted};
use crate::handoff::{self, Filter};
use crate::head::Framing;
use crate::target::Target;
use crate::verify::{ApiKeyLocation, Permit, strip_query_key};

/// What a header is made of besides the one received.
pub(super) struct Outgoing<'a> {
    pub(super) site: &'a Site,
    pub(super) route: &'a Route,
    pub(super) permit: &'a Permit,
    pub(super) nominated: &'a [HeaderName],
    pub(super) framing: Framing,
    pub(super) body_bytes: u64,
    pub(super) peer: IpAddr,
    pub(super) request_id: &'a str,
}

impl Outgoing<'_> {
    /// Makes of the received header what the app is sent: less what ends here, plus the hand-off.
    pub(super) fn rewrite(&self, header: &mut RequestHeader) -> Result<()> {
        let trusted = is_trusted(self.peer, &self.site.server.trusted_proxies);
        let stripped_header = match &self.route.strip {
            Some(ApiKeyLocation::Header(name)) => Some(name),
            Some(ApiKeyLocation::Query(_)) | None => None,
        };
        let filter = Filter {
            keep_forwarding: trusted.then_some(self.site.server.forwarding),
            strip: stripped_header,
            nominated: self.nominated,
        };
        let forwarding = self.forwarding(header, trusted);
        let ended: Vec<HeaderName> = header
            .headers
            .keys()
            .filter(|name| !filter.keeps(name))
            .cloned()
            .collect();
        for name in &ended {
            header.remove_header(name);
        }
        if let Some(ApiKeyLocation::Query(name)) = &self.route.strip {
            strip_target(header, name)?;
        }
        for (name, value) in forwarding {
            header.insert_header(name, value)?;
        }
        self.handoff(header)?;
        header.set_version(http::Version::HTTP_11);
        if self.announces_length(&header.method) {
            header.insert_header("Content-Length", self.body_bytes.to_string())?;
        }
        Ok(())
    }

    /// A body, or a method that anticipates one, or a sender that said so (RFC 9110 section 8.6).
    fn announces_length(&self, method: &Method) -> bool {
        self.body_bytes > 0
            || self.framing != Framing::None
            || matches!(*method, Method::POST | Method::PUT | Method::PATCH)
    }

    fn forwarding(&self, received: &RequestHeader, trusted: bool) -> [(&'static str, Vec<u8>); 3] {
        let trusted = trusted && self.site.server.forwarding == Family::XForwarded;
        let host = received.headers.get("host");
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let peer = self.peer.to_string();
        [
            ("X-Forwarded-For", peer.as_str()),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", host),
        ]
        .map(|(name, own)| {
            let value = handoff::appended(&received.headers, name, own, trusted);
            (name, value)
        })
    }

    fn handoff(&self, header: &mut RequestHeader) -> Result<()> {
        header.insert_header(handoff::REQUEST_ID, self.request_id)?;
        header.insert_header(handoff::ROUTE, &*self.route.name)?;
        if let Some(proof) = self.permit.proof() {
            header.insert_header(handoff::VERIFIED, proof.scheme)?;
            header.insert_header(handoff::SECRET, &*proof.secret)?;
            if let Some(signed_at) = proof.signed_at {
                header.insert_header(handoff::SIGNED_AT, signed_at.to_string())?;
            }
        }
        if let Some(reason) = self.permit.waived_reason() {
            header.insert_header(handoff::REJECTION, reason.as_str())?;
        }
        Ok(())
    }
}

fn strip_target(header: &mut RequestHeader, name: &str) -> Result<()> {
    let raw = header.raw_path().to_vec();
    let Ok(target) = Target::parse(&raw) else {
        return Ok(());
    };
    let Some(query) = target.query() else {
        return Ok(());
    };
    let mut stripped = target.path().to_vec();
    if let Some(query) = strip_query_key(query, name) {
        stripped.push(b'?');
        stripped.extend_from_slice(&query);
    }
    header.set_raw_path(&stripped)
}
