//! The admin address: `/metrics`, `/healthz` and `/readyz`.
//!
//! It has its own listener, so that a flood on the public one does not keep an operator from seeing
//! it, and it never answers with anything that came in a request. It must also answer when it is
//! wanted most: while the process is out of file descriptors, and while others hold connections to it
//! that they do not use.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pingora::Result;
use pingora::apps::ServerApp;
use pingora::http::ResponseHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::tasks::Tasks;
use crate::edge::shared::Shared;
use crate::observe::metrics::SpooledOf;
use crate::verify::Timestamp;

/// How long a request may take to arrive.
const REQUEST: Duration = Duration::from_secs(5);
/// How long its answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How many connections there are at once. A newcomer beyond takes the place of the oldest.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// How many descriptors are kept: senders may take some of those that are given up.
const SPARE: usize = 4;

/// Spare file descriptors, which are only held to be given up for a scrape.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<File>>);

impl Spare {
    /// Takes descriptors, as far as some are missing and there are any.
    pub(crate) fn hold(&self) {
        let mut held = lock(&self.0);
        while held.len() < SPARE
            && let Ok(file) = File::open("/dev/null")
        {
            held.push(file);
        }
    }

    /// Gives up what is held.
    pub(crate) fn release(&self) {
        lock(&self.0).clear();
    }
}

/// What the admin address shows, and what it needs for that.
pub(crate) struct Admin {
    shared: Arc<Shared>,
    tasks: Tasks,
    spare: Arc<Spare>,
    /// The open connections, and since when they are.
    open: Mutex<Vec<(SystemTime, AbortHandle)>>,
}

impl Admin {
    /// Takes the descriptors that are kept for a scrape.
    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let spare = Arc::new(Spare::default());
        spare.hold();
        Self {
            shared,
            tasks,
            spare,
            open: Mutex::default(),
        }
    }

    /// The descriptors that are kept for a scrape.
    pub(crate) fn spare(&self) -> Arc<Spare> {
        Arc::clone(&self.spare)
    }

    /// Remembers a connection, and ends the oldest if there are too many. Pingora does not begin them in the
    /// order in which it accepted them.
    fn remember(&self, since: SystemTime, connection: AbortHandle) {
        let mut open = lock(&self.open);
        open.retain(|(_, connection)| !connection.is_finished());
        open.push((since, connection));
        if open.len() > MAX_CONNECTIONS
            && let Some((place, _)) = (0..).zip(&*open).min_by_key(|(_, (since, _))| *since)
        {
            let (_, oldest) = open.swap_remove(place);
            oldest.abort();
        }
    }

    /// Serves one request.
    async fn serve(&self, stream: Stream) {
        let mut session = ServerSession::new_http1(stream);
        let has_come = timeout(REQUEST, session.read_request()).await;
        if !matches!(has_come, Ok(Ok(true))) {
            return;
        }
        session.set_keepalive(None);
        let answered = timeout(ANSWER, self.answer(&mut session)).await;
        if let Ok(Ok(())) = answered {
            session.shutdown().await;
        }
    }

    async fn answer(&self, session: &mut ServerSession) -> Result<()> {
        let header = session.req_header();
        let is_read = matches!(header.method, http::Method::GET | http::Method::HEAD);
        let (status, content_type, body) = match header.uri.path() {
            _ if !is_read => (405, "text/plain", b"only GET\n".to_vec()),
            "/metrics" => match self.metrics().await {
                Some(text) => (200, "text/plain; version=0.0.4", text),
                None => (500, "text/plain", b"metrics cannot be written\n".to_vec()),
            },
            "/healthz" => (200, "text/plain", b"ok\n".to_vec()),
            "/readyz" => match self.obstacles() {
                obstacles if obstacles.is_empty() => (200, "text/plain", b"ready\n".to_vec()),
                obstacles => (503, "text/plain", obstacles.into_bytes()),
            },
            _ => (404, "text/plain", b"/metrics /healthz /readyz\n".to_vec()),
        };
        let mut response = ResponseHeader::build(status, Some(4))?;
        response.insert_header("Content-Type", content_type)?;
        response.insert_header("Content-Length", body.len().to_string())?;
        session.write_response_header(Box::new(response)).await?;
        session.write_response_body(body.into(), true).await
    }

    async fn metrics(&self) -> Option<Vec<u8>> {
        let held = i64::try_from(self.shared.services.budget.held()).unwrap_or(i64::MAX);
        let metrics = &self.shared.services.metrics;
        metrics.buffered_bytes.set(held);
        metrics.set_ready(self.obstacles().is_empty());
        let now = Timestamp::from(SystemTime::now());
        let entries = self.shared.services.replay.entries(now).unwrap_or(0);
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        metrics.replay.entries.set(entries);
        if let Some(totals) = self.shared.services.spool.totals().await {
            let routes = &self.shared.active.load().all_routes;
            let spooling = routes.iter().filter(|route| route.spool.is_on());
            let named = totals.of_routes(spooling.map(|route| &route.name));
            let shown = named.iter().map(|of| SpooledOf {
                route: &of.route,
                waiting: of.waiting,
                dead: of.dead,
                oldest_seconds: of
                    .oldest
                    .map_or(0.0, |oldest| now.seconds_since(oldest).max(0.0)),
            });
            metrics.spool.set(shown, totals.bytes);
        }
        metrics.text(now).ok()
    }

    /// Why the process should get no requests now, a line each.
    fn obstacles(&self) -> String {
        let mut lines = String::new();
        let mut add = |line: &str| {
            lines.push_str(line);
            lines.push('\n');
        };
        if *self.shared.shutdown.borrow() {
            add("stopping");
        }
        if self.shared.connections.are_all_busy() {
            add(
                "all connections that max_connections or the limit of open files allows are in use",
            );
        }
        if self.shared.services.descriptors.are_exhausted() {
            add("requests use all connections to apps that the limit of open files allows");
        }
        for task in self.tasks.ended() {
            add(&format!(
                "a part of hookward has ended, and it must be restarted: {task}"
            ));
        }
        lines
    }
}

#[async_trait]
impl ServerApp for Admin {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        _shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let accepted_at = stream.get_timing_digest().into_iter().flatten().next();
        let since = accepted_at.map_or_else(SystemTime::now, |timing| timing.established_ts);
        let admin = Arc::clone(self);
        let serving = tokio::spawn(async move { admin.serve(stream).await });
        self.remember(since, serving.abort_handle());
        None
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
