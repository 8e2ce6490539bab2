//! Getting a connection to an app: one that is kept, or a new one.
//!
//! An event that Twenty sent is lost if its app cannot be reached, so nothing is given up before
//! `upstream_connect_timeout`: see [`super::race`]. A kept connection is looked at before its reuse: had
//! the app closed it, a request sent on it could not be told from one that was processed.

use std::sync::Arc;
use std::time::Duration;

use pingora::prelude::fast_timeout::set_fast_timeout_to_tokio_threshold;
use pingora::protocols::Stream;
use tokio::time::{Instant, sleep_until};

use super::address::UpstreamAddress;
use super::connect_error::ConnectError;
pub(crate) use super::destination::Destination;
use super::http2::connection::Lease;
use super::http2::connections::Connections;
use super::pool::{Pool, Taken};
use super::race::Race;
use crate::config::UpstreamProtocol;
use crate::os::descriptors::{Descriptors, GivesWay};

/// The most connections that are kept in all. Enough for a burst: what is closed between two bursts has to
/// be opened again in the next.
const MAX_KEPT: usize = 8_192;

/// How often a request waits for a connection that rests: others may take it first.
const MAX_WAITS: u32 = 3;

/// A connection to the app.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    /// Where it leads. To be given back with it to [`Connector::keep`].
    pub(crate) destination: Destination,
    /// It has served before.
    pub(crate) is_reused: bool,
}

/// Where a request is sent: a connection of its own, or a place on one.
pub(crate) enum Way {
    Http1(Connected),
    Http2(Lease),
}

/// Which connections may be used for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Those that are there too.
    Any,
    /// None that was there when the request was sent on the HTTP/2 connection of this number; over HTTP/1
    /// a new one.
    After(u64),
}

/// Makes connections, and keeps those that may serve again.
pub(crate) struct Connector {
    pool: Pool,
    http2: Connections,
}

impl Connector {
    /// Kept connections are taken from the account of `descriptors`.
    pub(crate) fn new(descriptors: Arc<Descriptors>) -> Self {
        // Pingora's own timers wake the process a hundred times a second, also when it has nothing to
        // do. Longer ones than this are tokio's.
        set_fast_timeout_to_tokio_threshold(Some(Duration::ZERO));
        Self {
            pool: Pool::new(MAX_KEPT, Arc::clone(&descriptors)),
            http2: Connections::new(descriptors),
        }
    }

    /// A way to `upstream` for one request, in the protocol that is spoken there. Tries until `deadline` while
    /// that can help.
    ///
    /// # Errors
    /// [`ConnectError`], in words for operators.
    pub(crate) async fn way(
        &self,
        upstream: &UpstreamAddress,
        reuse: Reuse,
        deadline: Instant,
    ) -> Result<Way, ConnectError> {
        match upstream.protocol() {
            UpstreamProtocol::Http1 => {
                let connecting = self.connect(upstream, reuse == Reuse::Any, deadline);
                connecting.await.map(Way::Http1)
            }
            UpstreamProtocol::Http2 => {
                let after = match reuse {
                    Reuse::Any => 0,
                    Reuse::After(number) => number,
                };
                let connect = || async move {
                    let connected = self.connect(upstream, false, deadline).await?;
                    Ok((connected.stream, connected.destination))
                };
                // Boxed, because every request's future would otherwise have room for it.
                let placing = Box::pin(self.http2.place(upstream, after, deadline, connect));
                placing.await.map(Way::Http2)
            }
        }
    }

    /// A connection to `upstream`, a kept one if `may_reuse`. Tries until `deadline` while that can help.
    ///
    /// # Errors
    /// [`ConnectError`], in words for operators.
    pub(crate) async fn connect(
        &self,
        upstream: &UpstreamAddress,
        may_reuse: bool,
        deadline: Instant,
    ) -> Result<Connected, ConnectError> {
        let destinations = upstream.destinations(deadline).await?;
        if may_reuse {
            for destination in destinations.iter() {
                if let Some(stream) = self.take(destination).await {
                    return Ok(Connected {
                        stream,
                        destination: destination.clone(),
                        is_reused: true,
                    });
                }
            }
        }
        let make_room = || {
            self.give_way();
        };
        let race = Race::new(upstream, &destinations, deadline);
        // Boxed, because every request's future would otherwise have room for it.
        let (stream, destination) =
            Box::pin(race.run(&make_room))
                .await
                .map_err(|lost| ConnectError::Unreachable {
                    upstream: upstream.shown(),
                    lost,
                })?;
        upstream.set_working(&destination);
        Ok(Connected {
            stream,
            destination,
            is_reused: false,
        })
    }

    /// A kept connection. Where all of them still rest, waits for the first of them.
    async fn take(&self, destination: &Destination) -> Option<Stream> {
        for _ in 0..MAX_WAITS {
            match self.pool.take(destination) {
                Taken::Stream(stream) => return Some(stream),
                Taken::RestingUntil(until) => sleep_until(until).await,
                Taken::Nothing => return None,
            }
        }
        None
    }

    /// Keeps a connection whose last answer has ended for a next request, for at most `idle_timeout`.
    /// One on which there is anything to read is closed instead.
    pub(crate) fn keep(&self, stream: Stream, destination: &Destination, idle_timeout: Duration) {
        self.pool.keep(stream, destination, idle_timeout);
    }

    /// The app wrote more than its answer: for a while its connections are not kept.
    pub(crate) fn note_surplus(&self, destination: &Destination) {
        self.pool.note_surplus(destination, Instant::now());
    }

    /// Closes kept connections that are of no use any more. Call it about once a second.
    pub(crate) async fn sweep(&self) {
        self.pool.sweep().await;
        self.http2.sweep();
    }
}

impl GivesWay for Connector {
    fn give_way(&self) -> bool {
        self.pool.evict_one() || self.http2.evict_one()
    }

    fn has_unused(&self) -> bool {
        !self.pool.is_empty() || self.http2.has_unused()
    }
}
