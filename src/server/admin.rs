//! The admin address: `/metrics`, `/healthz` and `/readyz`.
//!
//! It has its own listener, so that a flood on the public one does not keep an operator from seeing
//! it, and it never answers with anything that came in a request.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream;
use tokio::net::TcpStream;

use crate::edge::shared::Shared;
use crate::verify::Timestamp;

/// For one request and its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one request on a connection to the admin address.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut session = ServerSession::new_http1(Box::new(Stream::from(stream)));
    let answering = async {
        if !session.read_request().await? {
            return Ok(());
        }
        session.set_keepalive(None);
        answer(&shared, &mut session).await
    };
    let answered: std::result::Result<Result<()>, _> =
        tokio::time::timeout(PATIENCE, answering).await;
    if let Ok(Ok(())) = answered {
        session.shutdown().await;
    }
}

async fn answer(shared: &Shared, session: &mut ServerSession) -> Result<()> {
    let header = session.req_header();
    let is_read = matches!(header.method, http::Method::GET | http::Method::HEAD);
    let (status, content_type, body) = match header.uri.path() {
        _ if !is_read => (405, "text/plain", b"only GET\n".to_vec()),
        "/metrics" => {
            let held = i64::try_from(shared.services.budget.held()).unwrap_or(i64::MAX);
            shared.services.metrics.buffered_bytes.set(held);
            match shared
                .services
                .metrics
                .text(Timestamp::from(SystemTime::now()))
            {
                Ok(text) => (200, "text/plain; version=0.0.4", text),
                Err(_) => (500, "text/plain", b"metrics cannot be written\n".to_vec()),
            }
        }
        "/healthz" => (200, "text/plain", b"ok\n".to_vec()),
        "/readyz" if *shared.shutdown.borrow() => (503, "text/plain", b"stopping\n".to_vec()),
        "/readyz" => (200, "text/plain", b"ready\n".to_vec()),
        _ => (404, "text/plain", b"/metrics /healthz /readyz\n".to_vec()),
    };
    let mut response = ResponseHeader::build(status, Some(4))?;
    response.insert_header("Content-Type", content_type)?;
    response.insert_header("Content-Length", body.len().to_string())?;
    session.write_response_header(Box::new(response)).await?;
    session.write_response_body(body.into(), true).await
}
