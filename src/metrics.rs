//! What an operator scrapes.
//!
//! Label values come from the configuration and from fixed lists, never from a request: an attacker
//! must not be able to create series. What a route counts on every request is looked up once, when
//! the route is made, and not by its labels on every request.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::reason::Reason;
use crate::verify::{Timestamp, schemes};

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

/// How a request was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It verified.
    Verified,
    /// It was refused.
    Rejected(Reason),
    /// It did not verify, and the route lets such requests through.
    Unenforced(Reason),
}

impl Verdict {
    const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Verified => ("verified", "ok"),
            Self::Rejected(reason) => ("rejected", reason.as_str()),
            Self::Unenforced(reason) => ("unenforced", reason.as_str()),
        }
    }
}

/// Who made a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The app.
    App,
    /// hookward itself.
    Hookward,
}

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
    /// Bytes of bodies held.
    pub buffered_bytes: IntGauge,
}

/// The end of a secret.
struct Expiry {
    gauge: Gauge,
    not_after: Timestamp,
}

/// The metrics of one route, found once.
pub struct RouteMetrics {
    /// Time spent verifying, without waiting for the body, in seconds.
    pub verification_seconds: Histogram,
    /// From handing a request to the app to the end of its answer, in seconds.
    pub upstream_seconds: Histogram,
    /// Sizes of bodies that were read whole.
    pub request_body_bytes: Histogram,
    /// Age of signed timestamps, once the signature matched, in seconds.
    pub timestamp_age_seconds: Histogram,
    /// When a request last verified, in seconds since the epoch.
    pub last_verified: Gauge,
    /// Answers after the sender's own time limit.
    pub late_answers: IntCounter,
    /// Answers that broke off after they had begun.
    pub answers_cut: IntCounter,
    secret_matches: Vec<(Arc<str>, IntCounter)>,
    verified: Vec<(&'static str, Lazy)>,
    answers: [(u16, Lazy); USUAL_STATUSES.len()],
}

/// What apps usually answer. Others are counted as well, by a look at their labels.
const USUAL_STATUSES: [u16; 9] = [200, 201, 202, 204, 400, 401, 404, 500, 503];

/// A counter that there is none of before it first counts.
#[derive(Default)]
struct Lazy(OnceLock<IntCounter>);

impl Lazy {
    fn inc(&self, find: impl FnOnce() -> IntCounter) {
        self.0.get_or_init(find).inc();
    }
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
        register(Box::new(metrics.buffered_bytes.clone()))?;
        register(Box::new(build_info))?;
        Ok(metrics)
    }

    /// The metrics of a route and its secrets.
    #[must_use]
    pub fn route(&self, name: &str, secret_ids: &[Arc<str>]) -> RouteMetrics {
        let labels = &[name];
        RouteMetrics {
            verification_seconds: self.verification_seconds.with_label_values(labels),
            upstream_seconds: self.upstream_seconds.with_label_values(labels),
            request_body_bytes: self.request_body_bytes.with_label_values(labels),
            timestamp_age_seconds: self.timestamp_age_seconds.with_label_values(labels),
            last_verified: self.last_verified.with_label_values(labels),
            late_answers: self.late_answers.with_label_values(labels),
            answers_cut: self.answers_cut.with_label_values(labels),
            secret_matches: secret_ids
                .iter()
                .map(|id| {
                    let counter = self.secret_matches.with_label_values(&[name, id]);
                    (Arc::clone(id), counter)
                })
                .collect(),
            verified: schemes::labels()
                .map(|label| (label, Lazy::default()))
                .collect(),
            answers: USUAL_STATUSES.map(|status| (status, Lazy::default())),
        }
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

    /// Counts a request that verified, as [`Self::count_verdict`] does.
    pub fn count_verified(&self, route: &RouteMetrics, name: &str, scheme: &str) {
        let find = || self.verdict(name, scheme, Verdict::Verified);
        let mut verified = route.verified.iter();
        match verified.find(|(label, _)| *label == scheme) {
            Some((_, counter)) => counter.inc(find),
            None => find().inc(),
        }
    }

    /// Counts an app's answer, as [`Self::count_response`] does.
    pub fn count_answer(&self, route: &RouteMetrics, name: &str, status: u16) {
        let find = || self.response(name, status, Origin::App);
        let mut answers = route.answers.iter();
        match answers.find(|(usual, _)| *usual == status) {
            Some((_, counter)) => counter.inc(find),
            None => find().inc(),
        }
    }

    /// Counts a response. A status outside 100 to 599 counts as `other`.
    pub fn count_response(&self, route: &str, status: u16, origin: Origin) {
        self.response(route, status, origin).inc();
    }

    fn response(&self, route: &str, status: u16, origin: Origin) -> IntCounter {
        let origin = match origin {
            Origin::App => "app",
            Origin::Hookward => "hookward",
        };
        let mut digits = [0_u8; 3];
        let status = status_text(status, &mut digits);
        self.responses.with_label_values(&[route, status, origin])
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

impl RouteMetrics {
    /// Counts a request that this secret verified.
    pub fn count_secret_match(&self, secret: &str) {
        let counter = self.secret_matches.iter().find(|(id, _)| **id == *secret);
        if let Some((_, counter)) = counter {
            counter.inc();
        }
    }
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
    HistogramVec::new(
        HistogramOpts::new(name, help).buckets(buckets.to_vec()),
        &["route"],
    )
}

fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    if !(100..=599).contains(&status) {
        return "other";
    }
    let mut rest = status;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
    }
    std::str::from_utf8(digits).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_a_fixed_list() {
        let text = |status| status_text(status, &mut [0; 3]).to_owned();
        assert_eq!(text(204), "204");
        assert_eq!(text(599), "599");
        assert_eq!(text(99), "other");
        assert_eq!(text(999), "other");
    }
}
