//! What an operator scrapes.
//!
//! Label values come from the configuration and from fixed lists, never from a request: an attacker
//! must not be able to create series.

mod labels;
mod route;

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

pub use labels::{Origin, Verdict};
pub use route::RouteMetrics;

use crate::verify::Timestamp;

/// The label of what has no route, or no scheme yet.
pub const NONE: &str = "none";

const SECONDS_OF_VERIFICATION: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.1,
];
const SECONDS_OF_UPSTREAM: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
const BODY_BYTES: &[f64] = &[
    0.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
];
const SECONDS_OF_AGE: &[f64] = &[
    -300.0, -60.0, -10.0, -1.0, 0.0, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    3_600.0,
];

/// All metrics of a process.
pub struct Metrics {
    registry: Registry,
    verdicts: IntCounterVec,
    responses: IntCounterVec,
    secret_matches: IntCounterVec,
    verification_seconds: HistogramVec,
    upstream_seconds: HistogramVec,
    request_body_bytes: HistogramVec,
    timestamp_age_seconds: HistogramVec,
    last_verified: GaugeVec,
    late_answers: IntCounterVec,
    answers_cut: IntCounterVec,
    config_reloads: IntCounterVec,
    config_last_reload: Gauge,
    secret_remaining: GaugeVec,
    expiries: Mutex<Vec<Expiry>>,
    /// Requests between their header and the end of their response.
    pub requests_in_flight: IntGauge,
    /// Open connections from senders.
    pub connections: IntGauge,
    /// Connections from senders that were closed at once, for want of room.
    pub connections_refused: IntCounter,
    /// Bytes of bodies held.
    pub buffered_bytes: IntGauge,
}

/// The end of a secret.
struct Expiry {
    gauge: Gauge,
    not_after: Timestamp,
}

impl Metrics {
    /// Fresh metrics, all registered.
    ///
    /// # Errors
    /// Only if two metrics had one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            verdicts: IntCounterVec::new(
                Opts::new("hookward_verdicts_total", "Requests judged."),
                &["route", "scheme", "verdict", "reason"],
            )?,
            responses: IntCounterVec::new(
                Opts::new("hookward_responses_total", "Responses sent to senders."),
                &["route", "status", "origin"],
            )?,
            secret_matches: IntCounterVec::new(
                Opts::new(
                    "hookward_secret_matches_total",
                    "Requests verified, by secret.",
                ),
                &["route", "secret"],
            )?,
            verification_seconds: histogram(
                "hookward_verification_seconds",
                "Time spent verifying, without waiting for the body.",
                SECONDS_OF_VERIFICATION,
            )?,
            upstream_seconds: histogram(
                "hookward_upstream_seconds",
                "Time from handing a request to the app to the end of its answer.",
                SECONDS_OF_UPSTREAM,
            )?,
            request_body_bytes: histogram(
                "hookward_request_body_bytes",
                "Sizes of request bodies that were read whole.",
                BODY_BYTES,
            )?,
            timestamp_age_seconds: histogram(
                "hookward_timestamp_age_seconds",
                "Age of signed timestamps whose signature matched; negative: from the future.",
                SECONDS_OF_AGE,
            )?,
            last_verified: GaugeVec::new(
                Opts::new(
                    "hookward_last_verified_timestamp_seconds",
                    "When a request last verified; 0: not since the start.",
                ),
                &["route"],
            )?,
            late_answers: IntCounterVec::new(
                Opts::new(
                    "hookward_late_answers_total",
                    "Answers of the app after the sender's own time limit.",
                ),
                &["route"],
            )?,
            answers_cut: IntCounterVec::new(
                Opts::new(
                    "hookward_answers_cut_total",
                    "Answers of the app that broke off after they had begun.",
                ),
                &["route"],
            )?,
            config_reloads: IntCounterVec::new(
                Opts::new(
                    "hookward_config_reloads_total",
                    "Changed configurations, applied or refused.",
                ),
                &["result"],
            )?,
            config_last_reload: Gauge::new(
                "hookward_config_last_reload_timestamp_seconds",
                "When the configuration in use was applied.",
            )?,
            secret_remaining: GaugeVec::new(
                Opts::new(
                    "hookward_secret_remaining_seconds",
                    "How long a secret with not_after still matches; negative: it does not.",
                ),
                &["route", "secret"],
            )?,
            expiries: Mutex::default(),
            requests_in_flight: IntGauge::new(
                "hookward_requests_in_flight",
                "Requests between their header and the end of their response.",
            )?,
            connections: IntGauge::new("hookward_connections", "Open connections from senders.")?,
            connections_refused: IntCounter::new(
                "hookward_connections_refused_total",
                "Connections from senders that were closed at once, for want of room.",
            )?,
            buffered_bytes: IntGauge::new("hookward_buffered_bytes", "Bytes of bodies held.")?,
            registry,
        };
        for result in ["applied", "refused"] {
            metrics.config_reloads.with_label_values(&[result]);
        }
        let build_info = IntGaugeVec::new(
            Opts::new("hookward_build_info", "1, labelled with what was built."),
            &["version", "revision"],
        )?;
        build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("HOOKWARD_REVISION")])
            .set(1);
        let register = |collector| metrics.registry.register(collector);
        register(Box::new(metrics.verdicts.clone()))?;
        register(Box::new(metrics.responses.clone()))?;
        register(Box::new(metrics.secret_matches.clone()))?;
        register(Box::new(metrics.verification_seconds.clone()))?;
        register(Box::new(metrics.upstream_seconds.clone()))?;
        register(Box::new(metrics.request_body_bytes.clone()))?;
        register(Box::new(metrics.timestamp_age_seconds.clone()))?;
        register(Box::new(metrics.last_verified.clone()))?;
        register(Box::new(metrics.late_answers.clone()))?;
        register(Box::new(metrics.answers_cut.clone()))?;
        register(Box::new(metrics.config_reloads.clone()))?;
        register(Box::new(metrics.config_last_reload.clone()))?;
        register(Box::new(metrics.secret_remaining.clone()))?;
        register(Box::new(metrics.requests_in_flight.clone()))?;
        register(Box::new(metrics.connections.clone()))?;
        register(Box::new(metrics.connections_refused.clone()))?;
        register(Box::new(metrics.buffered_bytes.clone()))?;
        register(Box::new(build_info))?;
        Ok(metrics)
    }

    /// Counts a judged request.
    pub fn count_verdict(&self, route: &str, scheme: &str, verdict: Verdict) {
        self.verdict(route, scheme, verdict).inc();
    }

    fn verdict(&self, route: &str, scheme: &str, verdict: Verdict) -> IntCounter {
        let (verdict, reason) = verdict.labels();
        self.verdicts
            .with_label_values(&[route, scheme, verdict, reason])
    }

    /// Counts a response. A status outside 100 to 599 counts as `other`.
    pub fn count_response(&self, route: &str, status: u16, origin: Origin) {
        self.response(route, status, origin).inc();
    }

    fn response(&self, route: &str, status: u16, origin: Origin) -> IntCounter {
        let mut digits = [0_u8; 3];
        let status = labels::status_text(status, &mut digits);
        self.responses
            .with_label_values(&[route, status, origin.as_str()])
    }

    /// Counts a changed configuration.
    pub fn count_reload(&self, is_applied: bool) {
        let result = if is_applied { "applied" } else { "refused" };
        self.config_reloads.with_label_values(&[result]).inc();
    }

    /// When the configuration in use was applied.
    pub fn set_last_reload(&self, at: Timestamp) {
        self.config_last_reload.set(at.as_secs());
    }

    /// Until when a secret matches.
    pub fn set_expiry(&self, route: &str, secret: &str, not_after: Timestamp) {
        let gauge = self.secret_remaining.with_label_values(&[route, secret]);
        self.lock_expiries().push(Expiry { gauge, not_after });
    }

    /// No secret has a known end any more.
    pub fn forget_expiries(&self) {
        self.secret_remaining.reset();
        self.lock_expiries().clear();
    }

    fn lock_expiries(&self) -> MutexGuard<'_, Vec<Expiry>> {
        self.expiries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text exposition format, at the time `now`.
    ///
    /// # Errors
    /// Only if a metric cannot be written as text.
    pub fn text(&self, now: Timestamp) -> Result<Vec<u8>, prometheus::Error> {
        for expiry in &*self.lock_expiries() {
            expiry.gauge.set(expiry.not_after.seconds_since(now));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
    HistogramVec::new(
        HistogramOpts::new(name, help).buckets(buckets.to_vec()),
        &["route"],
    )
}
