//! What became of a forwarded request, for the log and the metrics.

use std::time::{Duration, Instant};

use crate::active::Route;
use crate::observe::metrics::{Metrics, Origin};
use crate::upstream::call::UnfinishedUpload;
use crate::upstream::failure::Failure;

/// What became of a forwarded request.
pub(crate) struct Outcome {
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
    /// What the app, which has answered, is still to be sent.
    pub(crate) unfinished: Option<UnfinishedUpload>,
}

/// The request that it became of.
pub(crate) struct Forwarded<'a> {
    pub(crate) route: &'a Route,
    pub(crate) metrics: &'a Metrics,
    pub(crate) request_id: &'a str,
    pub(crate) received_at: Instant,
    /// The sender's own time limit, from `received_at` on.
    pub(crate) sender_waits: Option<Duration>,
    pub(crate) body_bytes: u64,
}

impl Outcome {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            answered: None,
            app_status: None,
            own_status: None,
            failure: None,
            attempts: 0,
            is_sender_gone: false,
            unfinished: None,
        }
    }

    pub(crate) fn set_answered(&mut self) {
        self.answered = Some(Instant::now());
    }

    pub(crate) fn record(&self, forwarded: &Forwarded<'_>) {
        let Forwarded { route, metrics, .. } = forwarded;
        let answered = self.answered.unwrap_or_else(Instant::now);
        let took = answered.saturating_duration_since(self.began);
        route.metrics.upstream_seconds.observe(took.as_secs_f64());
        if let Some(status) = self.own_status {
            metrics.count_response(&route.name, status, Origin::Hookward);
        } else if let Some(status) = self.app_status {
            route.metrics.count_answer(metrics, status);
        }
        let since_received = answered.saturating_duration_since(forwarded.received_at);
        let is_late = forwarded
            .sender_waits
            .is_some_and(|limit| since_received > limit);
        if is_late {
            route.metrics.late_answers.inc();
        }
        let is_cut = self.failure.is_some() && self.own_status.is_none();
        if is_cut {
            route.metrics.answers_cut.inc();
        }
        let upstream_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (route, request_id) = (&*route.name, forwarded.request_id);
        if let Some(failure) = &self.failure {
            tracing::error!(
                event = "forwarding_failed",
                route,
                request_id,
                status = self.own_status,
                app_status = self.app_status,
                error = failure.name(),
                detail = %failure,
                attempts = self.attempts,
                upstream_ms,
                body_bytes = forwarded.body_bytes,
                is_sender_gone = self.is_sender_gone,
            );
        } else if self.is_sender_gone {
            tracing::info!(
                event = "sender_gone",
                route,
                request_id,
                app_status = self.app_status,
                upstream_ms,
                is_late,
                "the app answered, and its sender did not take the answer"
            );
        } else {
            tracing::debug!(
                event = "forwarded",
                route,
                request_id,
                app_status = self.app_status,
                attempts = self.attempts,
                upstream_ms,
                is_late,
            );
        }
    }
}
