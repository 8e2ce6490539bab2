//! A request on an HTTP/1 connection of its own, and the answer to it. Pingora's client reads the answer.

use std::time::Duration;

use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::protocols::http::v1::client::HttpSession;

use super::connect::{Connected, Connector, Destination};
use super::failure::Failure;
use super::sending::{PendingRequest, SendingStream};

/// A request on its way, or sent, and the answer to it.
pub(super) struct Http1Call {
    session: HttpSession,
    destination: Destination,
    is_reused: bool,
    /// The body of the answer was read to its end.
    has_ended: bool,
}

impl Http1Call {
    /// Sends the request as the answer is read.
    pub(super) fn new(connected: Connected, request: PendingRequest) -> Self {
        let stream = SendingStream::new(connected.stream, request);
        Self {
            session: HttpSession::new(Box::new(stream)),
            destination: connected.destination,
            is_reused: connected.is_reused,
            has_ended: false,
        }
    }

    /// The head that was read last.
    pub(super) fn head(&self) -> Option<&ResponseHeader> {
        self.session.resp_header()
    }

    /// Reads the next head: an informational one, or the final.
    pub(super) async fn read_head(&mut self) -> Result<(), Failure> {
        self.session.read_response().await?;
        Ok(())
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn read_body(&mut self) -> Result<Option<&[u8]>, Failure> {
        let piece = self.session.read_body_ref().await?;
        self.has_ended = piece.is_none();
        Ok(piece)
    }

    /// The request, if the connection was a kept one that took no byte of it: then it cannot have been
    /// processed.
    pub(super) fn into_unprocessed(self) -> Option<PendingRequest> {
        let stream = SendingStream::out_of(self.session.into_inner());
        stream
            .filter(|_| self.is_reused)
            .and_then(SendingStream::into_untouched)
    }

    /// Whether the system took all of the request.
    pub(super) fn is_sent(&self) -> bool {
        SendingStream::within(self.session.stream()).is_some_and(SendingStream::is_complete)
    }

    /// What is left to send.
    pub(super) fn into_unfinished(self) -> Option<SendingStream> {
        SendingStream::out_of(self.session.into_inner())
    }

    /// Ends an exchange whose request was sent: keeps the connection if it can serve another.
    pub(super) fn conclude(mut self, connector: &Connector, idle_timeout: Duration) {
        let is_end_certain = self.head().is_some_and(is_end_certain);
        self.session.respect_keepalive();
        let is_given_up = self.has_ended && !self.session.will_keepalive();
        if is_given_up && self.head().is_some_and(stays) {
            connector.note_surplus(&self.destination);
        }
        let idle_timeout = idle_timeout.min(self.announced_idle_timeout());
        // It waits only where it ends a connection, and what it would wait for there is nobody's concern.
        let stream = self.session.reuse().now_or_never().flatten();
        let stream = stream.and_then(SendingStream::out_of);
        if let Some(stream) = stream.filter(|_| is_end_certain && !idle_timeout.is_zero()) {
            connector.keep(stream.into_stream(), &self.destination, idle_timeout);
        }
    }

    /// How long a connection may be kept by what the app says in `Keep-Alive: timeout=…`, less a
    /// second for the way.
    fn announced_idle_timeout(&self) -> Duration {
        let seconds = || {
            let value = self.session.get_header("Keep-Alive")?.to_str().ok()?;
            let mut parameters = value.split(',').filter_map(|pair| pair.split_once('='));
            let (_, seconds) =
                parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
            seconds.trim().parse::<u64>().ok()
        };
        seconds().map_or(Duration::MAX, |seconds| {
            Duration::from_secs(seconds.saturating_sub(1))
        })
    }
}

/// Whether nothing can follow the end of an answer with this head. A status that has no body, with a
/// header that announces one, leaves open what the app sends next (RFC 9112 section 6.3).
fn is_end_certain(head: &ResponseHeader) -> bool {
    let announces_body = || {
        let length = head.headers.get(CONTENT_LENGTH);
        head.headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
    };
    head.status != StatusCode::NO_CONTENT || !announces_body()
}

/// Whether an answer with this head, once it has ended, leaves a connection that can serve another request
/// (RFC 9112 section 9.3). If Pingora does not keep such a connection, the app wrote more than its answer:
/// Pingora does not say so. What leaves room for doubt is not counted.
fn stays(head: &ResponseHeader) -> bool {
    let is_bodyless = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let has_end = match head.headers.get(TRANSFER_ENCODING) {
        Some(coding) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        None => is_bodyless || head.headers.contains_key(CONTENT_LENGTH),
    };
    head.version == Version::HTTP_11
        && head.status != StatusCode::SWITCHING_PROTOCOLS
        && !head.headers.contains_key(CONNECTION)
        && has_end
}
