//! One HTTP/1 connection from a sender, from its first byte to its last.
//!
//! Requests are read here, from the stream that Pingora accepted, and not by Pingora: the time limits are for
//! a whole header and a whole body and not for one read, and an idle connection can be told to go.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use pingora::protocols::Stream;
use tokio::time::{sleep, timeout};

use super::incoming::Incoming;
use super::sender::{Ending, Http1Sender};
use crate::active::ActiveConfig;
use crate::edge::connection::Connection;
use crate::edge::linger::{MAX_DROPPED_BYTES, linger};
use crate::edge::request_head::{self, Next, begin, has_begun};
use crate::exchange::Exchange;
use crate::exchange::reply::Reply;
use crate::http1::head::{self, Head};
use crate::reason::Reason;
use crate::request::budget::Reservation;
use crate::request::refusal::Refusal;
use crate::time_limit::{at_once, within};

/// How long the rest of a refused request is awaited before the connection can be asked to go.
const PATIENCE: Duration = Duration::from_secs(1);

/// How HTTP/2 begins: no request of HTTP/1 has this method.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What ALPN calls the versions.
const HTTP_1_0: &str = "http/1.0";
const HTTP_1_1: &str = "http/1.1";

/// A head that is complete.
struct Complete {
    bytes: BytesMut,
    held_bytes: u64,
    reservation: Option<Reservation>,
}

impl Connection {
    /// Serves requests until one side is done. Where the sender begins with HTTP/2, returns the stream and what
    /// was read from it.
    pub(in crate::edge) async fn serve_http1(
        self,
        stream: Stream,
    ) -> Option<(Self, Stream, Bytes)> {
        let mut incoming = Incoming::new(stream);
        let mut is_first = true;
        while let Some(active) = self.begin_request(&mut incoming, is_first).await {
            if is_first && self.speaks_http2(&active, &mut incoming).await {
                let (stream, read) = incoming.into_parts();
                return Some((self, stream, read));
            }
            is_first = false;
            match self.serve_request(&active, &mut incoming).await {
                Ending::Stay => {}
                Ending::Close => {
                    self.close(incoming).await;
                    return None;
                }
                Ending::Cut => return None,
            }
        }
        None
    }

    /// Reads the request that has begun, and serves it.
    async fn serve_request(&self, active: &Arc<ActiveConfig>, incoming: &mut Incoming) -> Ending {
        let server = &active.server;
        let budget = &self.shared.services.budget;
        let max_bytes = server.max_header_bytes;
        let reading = request_head::read(incoming, max_bytes, budget, self.peer);
        let read = within(server.header_timeout, pin!(reading)).await;
        let (next, reservation) = read.unwrap_or_else(|_| {
            tracing::debug!(
                event = "header_timeout",
                client = %self.peer,
                "a request's header did not arrive within header_timeout"
            );
            (Next::Closed, None)
        });
        match next {
            Next::Closed => Ending::Cut,
            Next::Refused(refusal) => {
                drop(reservation);
                self.refuse_unparsed(active, &refusal, incoming).await
            }
            Next::Request {
                head_bytes,
                held_bytes,
            } => {
                let head = Complete {
                    bytes: incoming.take_head(head_bytes),
                    held_bytes,
                    reservation,
                };
                self.exchange(active, head, incoming).await
            }
        }
    }

    /// Whether a sender that may, begins with HTTP/2's preface (RFC 9113 section 3.3).
    async fn speaks_http2(&self, active: &ActiveConfig, incoming: &mut Incoming) -> bool {
        let server = &active.server;
        if !server.h2c || self.is_tls || !server.trusted_proxies.contain(self.peer) {
            return false;
        }
        let reading = async {
            while incoming.buffer().len() < PREFACE.len() && PREFACE.starts_with(incoming.buffer())
            {
                let read = std::future::poll_fn(|context| incoming.poll_fill(context));
                if !matches!(read.await, Ok(1..)) {
                    return;
                }
            }
        };
        // What has not come by then is not HTTP/2.
        let _ = within(server.header_timeout, pin!(reading)).await;
        incoming.buffer().starts_with(PREFACE)
    }

    /// Serves the request with this head.
    async fn exchange(
        &self,
        active: &Arc<ActiveConfig>,
        complete: Complete,
        incoming: &mut Incoming,
    ) -> Ending {
        let received_at = Instant::now();
        let head = match head::read(&complete.bytes) {
            Ok(head) => head,
            Err(error) => {
                let refusal = Refusal::text(Reason::BadRequest, error.as_str());
                self.record_unparsed(active, &refusal, &complete.bytes);
                return write_last(active, &refusal, incoming).await;
            }
        };
        let services = &self.shared.services;
        let mut reservation = match complete.reservation {
            Some(reservation) => reservation,
            None => services.budget.reserve_nothing(self.peer),
        };
        let held_bytes = complete.held_bytes;
        if reservation.resize(held_bytes).is_err() && !reservation.make_room(held_bytes, true).await
        {
            let refusal = Refusal::text(Reason::Overloaded, "max_buffered_bytes are in use");
            self.record_unparsed(active, &refusal, &complete.bytes);
            return write_last(active, &refusal, incoming).await;
        }
        if let Some(answer) = self.health(active, &head) {
            let mut sender = self.sender(active, &head, incoming);
            sender.answer(&answer).await;
            drop(head);
            return self.conclude(sender).await;
        }
        let exchange = Exchange {
            services,
            active,
            peer: self.peer,
            peer_text: &self.peer_text,
            is_tls: self.is_tls,
            protocol: if head.is_http11 { HTTP_1_1 } else { HTTP_1_0 },
            received_at,
            head_bytes: complete.bytes.len(),
            held_bytes,
        };
        let mut sender = self.sender(active, &head, incoming);
        exchange.run(&head, &mut sender, reservation).await;
        // The memory is not needed while the rest of a refused request is awaited.
        drop(head);
        drop(complete.bytes);
        self.conclude(sender).await
    }

    fn sender<'c>(
        &'c self,
        active: &ActiveConfig,
        head: &Head<'_>,
        incoming: &'c mut Incoming,
    ) -> Http1Sender<'c> {
        let shutdown = &self.shared.shutdown;
        Http1Sender::new(head, incoming, shutdown, active.server.body_timeout)
    }

    /// Ends an exchange. A connection on which the rest of a refused request is awaited for long can be asked
    /// to go like an idle one, and does not keep the server from stopping.
    async fn conclude(&self, sender: Http1Sender<'_>) -> Ending {
        let mut concluding = pin!(sender.conclude());
        if let Some(ending) = at_once(concluding.as_mut()).await {
            return ending;
        }
        let asked_to_go = async {
            sleep(PATIENCE).await;
            self.ticket.set_idle();
            self.ticket.asked_to_go().await;
        };
        let ending = tokio::select! {
            biased;
            ending = concluding => ending,
            () = asked_to_go => return Ending::Cut,
            () = self.stopped_waiting() => return Ending::Cut,
        };
        self.ticket.set_busy();
        ending
    }

    /// Refuses a request whose head could not be read.
    async fn refuse_unparsed(
        &self,
        active: &ActiveConfig,
        refusal: &Refusal,
        incoming: &mut Incoming,
    ) -> Ending {
        self.record_unparsed(active, refusal, incoming.buffer());
        incoming.clear();
        write_last(active, refusal, incoming).await
    }

    /// Waits for a request to begin, and returns what it is judged by: the configuration of that
    /// moment. An idle connection holds no configuration, and so none of its secrets.
    async fn begin_request(
        &self,
        incoming: &mut Incoming,
        is_first: bool,
    ) -> Option<Arc<ActiveConfig>> {
        let has_begun = has_begun(incoming);
        // While it is idle it holds no buffer either.
        incoming.release();
        let has_begun = has_begun || self.first_bytes(incoming, is_first).await;
        has_begun.then(|| self.shared.active.load_full())
    }

    /// Waits for a request to begin. `false` if none will.
    async fn first_bytes(&self, incoming: &mut Incoming, is_first: bool) -> bool {
        let limit = if is_first {
            self.shared.active.load().server.header_timeout
        } else {
            self.ticket.set_idle();
            self.shared.active.load().server.keepalive_timeout
        };
        let has_begun = tokio::select! {
            biased;
            has_begun = timeout(limit, begin(incoming)) => has_begun.unwrap_or(false),
            () = self.ticket.asked_to_go() => false,
            () = self.stopped_waiting() => false,
        };
        // A request that has arrived is served, even if the connection was told to go at this very moment:
        // its sender may never send it again.
        let has_begun = has_begun || at_once(pin!(begin(incoming))).await.unwrap_or(false);
        if has_begun {
            self.ticket.set_busy();
        }
        has_begun
    }

    async fn close(&self, incoming: Incoming) {
        self.ticket.set_leaving();
        let limit = linger(self.shared.active.load().server.body_timeout);
        tokio::select! {
            () = incoming.close(MAX_DROPPED_BYTES, limit) => {}
            () = self.stopped_waiting() => {}
        }
    }
}

/// Answers with a refusal after which nothing more is read from the connection.
async fn write_last(active: &ActiveConfig, refusal: &Refusal, incoming: &mut Incoming) -> Ending {
    let limit = linger(active.server.body_timeout);
    if incoming.write_last(&refusal.answer(), limit).await {
        Ending::Close
    } else {
        Ending::Cut
    }
}
