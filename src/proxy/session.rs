//! The session that Pingora is given for a request that was permitted.
//!
//! Pingora reads a request's body from the sender while it forwards it, and keeps at most 64 KiB of
//! what was read before. Here the whole body was read before, to verify it. So Pingora gets a
//! session of its "custom" kind that answers for the request from memory (the header as the app is
//! to see it, the verified body in its pieces) and passes everything about the response on to the
//! sender's real session. When Pingora drops it, the real session goes back through [`Return`], so
//! that its connection can serve a next request.
//!
//! Nothing here reads from the sender: what it sends after the verified body stays in its
//! connection, and a sender that goes away does not take the request from the app.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session as CustomSession;
use pingora::protocols::http::{HttpTask, ServerSession};
use pingora::protocols::l4::socket::SocketAddr;

use super::body::Body;
use crate::verify::Permit;

type MessageReader =
    Box<dyn futures_core::Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

/// The way back for the sender's session.
#[derive(Clone, Default)]
pub(super) struct Return(Arc<Mutex<Option<Returned>>>);

/// A sender's session after its request.
pub(super) struct Returned {
    pub(super) session: ServerSession,
    /// The response was written to its end.
    pub(super) is_complete: bool,
}

impl Return {
    pub(super) fn take(&self) -> Option<Returned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A permitted request, as Pingora sees it.
pub(super) struct PermittedSession {
    /// `None` only while being dropped.
    sender: Option<ServerSession>,
    header: RequestHeader,
    body: Body,
    /// How many pieces of the body were given out.
    given: usize,
    is_complete: bool,
    way_back: Return,
}

impl PermittedSession {
    /// A session that forwards `header` and `body`. That takes a permit.
    pub(super) fn new(
        _permit: &Permit,
        sender: ServerSession,
        header: RequestHeader,
        body: Body,
        way_back: Return,
    ) -> Self {
        Self {
            sender: Some(sender),
            header,
            body,
            given: 0,
            is_complete: false,
            way_back,
        }
    }

    fn sender(&self) -> Result<&ServerSession> {
        self.sender.as_ref().ok_or_else(gone)
    }

    fn sender_mut(&mut self) -> Result<&mut ServerSession> {
        self.sender.as_mut().ok_or_else(gone)
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let piece = self.body.pieces().get(self.given).cloned()?;
        self.given = self.given.saturating_add(1);
        Some(piece)
    }

    fn all_given(&self) -> bool {
        self.given >= self.body.pieces().len()
    }

    /// A body of one piece is given out at once, not through the reading loop.
    fn is_one_piece(&self) -> bool {
        self.body.pieces().len() == 1
    }
}

fn gone() -> pingora::BError {
    pingora::Error::explain(
        pingora::ErrorType::InternalError,
        "the sender's session was given back already",
    )
}

impl Drop for PermittedSession {
    fn drop(&mut self) {
        let returned = self.sender.take().map(|session| Returned {
            session,
            is_complete: self.is_complete,
        });
        *self
            .way_back
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = returned;
    }
}

#[async_trait]
impl CustomSession for PermittedSession {
    fn req_header(&self) -> &RequestHeader {
        &self.header
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.header
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        Ok(self.next_piece())
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.given = self.body.pieces().len();
        Ok(())
    }

    async fn write_response_header(&mut self, resp: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.sender_mut()?.write_response_header(resp).await
    }

    async fn write_response_header_ref(&mut self, resp: &ResponseHeader, _end: bool) -> Result<()> {
        self.sender_mut()?.write_response_header_ref(resp).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.sender_mut()?.write_response_body(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.sender_mut()?.write_response_trailers(trailers).await
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        self.sender_mut()?.response_duplex_vec(tasks).await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        if let Ok(sender) = self.sender_mut() {
            sender.set_read_timeout(timeout);
        }
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.sender().ok()?.get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        if let Ok(sender) = self.sender_mut() {
            sender.set_write_timeout(timeout);
        }
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.sender().ok()?.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        if let Ok(sender) = self.sender_mut() {
            sender.set_total_drain_timeout(timeout);
        }
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.sender().ok()?.get_total_drain_timeout()
    }

    /// Pingora puts this into its own log lines: no target, which may hold a key.
    fn request_summary(&self) -> String {
        self.header.method.as_str().to_owned()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.sender().ok()?.response_written()
    }

    async fn shutdown(&mut self, _code: u32, _ctx: &str) {
        self.is_complete = false;
        if let Ok(sender) = self.sender_mut() {
            sender.shutdown().await;
        }
    }

    fn is_body_done(&mut self) -> bool {
        self.all_given()
    }

    async fn finish(&mut self) -> Result<()> {
        self.sender_mut()?.finish_body().await?;
        self.is_complete = true;
        Ok(())
    }

    fn is_body_empty(&mut self) -> bool {
        self.body.pieces().is_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if no_body_expected || self.all_given() {
            return std::future::pending().await;
        }
        Ok(self.next_piece())
    }

    fn body_bytes_sent(&self) -> usize {
        self.sender().map_or(0, ServerSession::body_bytes_sent)
    }

    fn body_bytes_read(&self) -> usize {
        usize::try_from(self.body.len()).unwrap_or(usize::MAX)
    }

    fn digest(&self) -> Option<&Digest> {
        self.sender().ok()?.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.sender_mut().ok()?.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.sender().ok()?.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.sender().ok()?.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        Bytes::new()
    }

    /// Called at the start of every attempt to forward: the body begins anew.
    fn enable_retry_buffering(&mut self) {
        self.given = usize::from(self.is_one_piece());
    }

    fn retry_buffer_truncated(&self) -> bool {
        false
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.body
            .pieces()
            .first()
            .filter(|_| self.is_one_piece())
            .cloned()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<MessageReader> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: MessageReader) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(
        &mut self,
        _writer: Box<dyn CustomMessageWrite>,
    ) -> Result<()> {
        Ok(())
    }
}
