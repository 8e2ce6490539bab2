//! Getting a connection to an app: one that is kept, or a new one.
//!
//! An event that Twenty sent is lost if its app cannot be reached, so a connection that is refused
//! is tried again until `upstream_connect_timeout`: an app that restarts is back by then. That is
//! safe, because nothing of the request was sent. A kept connection is looked at before its reuse:
//! had the app closed it, a request sent on it could not be told from one that was processed.

use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::prelude::fast_timeout::set_fast_timeout_to_tokio_threshold;
use pingora::protocols::Stream;
use pingora::{BError, ErrorType};
use tokio::time::Instant;

use crate::edge::connections::Connections;
use crate::os::descriptors::{Descriptors, GivesWay, lacks_descriptors};
use crate::upstream::pool::Pool;
use crate::upstream::resolve::{LookupError, UpstreamPeer};

/// The first pause between two attempts; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Kept connections of one app. As many as served at once are kept: whoever closes them between two
/// bursts opens them again in the next.
const KEPT_PER_APP: usize = 8192;

/// Why there is no connection to the app.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The address cannot be found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The app does not take a connection.
    #[error("cannot connect (attempts: {attempts}): {}", .source.to_string().trim())]
    Connect { attempts: u32, source: BError },
}

/// A connection to the app.
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    /// What keeps connections of this kind apart from others.
    pub(crate) key: u64,
    /// It has served before.
    pub(crate) is_reused: bool,
}

/// Makes connections, and keeps those that may serve again.
pub(crate) struct Dialler {
    connector: TransportConnector,
    pool: Pool,
}

impl Dialler {
    /// Kept connections are taken from the account of `descriptors`.
    pub(crate) fn new(descriptors: Arc<Descriptors>) -> Self {
        // Pingora's own timers wake the process a hundred times a second, also when it has nothing to
        // do. Longer ones than this are tokio's.
        set_fast_timeout_to_tokio_threshold(Some(Duration::ZERO));
        Self {
            // Its own pool is not used.
            connector: TransportConnector::new(Some(ConnectorOptions::new(1))),
            pool: Pool::new(KEPT_PER_APP, descriptors),
        }
    }

    /// A connection to `upstream`, a kept one if `may_reuse`. Tries again until `deadline` while that
    /// can help.
    pub(crate) async fn dial(
        &self,
        upstream: &UpstreamPeer,
        connections: &Connections,
        may_reuse: bool,
        deadline: Instant,
    ) -> Result<Dialled, DialError> {
        let mut attempts = 0_u32;
        let mut pause = FIRST_PAUSE;
        loop {
            let destination = upstream.destination(attempts, deadline).await?;
            let key = destination.key;
            if may_reuse && let Some(stream) = self.pool.take(key) {
                return Ok(Dialled {
                    stream,
                    key,
                    is_reused: true,
                });
            }
            attempts = attempts.saturating_add(1);
            // It needs 8 KiB, which every connection of a sender would keep for it.
            let connecting = Box::pin(self.connector.new_stream(&destination.peer));
            let source = match connecting.await {
                Ok(stream) => {
                    upstream.prefer(attempts.saturating_sub(1));
                    return Ok(Dialled {
                        stream,
                        key,
                        is_reused: false,
                    });
                }
                Err(source) => source,
            };
            let resume = Instant::now().checked_add(pause);
            let Some(resume) = resume.filter(|resume| *resume < deadline && may_pass(&source))
            else {
                return Err(DialError::Connect { attempts, source });
            };
            // The app may have moved.
            upstream.doubt();
            // The app may be up and we may have no descriptor left to reach it with.
            let cause = source.root_cause().downcast_ref();
            if cause.is_some_and(lacks_descriptors) {
                connections.make_room();
            }
            tokio::time::sleep_until(resume).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Keeps a connection for `idle_timeout`.
    pub(crate) fn keep(&self, stream: Stream, key: u64, idle_timeout: Duration) {
        self.pool.keep(stream, key, idle_timeout);
    }

    /// Lets go of kept connections that are of no use any more.
    pub(crate) fn sweep(&self) {
        self.pool.sweep();
    }
}

impl GivesWay for Dialler {
    fn give_way(&self) -> bool {
        self.pool.close_one()
    }

    fn has_unused(&self) -> bool {
        !self.pool.is_empty()
    }
}

/// Whether trying again may help: not where a certificate is wrong, or where time is over already.
fn may_pass(error: &BError) -> bool {
    !matches!(
        error.etype(),
        ErrorType::InvalidCert
            | ErrorType::TLSHandshakeFailure
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::ConnectTimedout
    )
}
