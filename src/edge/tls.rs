//! TLS handshakes with senders: by rustls, without Pingora's `Acceptor`, whose connections take 3 KiB more
//! (see [`crate::transport`]).

use std::time::Duration;

use pingora::protocols::Stream;
use pingora::protocols::l4::stream::Stream as L4Stream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::shared::Shared;
use crate::observe::metrics::Handshake;
use crate::peer::Peer;
use crate::read_ahead::{RECORD_BYTES, ReadAhead};
use crate::transport;

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
    acceptor: &TlsAcceptor,
) -> Result<(Stream, bool), Failed> {
    let socket = stream.id();
    let stream = stream.into_any().downcast::<L4Stream>();
    let stream = stream.map_err(|_| Failed::Refused("it is no stream of the system".to_owned()))?;
    let shaking = timeout(
        limit,
        acceptor.accept(ReadAhead::new(*stream, RECORD_BYTES)),
    )
    .await;
    let stream = match shaking {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Failed::Refused(error.to_string())),
        Err(_) => return Err(Failed::TooSlow),
    };
    let (_, connection) = stream.get_ref();
    let is_http2 = connection.alpn_protocol() == Some(b"h2".as_slice());
    Ok((transport::stream(stream, socket), is_http2))
}
