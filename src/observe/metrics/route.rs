//! The metrics of one route. What is counted on every request is found once, and not by its labels each
//! time.

use std::sync::{Arc, OnceLock};

use prometheus::{Gauge, Histogram, IntCounter};

use super::{Metrics, Origin, Verdict};
use crate::providers;

/// The metrics of one route, found once.
pub struct RouteMetrics {
    name: Arc<str>,
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
    /// The metrics of a route and its secrets.
    #[must_use]
    pub fn route(&self, name: &str, secret_ids: &[Arc<str>]) -> RouteMetrics {
        let labels = &[name];
        RouteMetrics {
            name: Arc::from(name),
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
            verified: providers::labels()
                .map(|label| (label, Lazy::default()))
                .collect(),
            answers: USUAL_STATUSES.map(|status| (status, Lazy::default())),
        }
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

    /// Counts a request that verified, as [`Metrics::count_verdict`] does.
    pub fn count_verified(&self, all: &Metrics, scheme: &str) {
        let find = || all.verdict(&self.name, scheme, Verdict::Verified);
        let mut verified = self.verified.iter();
        match verified.find(|(label, _)| *label == scheme) {
            Some((_, counter)) => counter.inc(find),
            None => find().inc(),
        }
    }

    /// Counts an app's answer, as [`Metrics::count_response`] does.
    pub fn count_answer(&self, all: &Metrics, status: u16) {
        let find = || all.response(&self.name, status, Origin::App);
        let mut answers = self.answers.iter();
        match answers.find(|(usual, _)| *usual == status) {
            Some((_, counter)) => counter.inc(find),
            None => find().inc(),
        }
    }
}
