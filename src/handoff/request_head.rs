//! The request's head as the app receives it: what was sent, less what ends here, plus the hand-off.
//!
//! It is written from the bytes that came, so that names keep their spelling and lines their order.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::{BufMut, BytesMut};

use crate::active::{Route, Site};
use crate::handoff::forwarding::{Family, is_trusted};
use crate::handoff::{self, Filter};
use crate::http1::fields::Field;
use crate::http1::head::{Framing, Head};
use crate::http1::target::Target;
use crate::verify::{ApiKeyLocation, Permit, strip_query_key};

/// What hookward adds to a head fits in this, usually.
const ADDED_BYTES: usize = 512;

/// What a head is made of besides the one received.
pub(crate) struct Outgoing<'a> {
    pub(crate) site: &'a Site,
    pub(crate) route: &'a Route,
    pub(crate) permit: &'a Permit,
    pub(crate) nominated: &'a [&'a [u8]],
    pub(crate) body_bytes: u64,
    pub(crate) peer: IpAddr,
    pub(crate) request_id: &'a str,
}

impl Outgoing<'_> {
    /// The head that the app is sent for one that took `received_bytes`.
    pub(crate) fn head(&self, received: &Head<'_>, received_bytes: usize) -> BytesMut {
        let trusted = is_trusted(self.peer, &self.site.server.trusted_proxies);
        let family = self.site.server.forwarding;
        let stripped_header = match &self.route.strip {
            Some(ApiKeyLocation::Header(name)) => Some(name),
            Some(ApiKeyLocation::Query(_)) | None => None,
        };
        let filter = Filter {
            keep_forwarding: trusted.then_some(family),
            strip: stripped_header,
            verified: &self.route.verified_headers,
            nominated: self.nominated,
        };
        let mut head = BytesMut::with_capacity(received_bytes.saturating_add(ADDED_BYTES));
        head.put_slice(received.method.as_bytes());
        head.put_u8(b' ');
        match self.stripped_target(received.target) {
            Some(target) => head.put_slice(&target),
            None => head.put_slice(received.target),
        }
        head.put_slice(b" HTTP/1.1\r\n");
        let kept = received.fields().iter();
        for Field { name, value } in kept.filter(|field| filter.keeps(field.name)) {
            put_line(&mut head, name, value);
        }
        self.forwarding(&mut head, received, trusted && family == Family::XForwarded);
        self.handoff(&mut head);
        if self.announces_length(received) {
            put_display(&mut head, "Content-Length", self.body_bytes);
        }
        head.put_slice(b"\r\n");
        head
    }

    /// A body, or a method that anticipates one, or a sender that said so (RFC 9110 section 8.6).
    fn announces_length(&self, received: &Head<'_>) -> bool {
        self.body_bytes > 0
            || received.framing != Framing::None
            || matches!(received.method, "POST" | "PUT" | "PATCH")
    }

    /// Our own view of who called and how, after what a trusted proxy said of it.
    fn forwarding(&self, head: &mut BytesMut, received: &Head<'_>, trusted: bool) {
        let fields = received.fields();
        let begin = |head: &mut BytesMut, name: &str| {
            head.put_slice(name.as_bytes());
            head.put_slice(b": ");
            for sent in fields.all(name).filter(|_| trusted) {
                head.put_slice(sent);
                head.put_slice(b", ");
            }
        };
        begin(head, handoff::FORWARDED_FOR);
        let _ = write!(head, "{}", self.peer);
        head.put_slice(b"\r\n");
        begin(head, handoff::FORWARDED_PROTO);
        head.put_slice(b"http\r\n");
        begin(head, handoff::FORWARDED_HOST);
        head.put_slice(fields.first("host").unwrap_or_default());
        head.put_slice(b"\r\n");
    }

    fn handoff(&self, head: &mut BytesMut) {
        put(head, handoff::REQUEST_ID, self.request_id);
        put(head, handoff::ROUTE, &self.route.name);
        if let Some(proof) = self.permit.proof() {
            put(head, handoff::VERIFIED, proof.scheme);
            put(head, handoff::SECRET, &proof.secret);
            if let Some(signed_at) = proof.signed_at {
                put_display(head, handoff::SIGNED_AT, signed_at);
            }
        }
        if let Some(reason) = self.permit.waived_reason() {
            put(head, handoff::REJECTION, reason.as_str());
        }
    }

    /// The target without the API key, where the app is not to see it and it is there.
    fn stripped_target(&self, target: &[u8]) -> Option<Vec<u8>> {
        let Some(ApiKeyLocation::Query(name)) = &self.route.strip else {
            return None;
        };
        let target = Target::parse(target).ok()?;
        let query = target.query()?;
        let mut stripped = target.path().to_vec();
        if let Some(query) = strip_query_key(query, name) {
            stripped.push(b'?');
            stripped.extend_from_slice(&query);
        }
        Some(stripped)
    }
}

fn put(head: &mut BytesMut, name: &str, value: &str) {
    put_line(head, name.as_bytes(), value.as_bytes());
}

/// Writing to memory does not fail.
fn put_display(head: &mut BytesMut, name: &str, value: impl std::fmt::Display) {
    let _ = write!(head, "{name}: {value}\r\n");
}

fn put_line(head: &mut BytesMut, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        head.put_slice(part);
    }
}
