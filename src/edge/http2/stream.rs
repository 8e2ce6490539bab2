//! One stream of a connection from a sender: its request, put into the form of HTTP/1, and the exchange.

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use http::request::Parts;

use super::head::{Form, to_http1};
use super::sender::Http2Sender;
use crate::active::ActiveConfig;
use crate::edge::connection::Connection;
use crate::edge::http1::incoming::FREE_BYTES;
use crate::exchange::Exchange;
use crate::exchange::reply::Reply;
use crate::http1::head::{self, Framing, Head};
use crate::observe::refusals::Explanation;
use crate::reason::Reason;
use crate::request::budget::Reservation;
use crate::request::refusal::Refusal;

impl Connection {
    /// Serves the request of one stream.
    pub(super) async fn serve_stream(
        &self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        has_fragment: bool,
        are_trailers_sound: Box<dyn Fn() -> bool + Send>,
    ) {
        let received_at = std::time::Instant::now();
        let active = self.shared.active.load_full();
        let (parts, incoming) = request.into_parts();
        let time_limit = active.server.body_timeout;
        let form = Form {
            has_body: !incoming.is_end_stream(),
            has_fragment,
            is_tls: self.is_tls,
        };
        let text = to_http1(&parts, form);
        let sender =
            |framing| Http2Sender::new(framing, incoming, respond, time_limit, are_trailers_sound);
        let (refusal, text) = match text {
            Ok(text) => match self.check_head(&active, &text).await {
                Ok((head, reservation)) => {
                    drop(parts);
                    let held_bytes = held(&text);
                    let exchange = Exchange {
                        services: &self.shared.services,
                        active: &active,
                        peer: self.peer,
                        peer_text: &self.peer_text,
                        is_tls: self.is_tls,
                        protocol: "h2",
                        received_at,
                        head_bytes: text.len(),
                        held_bytes,
                    };
                    let mut sender = sender(head.framing).invites(&head);
                    if let Some(answer) = self.health(&active, &head) {
                        sender.answer(&answer).await;
                    } else {
                        exchange.run(&head, &mut sender, reservation).await;
                    }
                    return self.conclude_stream(sender).await;
                }
                Err(refusal) => (refusal, text),
            },
            Err(error) => {
                let refusal = Refusal::text(Reason::BadRequest, error.as_str());
                (refusal, request_line(&parts))
            }
        };
        self.record_unparsed(&active, &refusal, &text);
        let mut sender = sender(Framing::None);
        sender.answer(&refusal.answer()).await;
        self.conclude_stream(sender).await;
    }

    /// Ends an exchange. A stream on which the rest of a refused request is awaited does not keep the server
    /// from stopping.
    async fn conclude_stream(&self, sender: Http2Sender) {
        tokio::select! {
            biased;
            () = sender.conclude() => {}
            () = self.stopped_waiting() => {}
        }
    }

    /// Reads a head, and takes the memory that it holds into account.
    async fn check_head<'a>(
        &self,
        active: &ActiveConfig,
        text: &'a BytesMut,
    ) -> Result<(Head<'a>, Reservation), Refusal> {
        let max_bytes = active.server.max_header_bytes;
        if text.len() > max_bytes {
            let explanation = Explanation {
                limit: u64::try_from(max_bytes).ok(),
                header_bytes: u64::try_from(text.len()).ok(),
                ..Explanation::text("the header is over max_header_bytes")
            };
            let refusal = Refusal::explained(Reason::BadRequest, explanation);
            return Err(refusal.answered_with(431));
        }
        let head =
            head::read(text).map_err(|error| Refusal::text(Reason::BadRequest, error.as_str()))?;
        let mut reservation = self.shared.services.budget.reserve_nothing(self.peer);
        let held = held(text);
        if reservation.resize(held).is_err() && !reservation.make_room(held, true).await {
            let text = "max_buffered_bytes are in use";
            return Err(Refusal::text(Reason::Overloaded, text));
        }
        Ok((head, reservation))
    }
}

/// What a head takes beyond what every request may, in bytes.
fn held(text: &BytesMut) -> u64 {
    u64::try_from(text.capacity().saturating_sub(FREE_BYTES)).unwrap_or(u64::MAX)
}

/// What can be shown of a request that has no form in HTTP/1.
fn request_line(parts: &Parts) -> BytesMut {
    let path = parts.uri.path();
    BytesMut::from(&*format!("{} {path} HTTP/1.1\r\n", parts.method).into_bytes())
}
