//! A request as the app receives it: what was sent, without what is not for the app, and with the hand-off
//! headers.
//!
//! The head is written from the bytes that came, so that names keep their spelling and lines their order.
//! An [`Outbound`] is made of a [`Permitted`], or of a [`Stored`](super::Stored) request that was made of an
//! `Outbound`, and of nothing else; and nothing but an `Outbound` is ever sent to an app.

use bytes::{BufMut, Bytes, BytesMut};

use super::forwarding::Family;
use super::{
    FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, Filter, REJECTION, REQUEST_ID, ROUTE, SECRET,
    SIGNED_AT, VERIFIED,
};
use crate::http1::fields::Field;
use crate::verify::{ApiKeyLocation, Permit, Permitted, Request, strip_query_key};

/// What hookward adds to a head fits in this, usually.
const ADDED_BYTES: usize = 512;

/// What is removed from a request and added to it on its way to the app.
#[derive(Clone, Copy)]
pub struct HandOff<'a> {
    /// The route's name.
    pub route: &'a str,
    /// The API key that the app does not get to see.
    pub strip: Option<&'a ApiKeyLocation>,
    /// The headers that verification read.
    pub verified: &'a [String],
    /// Headers that the request's own `Connection` header names.
    pub nominated: &'a [&'a [u8]],
    /// Who called, as a [`Peer`](crate::peer::Peer) is written.
    pub peer: &'a str,
    /// The request came over TLS.
    pub is_tls: bool,
    /// The family whose forwarding headers are kept, where the peer is trusted.
    pub keep_forwarding: Option<Family>,
    /// The request's id.
    pub request_id: &'a str,
    /// The sender said how long its body is, or that it comes in chunks.
    pub has_body: bool,
    /// How many bytes the head took that was received.
    pub head_bytes: usize,
}

/// A request ready to be sent to the app.
pub struct Outbound {
    head: Bytes,
    body: Vec<Bytes>,
}

impl Outbound {
    /// The head, with its empty line, and the body in pieces.
    #[must_use]
    pub fn into_parts(self) -> (Bytes, Vec<Bytes>) {
        (self.head, self.body)
    }

    /// The same, to be shared.
    pub(super) fn parts(&self) -> (&Bytes, &[Bytes]) {
        (&self.head, &self.body)
    }

    /// A request that waited.
    pub(super) fn of_parts(head: Bytes, body: Vec<Bytes>) -> Self {
        Self { head, body }
    }
}

impl HandOff<'_> {
    /// The request as the app is to receive it.
    #[must_use]
    pub fn compose(&self, permitted: Permitted<'_>) -> Outbound {
        let head = self.head(&permitted);
        Outbound {
            head: head.freeze(),
            body: permitted.into_body().into_pieces(),
        }
    }

    fn head(&self, permitted: &Permitted<'_>) -> BytesMut {
        let request = permitted.request();
        let stripped_header = match self.strip {
            Some(ApiKeyLocation::Header(name)) => Some(name),
            Some(ApiKeyLocation::Query(_)) | None => None,
        };
        let filter = Filter {
            keep_forwarding: self.keep_forwarding,
            strip: stripped_header,
            verified: self.verified,
            nominated: self.nominated,
        };
        let mut head = BytesMut::with_capacity(self.head_bytes.saturating_add(ADDED_BYTES));
        head.put_slice(request.method.as_bytes());
        head.put_u8(b' ');
        match self.stripped_target(request) {
            Some(target) => head.put_slice(&target),
            None => head.put_slice(request.target.raw()),
        }
        head.put_slice(b" HTTP/1.1\r\n");
        let kept = request.headers.iter();
        for Field { name, value } in kept.filter(|field| filter.keeps(field.name)) {
            put_line(&mut head, name, value);
        }
        self.put_forwarding(&mut head, request);
        self.put_identity(&mut head, permitted.permit());
        if self.announces_length(permitted) {
            put_number(&mut head, "Content-Length", permitted.body_len());
        }
        head.put_slice(b"\r\n");
        head
    }

    /// A body, or a method that anticipates one, or a sender that said so (RFC 9110 section 8.6).
    fn announces_length(&self, permitted: &Permitted<'_>) -> bool {
        let method = permitted.request().method;
        permitted.body_len() > 0 || self.has_body || matches!(method, "POST" | "PUT" | "PATCH")
    }

    /// Our own view of who called and how, after what a trusted proxy said of it.
    fn put_forwarding(&self, head: &mut BytesMut, request: Request<'_>) {
        let is_kept = self.keep_forwarding == Some(Family::XForwarded);
        let begin = |head: &mut BytesMut, name: &str| {
            head.put_slice(name.as_bytes());
            head.put_slice(b": ");
            if is_kept {
                for sent in request.headers.all(name) {
                    head.put_slice(sent);
                    head.put_slice(b", ");
                }
            }
        };
        begin(head, FORWARDED_FOR);
        head.put_slice(self.peer.as_bytes());
        head.put_slice(b"\r\n");
        begin(head, FORWARDED_PROTO);
        let scheme: &[u8] = if self.is_tls { b"https" } else { b"http" };
        head.put_slice(scheme);
        head.put_slice(b"\r\n");
        begin(head, FORWARDED_HOST);
        head.put_slice(request.headers.first("host").unwrap_or_default());
        head.put_slice(b"\r\n");
    }

    /// What the app may trust: who sent the request, as far as that was proved.
    fn put_identity(&self, head: &mut BytesMut, permit: &Permit) {
        put(head, REQUEST_ID, self.request_id);
        put(head, ROUTE, self.route);
        if let Some(proof) = permit.proof() {
            put(head, VERIFIED, proof.scheme);
            put(head, SECRET, &proof.secret);
            if let Some(signed_at) = proof.signed_at {
                put_number(head, SIGNED_AT, signed_at.as_millis());
            }
        }
        if let Some(reason) = permit.waived_reason() {
            put(head, REJECTION, reason.as_str());
        }
    }

    /// The target without the API key, where the app is not to see it and it is there.
    fn stripped_target(&self, request: Request<'_>) -> Option<Vec<u8>> {
        let Some(ApiKeyLocation::Query(name)) = self.strip else {
            return None;
        };
        let query = request.target.query()?;
        let mut stripped = request.target.path().to_vec();
        if let Some(query) = strip_query_key(query, name) {
            stripped.push(b'?');
            stripped.extend_from_slice(&query);
        }
        Some(stripped)
    }
}

pub(super) fn put(head: &mut BytesMut, name: &str, value: &str) {
    put_line(head, name.as_bytes(), value.as_bytes());
}

pub(super) fn put_number(head: &mut BytesMut, name: &str, value: u64) {
    put(head, name, itoa::Buffer::new().format(value));
}

fn put_line(head: &mut BytesMut, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        head.put_slice(part);
    }
}
