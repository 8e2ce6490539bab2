//! Stopping without losing what was accepted.
//!
//! Pingora's own way waits out the whole grace time, cuts off what still runs and resets what waits to be
//! accepted. So all of it is done in [`Stop::recv`], which Pingora awaits, and Pingora is told to end at once
//! when there is nothing left.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::door::Door;
use super::notify;
use super::sockets::Bound;
use super::tasks::Tasks;
use crate::edge::connections::Connections;
use crate::edge::shared::Shared;
use crate::os::socket::{let_newcomers_in, turn_newcomers_away};

/// How long a TCP handshake that is under way at a stop may take for its other half.
const HANDSHAKE: Duration = Duration::from_millis(200);
/// How long what the system has established by then may take to be accepted, at most. Longer than a newcomer
/// waits for a place.
const ACCEPTING: Duration = Duration::from_secs(5);
/// How often is looked whether anybody still waits to be accepted.
const LOOK: Duration = Duration::from_millis(5);
/// How long the services may take to close their sockets.
const CLOSING: Duration = Duration::from_secs(1);
/// How long the threads may take to let go of what was cut.
const CUTTING: Duration = Duration::from_secs(1);

/// What asks the server to stop.
pub(crate) struct StopSignals {
    /// Resolves when it is to let end what is in flight.
    pub(crate) drain: BoxFuture,
    /// Resolves when it is to stop at once.
    pub(crate) at_once: BoxFuture,
}

type BoxFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Stops the server when it is asked to.
pub(crate) struct Stop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) door: Arc<Door>,
    pub(crate) tasks: Tasks,
    pub(crate) signals: Mutex<StopSignals>,
    /// Tells connections that the server stops.
    pub(crate) stopping: watch::Sender<bool>,
    /// Tells listeners to close.
    pub(crate) closing: watch::Sender<bool>,
    /// Tells the admin address to close. Otherwise it serves until the process ends.
    pub(crate) admin_closing: watch::Sender<bool>,
    pub(crate) sockets: Mutex<Option<Arc<[Bound]>>>,
    /// Notified once a successor serves on the same sockets.
    pub(crate) handed_over: Arc<Notify>,
    /// Notified where a listener has ended and was not told to.
    pub(crate) lost: Arc<Notify>,
    /// A successor serves.
    pub(crate) has_successor: Arc<AtomicBool>,
    /// Whether it ended as it was asked to.
    pub(crate) is_as_asked: Arc<OnceLock<bool>>,
}

#[async_trait]
impl ShutdownSignalWatch for Stop {
    /// Returns once the server may end.
    async fn recv(&self) -> ShutdownSignal {
        let StopSignals { drain, at_once } = &mut *self.signals.lock().await;
        let draining = async {
            let is_lost = tokio::select! {
                () = drain => false,
                () = self.handed_over.notified() => {
                    self.has_successor.store(true, Ordering::Relaxed);
                    false
                }
                // A process that takes no connections is worse than none: nobody starts another.
                () = self.lost.notified() => true,
            };
            self.drain().await && !is_lost
        };
        let is_as_asked = tokio::select! {
            biased;
            () = at_once => true,
            is_drained = draining => is_drained,
        };
        // Where it stops at once, nobody knows yet; and a listener that finds its signal gone instead of given
        // calls that an error.
        for signal in [&self.stopping, &self.closing, &self.admin_closing] {
            let _ = signal.send(true);
        }
        let _ = self.is_as_asked.set(is_as_asked);
        ShutdownSignal::FastShutdown
    }
}

impl Stop {
    /// Lets what is in flight end within the grace time. Returns whether everything ended by itself.
    async fn drain(&self) -> bool {
        let _ = self.stopping.send(true);
        self.shared.services.spool.stop_delivering();
        tracing::info!(
            event = "stopping",
            "no new connections are taken; requests in flight end within shutdown_grace"
        );
        if !self.has_successor() {
            notify::stopping();
        }
        self.stop_accepting().await;
        let is_drained = drain(&self.shared).await;
        self.tasks.abort();
        tracing::info!(event = "stopped", is_drained, "the server has stopped");
        is_drained
    }

    fn has_successor(&self) -> bool {
        self.has_successor.load(Ordering::Relaxed)
    }

    /// Has everybody accepted whom the system has told so, then closes the listeners: those senders may have
    /// sent already.
    async fn stop_accepting(&self) {
        let sockets = self.sockets.lock().await.take();
        if let Some(sockets) = sockets.filter(|_| !self.has_successor()) {
            let filtered = Filtered::new(&sockets);
            if filtered.is_complete {
                // No new handshake begins, so those that were under way are complete by then.
                sleep(HANDSHAKE).await;
            }
            let _ = timeout(ACCEPTING, self.all_accepted(&sockets)).await;
            sockets.iter().for_each(Bound::remove_file);
            self.close().await;
        } else {
            // Whoever waits in the system's queue is accepted by the successor.
            let _ = timeout(ACCEPTING, self.all_accepted(&[])).await;
            let _ = self.admin_closing.send(true);
            self.close().await;
        }
        self.door.clear();
    }

    /// Has the listeners of senders closed.
    async fn close(&self) {
        let _ = self.closing.send(true);
        let _ = timeout(CLOSING, self.closing.closed()).await;
    }

    /// Returns once nobody waits to be accepted. It is looked twice: between the system's queue and the door
    /// a newcomer is not seen.
    async fn all_accepted(&self, sockets: &[Bound]) {
        let mut quiet_looks = 0_u8;
        while quiet_looks < 2 {
            sleep(LOOK).await;
            let is_quiet = self.door.is_empty() && !is_any_waiting(sockets);
            quiet_looks = if is_quiet {
                quiet_looks.saturating_add(1)
            } else {
                0
            };
        }
    }
}

/// Waits until every connection is closed, after Pingora was told to end at once: it does not wait for its
/// threads, and a request that they cut is logged as they drop it, before the ticket of its connection. Returns
/// after [`CUTTING`] at the latest.
pub(super) fn wait_for_cut(connections: &Connections) {
    let waiting = Builder::new_current_thread().enable_time().build();
    let are_closed = waiting.is_ok_and(|runtime| {
        let closed = async { timeout(CUTTING, connections.closed()).await };
        runtime.block_on(closed).is_ok()
    });
    if !are_closed {
        tracing::warn!(
            event = "cut_unlogged",
            connections = connections.count().0,
            "the process ends before all requests that were cut are logged"
        );
    }
}

/// Sockets on which no new handshake begins, while this lives. They may be shared with a process that goes on
/// listening: one that a service manager starts next, say.
struct Filtered<'a> {
    sockets: &'a [Bound],
    /// On each of them.
    is_complete: bool,
}

impl<'a> Filtered<'a> {
    fn new(sockets: &'a [Bound]) -> Self {
        let mut all = sockets.iter();
        Self {
            sockets,
            is_complete: all.all(|socket| turn_newcomers_away(socket).is_ok()),
        }
    }
}

impl Drop for Filtered<'_> {
    fn drop(&mut self) {
        self.sockets.iter().for_each(let_newcomers_in);
    }
}

/// Whether anybody waits to be accepted on one of these.
fn is_any_waiting(sockets: &[Bound]) -> bool {
    let mut looks: Vec<PollFd<'_>> = sockets
        .iter()
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
        .collect();
    matches!(poll(&mut looks, PollTimeout::ZERO), Ok(1..))
}

/// Waits until all connections are closed and all requests are sent to their apps, for at most
/// `shutdown_grace`. For use after accepting has ended. Returns whether everything ended by itself.
async fn drain(shared: &Arc<Shared>) -> bool {
    let grace = shared.active.load().server.shutdown_grace;
    let now = Instant::now();
    let deadline = now.checked_add(grace).unwrap_or(now);
    let closed = timeout_at(deadline, shared.connections.closed()).await;
    let is_closed = closed.is_ok() || !shared.connections.is_any_busy();
    if !is_closed {
        tracing::warn!(event = "shutdown_grace_over", "requests in flight were cut");
    }
    // An app may answer a request and go on reading it, after the connection to the sender is closed.
    let uploads = &shared.services.unfinished_uploads;
    uploads.close();
    let is_sent = timeout_at(deadline, uploads.wait()).await.is_ok();
    if !is_sent {
        tracing::warn!(
            event = "unfinished_uploads_cut",
            count = uploads.len(),
            "requests were cut that apps had answered before they had read all of them"
        );
    }
    // What is on its way from the spool and does not end is taken up by whoever serves next.
    let _ = timeout_at(deadline, shared.services.spool.attempts_ended()).await;
    is_closed && is_sent
}
