//! TLS handshakes with senders.

use std::time::Duration;

use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{ALPN, Ssl, Stream};
use tokio::time::timeout;

use super::shared::Shared;
use crate::observe::metrics::Handshake;
use crate::peer::Peer;

/// How a handshake ended that did not succeed.
enum Failed {
    TooSlow,
    Refused(String),
}

/// Makes a connection one of TLS. Returns it, and whether its sender speaks HTTP/2 on it; `None` where that
/// fails.
pub(crate) async fn handshake(
    stream: Stream,
    peer: Peer,
    shared: &Shared,
) -> Option<(Stream, bool)> {
    let active = shared.active.load_full();
    let limit = active.server.header_timeout;
    let made = shake(stream, limit, active.tls.as_ref()?.acceptor()).await;
    let metrics = &shared.services.metrics;
    let failed = match made {
        Ok(made) => {
            metrics.count_handshake(Handshake::Made);
            return Some(made);
        }
        Err(failed) => failed,
    };
    let (result, text) = match failed {
        Failed::TooSlow => (
            Handshake::TooSlow,
            "it did not end within header_timeout".to_owned(),
        ),
        Failed::Refused(text) => (Handshake::Failed, text),
    };
    metrics.count_handshake(result);
    if active.unrouted.refused.allows() {
        tracing::warn!(
            event = "tls_handshake_failed",
            client = %peer,
            error = text,
            "a TLS handshake with a sender failed"
        );
    }
    None
}

async fn shake(
    stream: Stream,
    limit: Duration,
    acceptor: &pingora::listeners::tls::Acceptor,
) -> Result<(Stream, bool), Failed> {
    let stream = stream.into_any().downcast::<L4Stream>();
    let stream = stream.map_err(|_| Failed::Refused("it is no stream of the system".to_owned()))?;
    let shaking = timeout(limit, acceptor.tls_handshake(*stream)).await;
    let stream = match shaking {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Failed::Refused(explanation(&error))),
        Err(_) => return Err(Failed::TooSlow),
    };
    let is_http2 = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
    Ok((Box::new(stream), is_http2))
}

/// What an operator can make of a failure.
fn explanation(error: &pingora::Error) -> String {
    let root = error.root_cause();
    match root.downcast_ref::<std::io::Error>() {
        Some(error) => match error.get_ref() {
            Some(inner) => inner.to_string(),
            None => error.to_string(),
        },
        None => root.to_string(),
    }
}
