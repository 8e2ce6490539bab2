//! The admin address: who is served, and how long it may take. What is answered is in [`answers`].
//!
//! It has its own listener, so that a flood on the public one does not keep an operator from seeing
//! it, and it never answers with anything that came in a request to it. It must also answer when it is
//! wanted most: while the process is out of file descriptors, and while others hold connections to it
//! that they do not use.

mod answers;
mod host;
mod spare;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::http::ResponseHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use pingora::{ErrorType, Result};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use answers::{Answer, Answers};
pub(crate) use spare::Spare;

use super::tasks::Tasks;
use crate::edge::shared::Shared;
use crate::status::Status;

/// How long a request may take to arrive.
const REQUEST: Duration = Duration::from_secs(5);
/// How long its answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How many connections there are at once. A newcomer beyond takes the place of the oldest.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// What serves the admin address.
pub(crate) struct Admin {
    answers: Answers,
    spare: Arc<Spare>,
    /// The open connections, and since when they are.
    open: Mutex<Vec<(SystemTime, AbortHandle)>>,
}

impl Admin {
    /// Takes the descriptors that are kept for a scrape.
    pub(crate) fn new(shared: Arc<Shared>, status: Arc<Status>, tasks: Tasks) -> Self {
        let spare = Arc::new(Spare::default());
        spare.hold();
        Self {
            answers: Answers::new(shared, status, tasks),
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
        let mut open = self.lock();
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
        let is_read = match has_come {
            Ok(Ok(true)) => true,
            Ok(Err(error)) if *error.etype() == ErrorType::InvalidHTTPHeader => false,
            _ => return,
        };
        session.set_keepalive(None);
        let answered = timeout(ANSWER, async {
            let answer = if is_read {
                self.answers.answer(session.req_header()).await
            } else {
                Answer::unread()
            };
            write(&mut session, answer).await
        });
        if let Ok(Ok(())) = answered.await {
            session.shutdown().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(SystemTime, AbortHandle)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(session: &mut ServerSession, answer: Answer) -> Result<()> {
    let mut response = ResponseHeader::build(answer.status, Some(4))?;
    response.insert_header("Content-Type", answer.content_type)?;
    response.insert_header("Content-Length", answer.body.len().to_string())?;
    for (name, value) in answer.fields {
        response.insert_header(*name, *value)?;
    }
    session.write_response_header(Box::new(response)).await?;
    session.write_response_body(answer.body.into(), true).await
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
