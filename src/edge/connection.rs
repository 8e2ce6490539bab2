//! A connection and its sender, whatever protocol it speaks.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::connections::Ticket;
use super::shared::Shared;
use crate::active::ActiveConfig;
use crate::exchange::fresh_id;
use crate::http1::head::{self, Head};
use crate::http1::own_answer::OwnAnswer;
use crate::observe::refusals::Asked;
use crate::peer::Peer;
use crate::request::refusal::{Refusal, Sent};

/// While the server stops: how long an idle connection may still begin a request, and how long a connection
/// that is being closed is still read from.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection and its sender.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ticket: Ticket,
    pub(crate) peer: Peer,
    /// `peer` as every request's header and log line says it: written once and not for each.
    pub(crate) peer_text: Box<str>,
    /// It is a TLS connection.
    pub(crate) is_tls: bool,
}

impl Connection {
    /// Records the refusal of a request of which there are only bytes.
    pub(super) fn record_unparsed(&self, active: &ActiveConfig, refusal: &Refusal, bytes: &[u8]) {
        let services = &self.shared.services;
        refusal.record(active, &services.metrics, &services.recent, || {
            let (method, path) = head::sketch(bytes).unzip();
            Sent {
                asked: Asked::new(&fresh_id(), &self.peer_text, method, path),
                head: None,
            }
        });
    }

    /// The answer to a load balancer that asks whether the server takes requests.
    pub(super) fn health(&self, active: &ActiveConfig, head: &Head<'_>) -> Option<OwnAnswer> {
        let path = active.server.health_path.as_deref()?;
        let mut sent = head.target.split(|byte| *byte == b'?');
        let is_asked =
            sent.next() == Some(path.as_bytes()) && matches!(head.method, "GET" | "HEAD");
        let status = if *self.shared.shutdown.borrow() {
            503
        } else {
            200
        };
        is_asked.then(|| OwnAnswer::new(status))
    }

    /// Returns once the server begins to stop.
    pub(super) async fn stopping(&self) {
        let mut shutdown = self.shared.shutdown.clone();
        // An error means that the server itself is gone.
        let _ = shutdown.wait_for(|is_stopping| *is_stopping).await;
    }

    /// Returns [`FAREWELL`] after the server began to stop. A request may be on its way on an idle connection
    /// and would be lost if that were closed at once. One that arrives in time is served, and its sender is
    /// told by `Connection: close` that no other will be.
    pub(super) async fn stopped_waiting(&self) {
        self.stopping().await;
        let grace = self.shared.active.load().server.shutdown_grace;
        sleep(FAREWELL.min(grace)).await;
    }

    /// Returns once a connection that has begun no request is to go: because it is asked to, or the server
    /// stops.
    pub(super) async fn may_not_begin(&self) {
        tokio::select! {
            () = self.ticket.asked_to_go() => {}
            () = self.stopped_waiting() => {}
        }
    }
}
