//! What became of a forwarded request, for the log and the metrics.

use std::time::{Duration, Instant, SystemTime};

use super::app_failure::AppFailure;
use crate::active::Route;
use crate::observe::access::{BrokenOffBy, Origin, Outcome};
use crate::observe::metrics::AppSeries;
use crate::observe::refusals::Asked;
use crate::spool::EventId;
use crate::upstream::call::UnfinishedUpload;
use crate::upstream::failure::{Failure, is_failure};
use crate::verify::Timestamp;

/// Why a request that is stored first got no answer of its app: the event of the log that tells more.
const SPOOL_FAILED: &str = "spool_failed";

/// What became of a forwarded request.
pub(crate) struct ForwardResult {
    began: Instant,
    /// When the answer was complete, ours or the app's.
    answered: Option<Instant>,
    /// The status of the app's final answer.
    pub(crate) app_status: Option<u16>,
    /// The status of our own answer in its stead.
    pub(crate) own_status: Option<u16>,
    pub(crate) failure: Option<Failure>,
    /// How often the request was sent, or begun to be.
    pub(crate) attempts: u32,
    pub(crate) is_sender_gone: bool,
    /// How much of the body of the app's answer was passed on.
    pub(crate) answer_bytes: u64,
    /// The event as which the request was stored.
    pub(crate) stored: Option<EventId>,
    /// What is still to be sent to an app that has answered already.
    pub(crate) unfinished: Option<UnfinishedUpload>,
}

/// What is needed of the request to record its result.
pub(crate) struct Forwarded<'a> {
    pub(crate) route: &'a Route,
    /// The request as it may be logged. Made only if it is.
    pub(crate) asked: &'a (dyn Fn() -> Asked + Sync),
    pub(crate) received_at: Instant,
    /// The sender's own time limit, from `received_at` on.
    pub(crate) sender_waits: Option<Duration>,
    pub(crate) body_bytes: u64,
}

impl ForwardResult {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            answered: None,
            app_status: None,
            own_status: None,
            failure: None,
            attempts: 0,
            is_sender_gone: false,
            answer_bytes: 0,
            stored: None,
            unfinished: None,
        }
    }

    pub(crate) fn set_answered(&mut self) {
        self.answered = Some(Instant::now());
    }

    /// When the answer was complete, or now where it is not.
    fn answered(&self) -> Instant {
        self.answered.unwrap_or_else(Instant::now)
    }

    /// Counts whether the app took the request, if it was asked to.
    pub(super) fn count_app(&self, app: &AppSeries) {
        let failure = match (&self.failure, self.app_status) {
            (Some(failure), _) => AppFailure::Unanswered(failure.word()),
            (None, Some(status)) if is_failure(status) => AppFailure::Answered(status),
            (None, Some(_)) => return app.takes(),
            (None, None) => return,
        };
        app.fails(Timestamp::from(SystemTime::now()), failure.code());
    }

    /// Makes known to the operator what became of the request.
    pub(crate) fn record(&self, forwarded: &Forwarded<'_>) {
        let metrics = &forwarded.route.metrics;
        let answered = self.answered();
        let took = answered.saturating_duration_since(self.began);
        if self.has_met_app() {
            metrics.upstream_seconds.observe(took.as_secs_f64());
        }
        if let Some(status) = self.own_status {
            metrics.count_own_answer(status);
        } else if let Some(status) = self.app_status {
            metrics.count_app_answer(status);
        }
        let since_received = answered.saturating_duration_since(forwarded.received_at);
        let is_late = forwarded
            .sender_waits
            .is_some_and(|limit| since_received > limit);
        if is_late {
            metrics.late_answers.inc();
        }
        if self.failure.is_some() && self.own_status.is_none() {
            metrics.answers_cut.inc();
        }
        let upstream_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.app_status.is_none() && self.failure.is_none() && self.stored.is_none() {
            // It was to be stored before it is sent, and was not: the spool says why.
            return;
        }
        if let Some(id) = self.stored {
            return self.log_stored(id, upstream_ms, forwarded);
        }
        if let Some(failure) = &self.failure {
            return self.log_failure(failure, upstream_ms, forwarded);
        }
        if let Some(status) = self.app_status.filter(|status| is_failure(*status)) {
            log_app_failed(status, upstream_ms, forwarded);
        }
        if self.is_sender_gone {
            let asked = (forwarded.asked)();
            tracing::info!(
                event = "sender_gone",
                route = &*forwarded.route.name,
                request_id = asked.request_id,
                app_status = self.app_status,
                upstream_ms,
                is_late,
                "the app answered, and its sender did not take the answer"
            );
        } else if tracing::enabled!(tracing::Level::DEBUG) {
            let asked = (forwarded.asked)();
            tracing::debug!(
                event = "forwarded",
                route = &*forwarded.route.name,
                request_id = asked.request_id,
                http_status = self.app_status,
                attempts = self.attempts,
                upstream_ms,
                is_late,
                "the request was forwarded, and answered by the app"
            );
        }
    }

    /// Whether the app was asked at all. What was stored before it was sent has not met its app.
    fn has_met_app(&self) -> bool {
        self.attempts > 0 || self.failure.is_some()
    }

    /// Notes it for the access log.
    pub(crate) fn note(&self, outcome: &mut Outcome) {
        let took = self.answered().saturating_duration_since(self.began);
        let own = self.own_status.map(|status| (status, Origin::Hookward));
        let app = self.app_status.map(|status| (status, Origin::App));
        let is_of_app = own.is_none() && app.is_some();
        outcome.answer = own.or(app);
        outcome.app_status = own.and(self.app_status);
        outcome.error = match &self.failure {
            Some(failure) => Some(failure.name()),
            // It was to be stored before it is sent, and was not: the spool says why.
            None if !is_of_app && self.stored.is_none() => Some(SPOOL_FAILED),
            None => None,
        };
        outcome.attempts = Some(self.attempts);
        outcome.upstream = self.has_met_app().then_some(took);
        outcome.answer_bytes = is_of_app.then_some(self.answer_bytes);
        outcome.delivery = self.stored.map(|id| id.to_string());
        outcome.broken_off_by = if self.failure.is_some() && own.is_none() {
            Some(BrokenOffBy::App)
        } else {
            self.is_sender_gone.then_some(BrokenOffBy::Sender)
        };
    }

    fn log_stored(&self, id: EventId, upstream_ms: u64, forwarded: &Forwarded<'_>) {
        let route = forwarded.route;
        if !route.log_limits.spooled.allows() {
            return;
        }
        let asked = (forwarded.asked)();
        tracing::info!(
            event = "spooled",
            route = &*route.name,
            request_id = asked.request_id,
            client = asked.client,
            method = asked.method,
            path = asked.path,
            delivery = %id,
            app_status = self.app_status,
            error = self.failure.as_ref().map(Failure::name),
            detail = self.failure.as_ref().map(tracing::field::display),
            attempts = self.attempts,
            upstream_ms,
            body_bytes = forwarded.body_bytes,
            "a verified request was stored, and is delivered from the spool"
        );
    }

    fn log_failure(&self, failure: &Failure, upstream_ms: u64, forwarded: &Forwarded<'_>) {
        let route = forwarded.route;
        if !route.log_limits.forwarding_failed.allows() {
            return;
        }
        let asked = (forwarded.asked)();
        tracing::error!(
            event = "forwarding_failed",
            route = &*route.name,
            request_id = asked.request_id,
            client = asked.client,
            method = asked.method,
            path = asked.path,
            upstream = route.upstream.shown(),
            http_status = self.own_status,
            app_status = self.app_status,
            error = failure.name(),
            detail = %failure,
            attempts = self.attempts,
            upstream_ms,
            body_bytes = forwarded.body_bytes,
            is_sender_gone = self.is_sender_gone,
            "a verified request did not get a whole answer from the app"
        );
    }
}

fn log_app_failed(status: u16, upstream_ms: u64, forwarded: &Forwarded<'_>) {
    let route = forwarded.route;
    if !route.log_limits.app_failed.allows() {
        return;
    }
    let asked = (forwarded.asked)();
    tracing::warn!(
        event = "app_failed",
        route = &*route.name,
        request_id = asked.request_id,
        client = asked.client,
        method = asked.method,
        path = asked.path,
        http_status = status,
        upstream_ms,
        body_bytes = forwarded.body_bytes,
        "the app answered a verified request with a failure"
    );
}

/// Makes it known that an app which had answered did not take the request to its end.
pub(crate) fn record_cut_upload(route: &Route, asked: &Asked, app_status: Option<u16>) {
    route.metrics.uploads_cut.inc();
    if route.log_limits.forwarding_failed.allows() {
        tracing::warn!(
            event = "upload_cut",
            route = &*route.name,
            request_id = asked.request_id,
            client = asked.client,
            method = asked.method,
            path = asked.path,
            upstream = route.upstream.shown(),
            http_status = app_status,
            "the app answered a verified request, and did not read it to its end"
        );
    }
}
