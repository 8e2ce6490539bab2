//! The admin address: `/metrics`, `/healthz` and `/readyz`.
//!
//! It has its own listener, so that a flood on the public one does not keep an operator from seeing
//! it, and it never answers with anything that came in a request. It must also answer when it is
//! wanted most: while the process is out of file descriptors, and while others hold connections to it
//! that they do not use.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::accept::ACCEPT_PAUSE;
use super::tasks::Tasks;
use crate::edge::shared::Shared;
use crate::os::descriptors::lacks_descriptors;
use crate::verify::Timestamp;

/// How long a new connection may take for its first byte.
const FIRST_BYTE: Duration = Duration::from_secs(5);
/// For one request and its answer.
const REQUEST: Duration = Duration::from_secs(10);
/// How many connections there are at once. A newcomer beyond takes the place of the oldest.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// Serves the admin address.
pub(crate) async fn serve(listener: TcpListener, admin: Arc<Admin>) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The connection takes the descriptor that was kept for it.
            Err(error) if lacks_descriptors(&error) && admin.spare.release() => continue,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                admin.spare.hold();
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= MAX_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let serving = tokio::spawn(Arc::clone(&admin).serve_connection(stream));
        open.push_back(serving.abort_handle());
    }
}

/// A spare file descriptor, which is only held to be given up for a connection.
#[derive(Default)]
struct Spare(Mutex<Option<File>>);

impl Spare {
    fn hold(&self) {
        let mut held = self.lock();
        if held.is_none() {
            // While there is none to be had, this is tried again after the next connection.
            *held = File::open("/dev/null").ok();
        }
    }

    /// `false` if there was none.
    fn release(&self) -> bool {
        self.lock().take().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the admin address shows, and what it needs for that.
pub(crate) struct Admin {
    shared: Arc<Shared>,
    tasks: Tasks,
    spare: Spare,
}

impl Admin {
    /// Takes the descriptor that is kept for a scrape.
    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks) -> Arc<Self> {
        let spare = Spare::default();
        spare.hold();
        Arc::new(Self {
            shared,
            tasks,
            spare,
        })
    }

    /// Serves one request on a connection, and holds the descriptor that this sets free.
    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        self.serve_request(stream).await;
        self.spare.hold();
    }

    async fn serve_request(&self, stream: TcpStream) {
        if !matches!(timeout(FIRST_BYTE, stream.readable()).await, Ok(Ok(()))) {
            return;
        }
        let mut session = ServerSession::new_http1(Box::new(Stream::from(stream)));
        let answering = async {
            if !session.read_request().await? {
                return Ok(());
            }
            session.set_keepalive(None);
            self.answer(&mut session).await
        };
        let answered: std::result::Result<Result<()>, _> = timeout(REQUEST, answering).await;
        if let Ok(Ok(())) = answered {
            session.shutdown().await;
        }
    }

    async fn answer(&self, session: &mut ServerSession) -> Result<()> {
        let header = session.req_header();
        let is_read = matches!(header.method, http::Method::GET | http::Method::HEAD);
        let (status, content_type, body) = match header.uri.path() {
            _ if !is_read => (405, "text/plain", b"only GET\n".to_vec()),
            "/metrics" => match self.metrics() {
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

    fn metrics(&self) -> Option<Vec<u8>> {
        let held = i64::try_from(self.shared.services.budget.held()).unwrap_or(i64::MAX);
        let metrics = &self.shared.services.metrics;
        metrics.buffered_bytes.set(held);
        metrics.text(Timestamp::from(SystemTime::now())).ok()
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
