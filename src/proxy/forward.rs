//! Forwarding: what Pingora's proxy asks about a permitted request, and what became of it.
//!
//! The proxy never sees a request that was not permitted: its only entry is [`forward`], which
//! takes a [`Job`], and a job takes a [`Permit`]. Pingora makes the context of a request without
//! arguments, so the job travels beside the call in a task-local; without one, no address is given.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::apps::HttpServerApp;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::prelude::HttpPeer;
use pingora::protocols::http::ServerSession;
use pingora::proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::{BError, Error, ErrorSource, ErrorType, Result};

use super::body::Body;
use super::budget::Reservation;
use super::session::{PermittedSession, Return, Returned};
use super::site::Route;
use crate::metrics::{Metrics, Origin};
use crate::verify::Permit;

/// A permitted request on its way to the app.
pub(super) struct Job {
    pub(super) permit: Permit,
    pub(super) route: Arc<Route>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) request_id: String,
    /// The sender's own time limit, from `received_at` on.
    pub(super) sender_waits: Option<Duration>,
    pub(super) received_at: Instant,
    pub(super) is_http11: bool,
    /// Held until the response is done.
    pub(super) reservation: Reservation,
}

tokio::task_local! {
    static JOB: Cell<Option<Box<Job>>>;
}

/// Sends a permitted request to its app and the answer to its sender; returns the sender's session.
pub(super) async fn forward(
    proxy: &Arc<HttpProxy<Forwarder>>,
    job: Job,
    sender: ServerSession,
    header: RequestHeader,
    body: Body,
    shutdown: &ShutdownWatch,
) -> Option<Returned> {
    let way_back = Return::default();
    let session = PermittedSession::new(&job.permit, sender, header, body, way_back.clone());
    let session = ServerSession::new_custom(Box::new(session));
    // A custom session is never reused by Pingora: nothing but the way back matters.
    let _none = JOB
        .scope(
            Cell::new(Some(Box::new(job))),
            proxy.process_new_http(session, shutdown),
        )
        .await;
    way_back.take()
}

/// Pingora's proxy for permitted requests.
pub(super) fn proxy(threads: usize) -> Arc<HttpProxy<Forwarder>> {
    let conf = ServerConf {
        threads: threads.max(1),
        // One attempt: a request is not sent twice.
        max_retries: 1,
        ..ServerConf::default()
    };
    Arc::new(pingora::proxy::http_proxy(&Arc::new(conf), Forwarder))
}

/// Answers Pingora's questions.
pub(super) struct Forwarder;

/// What Pingora carries along with a request.
pub(super) struct Forwarding {
    job: Option<Box<Job>>,
    started_at: Instant,
    /// The status of the app's final answer.
    answered: Option<u16>,
    /// The status of our own answer in its stead.
    failed: Option<u16>,
}

#[async_trait]
impl ProxyHttp for Forwarder {
    type CTX = Forwarding;

    fn new_ctx(&self) -> Forwarding {
        Forwarding {
            job: JOB.try_with(Cell::take).ok().flatten(),
            started_at: Instant::now(),
            answered: None,
            failed: None,
        }
    }

    /// No modules: the body and the answer pass as they are.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        ctx: &mut Forwarding,
    ) -> Result<Box<HttpPeer>> {
        let job = ctx.job.as_ref().ok_or_else(|| {
            Error::explain(ErrorType::InternalError, "a request without a permit")
        })?;
        let peer = job.route.upstream.peer().await;
        peer.map(Box::new).map_err(|error| {
            Error::because(ErrorType::ConnectError, "no upstream address", error).into_up()
        })
    }

    async fn upstream_response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Forwarding,
    ) -> Result<()> {
        if !response.status.is_informational() {
            ctx.answered = Some(response.status.as_u16());
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Forwarding,
    ) -> Result<()> {
        let is_http11 = ctx.job.as_ref().is_none_or(|job| job.is_http11);
        if !is_http11 {
            // HTTP/1.0 has no chunks: the end of the connection ends the answer.
            response.remove_header("Transfer-Encoding");
        }
        Ok(())
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        _session: &mut Session,
        mut error: BError,
        _ctx: &mut Forwarding,
        _client_reused: bool,
    ) -> BError {
        error.set_retry(false);
        error
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        _ctx: &mut Forwarding,
        mut error: BError,
    ) -> BError {
        error.set_retry(false);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Forwarding,
    ) -> FailToProxy {
        let is_begun = session
            .response_written()
            .is_some_and(|written| !written.status.is_informational());
        if is_begun || *error.esource() == ErrorSource::Downstream {
            return FailToProxy {
                error_code: 0,
                can_reuse_downstream: false,
            };
        }
        let status = match error.etype() {
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => 504,
            _ => 502,
        };
        if respond(session, status).await.is_ok() {
            ctx.failed = Some(status);
        }
        FailToProxy {
            error_code: status,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, _session: &mut Session, error: Option<&Error>, ctx: &mut Forwarding) {
        if let Some(job) = ctx.job.as_deref() {
            job.record(ctx, error);
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Forwarding, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Forwarding,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    fn request_summary(&self, _session: &Session, ctx: &Forwarding) -> String {
        ctx.job
            .as_ref()
            .map_or_else(String::new, |job| job.request_id.clone())
    }
}

async fn respond(session: &mut Session, status: u16) -> Result<()> {
    let mut header = ResponseHeader::build(status, Some(4))?;
    header.insert_header("Content-Length", "0")?;
    session
        .write_response_header(Box::new(header), true)
        .await?;
    session.as_downstream_mut().finish_body().await
}

impl Job {
    fn record(&self, outcome: &Forwarding, error: Option<&Error>) {
        let route = &self.route;
        let took = outcome.started_at.elapsed();
        route.metrics.upstream_seconds.observe(took.as_secs_f64());
        let status = match (outcome.failed, outcome.answered) {
            (Some(status), _) => Some((status, Origin::Hookward)),
            (None, Some(status)) => Some((status, Origin::App)),
            (None, None) => None,
        };
        if let Some((status, origin)) = status {
            self.metrics.count_response(&route.name, status, origin);
        }
        if self
            .sender_waits
            .is_some_and(|limit| self.received_at.elapsed() > limit)
        {
            route.metrics.late_answers.inc();
        }
        if let Some(error) = error {
            tracing::error!(
                event = "forwarding_failed",
                route = &*route.name,
                request_id = self.request_id,
                status = outcome.failed,
                app_status = outcome.answered,
                side = error.esource().as_str(),
                error = error.etype().as_str(),
                body_bytes_held = self.reservation.bytes(),
                detail = cause(error),
            );
        } else {
            tracing::debug!(
                event = "forwarded",
                route = &*route.name,
                request_id = self.request_id,
                app_status = outcome.answered,
                upstream_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            );
        }
    }
}

/// What went wrong, in words. Where the app's answer could not be parsed Pingora quotes it, and it is
/// left out: it may hold anything.
fn cause(error: &Error) -> Option<String> {
    let quotes_the_answer = *error.etype() == ErrorType::InvalidHTTPHeader;
    (!quotes_the_answer).then(|| error.to_string().trim().to_owned())
}
