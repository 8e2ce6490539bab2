//! One connection from a sender, from its first byte to its last.
//!
//! Requests are read here and not by Pingora: the time limits are for a whole header and a whole
//! body and not for one read, and an idle connection can be told to go.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::active::Site;
use crate::edge::connections::{Connections, Ticket};
use crate::edge::drain::{MAX_DROPPED_BYTES, drop_length};
use crate::edge::exchange::Exchange;
use crate::exchange::forward::Afterwards;
use crate::http1::head;
use crate::observe::metrics::Metrics;
use crate::os::descriptors::Descriptors;
use crate::os::socket::{SenderStream, is_quiet};
use crate::reason::Reason;
use crate::request::budget::Budget;
use crate::request::refusal::{After, Refusal, Seen};
use crate::time_limit::within;
use crate::upstream::connect::Dialler;

/// Headers of webhooks fit in this; longer ones grow the buffer.
const INITIAL_BUFFER_BYTES: usize = 4 << 10;
/// After a refusal, what is still arriving is read and thrown away for at most this long, so that
/// closing does not destroy the answer on its way.
pub(crate) const LINGER: Duration = Duration::from_secs(5);
/// The same, and how long an idle connection may still begin a request, while the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections share.
pub(crate) struct Shared {
    /// What requests that begin now are judged by.
    pub(crate) site: ArcSwap<Site>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) dialler: Arc<Dialler>,
    pub(crate) descriptors: Arc<Descriptors>,
    /// Requests that are still being sent to apps which answered before they had read all.
    pub(crate) unfinished_uploads: TaskTracker,
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// A connection and its sender.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ticket: Ticket,
    pub(crate) peer: SocketAddr,
}

/// What reading a header came to.
enum Next {
    /// A complete header of so many bytes.
    Request(usize),
    Refused(Refusal),
    /// Nothing (more) to serve.
    Closed,
}

impl Connection {
    /// Serves requests until one side is done.
    pub(crate) async fn serve(self, mut stream: SenderStream) {
        let mut buffer = BytesMut::new();
        let mut is_first = true;
        loop {
            let Some(site) = self.begin_request(&mut stream, &mut buffer, is_first).await else {
                return;
            };
            let reading = read_head(&mut stream, &mut buffer, site.server.max_header_bytes);
            let next = within(site.server.header_timeout, pin!(reading)).await;
            let next = next.unwrap_or_else(|_| {
                tracing::debug!(event = "header_timeout", client = %self.peer_ip());
                Next::Closed
            });
            is_first = false;
            match next {
                Next::Closed => return,
                Next::Refused(refusal) => {
                    self.record_unparsed(&site, &refusal, &buffer);
                    if write(&mut stream, &refusal.response(After::Close))
                        .await
                        .is_ok()
                    {
                        self.close(stream).await;
                    }
                    return;
                }
                Next::Request(head_bytes) => {
                    let head = buffer.split_to(head_bytes);
                    let exchange = Exchange {
                        connection: &self,
                        site: &site,
                    };
                    match exchange.run(&head, &mut stream, &mut buffer).await {
                        Afterwards::Stay => {}
                        Afterwards::Close => return self.close(stream).await,
                        Afterwards::Cut => return,
                    }
                }
            }
        }
    }

    /// Records the refusal of a request of which there are only bytes.
    pub(crate) fn record_unparsed(&self, site: &Site, refusal: &Refusal, bytes: &[u8]) {
        let sketch = head::sketch(bytes);
        let seen = Seen {
            request_id: &fresh_id(),
            client: &self.peer_ip().to_string(),
            method: sketch.map_or("", |(method, _)| method),
            path: sketch.map(|(_, path)| path),
        };
        refusal.record(site, &self.shared.metrics, &seen);
    }

    pub(crate) fn peer_ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.shared.shutdown.borrow()
    }

    /// Waits for a request to begin, and returns what it is judged by: the configuration of that
    /// moment. While a connection is idle it holds on to none, nor to the secrets in it.
    async fn begin_request(
        &self,
        stream: &mut SenderStream,
        buffer: &mut BytesMut,
        is_first: bool,
    ) -> Option<Arc<Site>> {
        skip_empty_lines(buffer);
        if buffer.is_empty() {
            // Nor to the memory that the last request was read into.
            *buffer = BytesMut::new();
        }
        let has_begun = !buffer.is_empty() || self.first_bytes(stream, buffer, is_first).await;
        has_begun.then(|| self.shared.site.load_full())
    }

    /// Waits for a request to begin. `false` if none will.
    async fn first_bytes(
        &self,
        stream: &mut SenderStream,
        buffer: &mut BytesMut,
        is_first: bool,
    ) -> bool {
        let patience = if is_first {
            self.shared.site.load().server.header_timeout
        } else {
            self.ticket.set_idle();
            self.shared.site.load().server.keepalive_timeout
        };
        let beginning = timeout(patience, begin(stream, buffer));
        let is_over = tokio::select! {
            biased;
            has_begun = beginning => !has_begun.unwrap_or(false),
            () = self.ticket.asked_to_go() => true,
            () = self.stopped_waiting() => true,
        };
        // A request may have come in this very moment, and its sender may never send it again.
        if is_over && is_quiet(stream.as_raw_fd()) {
            return false;
        }
        self.ticket.set_busy();
        !is_over || begin(stream, buffer).await
    }

    /// Returns a moment after the server began to stop. A sender that is told to go by `Connection:
    /// close` in an answer loses nothing; one whose idle connection is closed may just be sending.
    async fn stopped_waiting(&self) {
        let mut shutdown = self.shared.shutdown.clone();
        // The server cannot go without its signal; if it did, there is nothing to wait for.
        let _ = shutdown.wait_for(|is_stopping| *is_stopping).await;
        let grace = self.shared.site.load().server.shutdown_grace;
        tokio::time::sleep(FAREWELL.min(grace)).await;
    }

    /// Ends our side, and reads a while longer so that the answer is not lost: closing with unread
    /// input would reset the connection (RFC 9112 section 9.6).
    async fn close(&self, mut stream: SenderStream) {
        self.ticket.set_leaving();
        let draining = async {
            AsyncWriteExt::shutdown(&mut stream).await?;
            drop_length(MAX_DROPPED_BYTES, &mut stream, &mut BytesMut::new()).await;
            std::io::Result::Ok(())
        };
        let patience = if self.is_draining() { FAREWELL } else { LINGER };
        // Whatever it came to, the connection ends here.
        let _ = timeout(patience, draining).await;
    }
}

/// Reads the first bytes of a request; empty lines do not begin one. `false` if there are none.
async fn begin(stream: &mut SenderStream, buffer: &mut BytesMut) -> bool {
    while buffer.is_empty() {
        // An idle connection needs no memory to read into.
        if stream.readable().await.is_err() {
            return false;
        }
        buffer.reserve(INITIAL_BUFFER_BYTES);
        if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
            return false;
        }
        skip_empty_lines(buffer);
    }
    true
}

/// Reads until the header is complete.
async fn read_head(stream: &mut SenderStream, buffer: &mut BytesMut, max_bytes: usize) -> Next {
    let mut searched = 0;
    loop {
        skip_empty_lines(buffer);
        let end = match head::find_end(buffer, searched) {
            Ok(end) => end,
            Err(error) => {
                return Next::Refused(Refusal::text(Reason::BadRequest, error.as_str()));
            }
        };
        if end.unwrap_or(buffer.len()) > max_bytes {
            return Next::Refused(Refusal {
                status: Some(431),
                ..Refusal::text(Reason::BadRequest, "the header is over max_header_bytes")
            });
        }
        if let Some(end) = end {
            return Next::Request(end);
        }
        searched = buffer.len();
        buffer.reserve(INITIAL_BUFFER_BYTES);
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Next::Closed,
        }
    }
}

/// An empty line before the request line is to be ignored (RFC 9112 section 2.2).
fn skip_empty_lines(buffer: &mut BytesMut) {
    while buffer.starts_with(b"\r\n") {
        let _ = buffer.split_to(2);
    }
}

/// 128 random bits in hexadecimal.
pub(crate) fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(crate) async fn write(stream: &mut SenderStream, response: &[u8]) -> std::io::Result<()> {
    let writing = async {
        stream.write_all(response).await?;
        stream.flush().await
    };
    let written = within(LINGER, pin!(writing)).await;
    written.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
