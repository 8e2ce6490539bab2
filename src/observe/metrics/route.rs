//! The metrics of one route.
//!
//! What is counted lives in a [`Series`], which every configuration in use with a route of that name
//! shares: a reload goes on counting where the last configuration stopped. It is dropped with the last of
//! them, and so with the last request that was judged by it; nothing has to be taken back from a
//! registry, and a name that comes back in the meantime either finds its series or begins anew.
//!
//! What is counted on every request is found once, and not by its labels each time.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::app::AppSeries;
use super::buckets::{BODY_BYTES, SECONDS_OF_AGE, SECONDS_OF_UPSTREAM, SECONDS_OF_VERIFICATION};
use super::cells::{Counter, Counters, Moment, Span};
use super::distribution::Distribution;
use super::expected::Expected;
use super::labels::{Verdict, counted_status};
use crate::verify::provider::TimeLimit;
use crate::verify::{Provider, Secret, Timestamp, Verified};

/// What apps usually answer. Other statuses are counted too, after a look-up.
const USUAL_STATUSES: [u16; 9] = [200, 201, 202, 204, 400, 401, 404, 500, 503];

/// All that is counted under one route's name.
pub struct Series {
    pub(super) name: Arc<str>,
    pub(super) verdicts: Counters<(&'static str, Verdict)>,
    /// Our own answers, by status.
    pub(super) own_answers: Counters<u16>,
    /// The app's answers, by status.
    pub(super) app_answers: Counters<u16>,
    secrets: Mutex<Vec<Weak<SecretSeries>>>,
    pub(super) last_verified: Moment,
    /// Time spent verifying, without waiting for the body, in seconds.
    pub verification_seconds: Distribution,
    /// From handing a request to the app to the end of its answer, in seconds.
    pub upstream_seconds: Distribution,
    /// Sizes of bodies that were read whole.
    pub request_body_bytes: Distribution,
    /// Ages of signed timestamps whose signature matched, in seconds.
    pub timestamp_age_seconds: Distribution,
    /// How the app fares.
    pub app: AppSeries,
    /// Answers after the sender's own time limit.
    pub late_answers: Counter,
    /// Answers that broke off after they had begun.
    pub answers_cut: Counter,
    /// What was found out about mismatches, by its word.
    pub(super) findings: Counters<&'static str>,
    /// Requests that the app answered and then did not read to their end.
    pub uploads_cut: Counter,
    /// Events that were stored because the app did not take them, or before it was asked to.
    pub spool_stored: Counter,
    /// Attempts to deliver stored events that the app took.
    pub spool_delivered: Counter,
    /// Those that it did not take, and may take later.
    pub spool_failed: Counter,
    /// Stored events that it will not take.
    pub spool_dead: Counter,
    /// Whether the route stores events, or did.
    has_spool: AtomicBool,
    /// How long stored events are tried.
    pub(super) spool_max_age: Span,
    /// How long the sender waits for an answer, where it always waits as long.
    pub(super) sender_timeout: Span,
}

/// All that is known of one secret. It goes with the last configuration in use that has it.
pub(super) struct SecretSeries {
    pub(super) id: Arc<str>,
    pub(super) matches: Counter,
    pub(super) last_matched: Moment,
    pub(super) not_after: Moment,
}

/// What was counted of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSeen {
    /// Its name.
    pub id: Arc<str>,
    /// How many requests it verified.
    pub matches: u64,
    /// When it last did.
    pub last_matched: Option<Timestamp>,
    /// The last time at which it matches.
    pub not_after: Option<Timestamp>,
}

impl Series {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            verdicts: Counters::default(),
            own_answers: Counters::default(),
            app_answers: Counters::default(),
            secrets: Mutex::default(),
            last_verified: Moment::default(),
            verification_seconds: Distribution::new(SECONDS_OF_VERIFICATION),
            upstream_seconds: Distribution::new(SECONDS_OF_UPSTREAM),
            request_body_bytes: Distribution::new(BODY_BYTES),
            timestamp_age_seconds: Distribution::new(SECONDS_OF_AGE),
            app: AppSeries::default(),
            late_answers: Counter::default(),
            answers_cut: Counter::default(),
            findings: Counters::default(),
            uploads_cut: Counter::default(),
            spool_stored: Counter::default(),
            spool_delivered: Counter::default(),
            spool_failed: Counter::default(),
            spool_dead: Counter::default(),
            has_spool: AtomicBool::new(false),
            spool_max_age: Span::default(),
            sender_timeout: Span::default(),
        }
    }

    /// How many requests were judged so, whatever their scheme.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<Verdict, u64> {
        let mut sums = BTreeMap::<Verdict, u64>::new();
        for ((_, verdict), count) in self.verdicts.all() {
            let sum = sums.entry(verdict).or_default();
            *sum = sum.saturating_add(count);
        }
        sums
    }

    /// How many requests the app refused: it answered 4xx, but not that it has too much to do.
    #[must_use]
    pub fn app_refusals(&self) -> u64 {
        let answers = self.app_answers.all().into_iter();
        let refusals = answers.filter(|(status, _)| (400..500).contains(status) && *status != 429);
        refusals.fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// When a request last verified.
    #[must_use]
    pub fn last_verified(&self) -> Option<Timestamp> {
        self.last_verified.get()
    }

    /// The route stores events and tries them for so long: its series of the spool are there from now on.
    pub(super) fn has_spool(&self, max_age: Duration) {
        self.has_spool.store(true, Ordering::Relaxed);
        self.spool_max_age.set(Some(max_age));
    }

    /// Who sends to the route, where that is known.
    pub(super) fn set_sender(&self, sender: Option<&Provider>) {
        let limit = sender.map(|sender| sender.answers.time_limit);
        self.sender_timeout.set(limit.and_then(TimeLimit::fixed));
    }

    /// Whether there are series of the spool.
    pub(super) fn shows_spool(&self) -> bool {
        self.has_spool.load(Ordering::Relaxed)
    }

    /// The secrets of all configurations in use.
    pub(super) fn secrets(&self) -> Vec<Arc<SecretSeries>> {
        self.lock_secrets()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn secret(&self, secret: &Secret) -> Arc<SecretSeries> {
        let mut secrets = self.lock_secrets();
        secrets.retain(|known| known.strong_count() > 0);
        let mut known = secrets.iter().filter_map(Weak::upgrade);
        let known = known.find(|known| known.id == secret.id);
        let series = known.unwrap_or_else(|| {
            let new = Arc::new(SecretSeries {
                id: Arc::clone(&secret.id),
                matches: Counter::default(),
                last_matched: Moment::default(),
                not_after: Moment::default(),
            });
            secrets.push(Arc::downgrade(&new));
            new
        });
        series.not_after.set(secret.not_after);
        series
    }

    fn lock_secrets(&self) -> MutexGuard<'_, Vec<Weak<SecretSeries>>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of one route in one configuration: what its requests are counted in.
pub struct RouteMetrics {
    series: Arc<Series>,
    verdicts: Vec<(&'static str, Verdict, Arc<Counter>)>,
    own_answers: Vec<(u16, Arc<Counter>)>,
    app_answers: [(u16, OnceLock<Arc<Counter>>); USUAL_STATUSES.len()],
    secrets: Vec<Arc<SecretSeries>>,
}

impl Deref for RouteMetrics {
    type Target = Series;

    fn deref(&self) -> &Series {
        &self.series
    }
}

impl RouteMetrics {
    pub(super) fn new(series: Arc<Series>, expected: &Expected, secrets: &[Secret]) -> Self {
        let verdicts = expected.verdicts.iter().map(|(scheme, verdict)| {
            let counter = series.verdicts.of((scheme, *verdict));
            (*scheme, *verdict, counter)
        });
        let own_answers = expected.statuses.iter();
        Self {
            verdicts: verdicts.collect(),
            own_answers: own_answers
                .map(|status| (*status, series.own_answers.of(*status)))
                .collect(),
            app_answers: USUAL_STATUSES.map(|status| (status, OnceLock::new())),
            secrets: secrets.iter().map(|secret| series.secret(secret)).collect(),
            series,
        }
    }

    /// What was counted of this configuration's secrets, in their order.
    pub fn secrets_seen(&self) -> impl Iterator<Item = SecretSeen> {
        self.secrets.iter().map(|secret| SecretSeen {
            id: Arc::clone(&secret.id),
            matches: secret.matches.get(),
            last_matched: secret.last_matched.get(),
            not_after: secret.not_after.get(),
        })
    }

    /// Counts a judged request.
    pub fn count_verdict(&self, scheme: &'static str, verdict: Verdict) {
        let mut verdicts = self.verdicts.iter();
        let known = verdicts.find(|(label, expected, _)| *expected == verdict && *label == scheme);
        match known {
            Some((.., counter)) => counter.inc(),
            None => self.series.verdicts.of((scheme, verdict)).inc(),
        }
    }

    /// Counts a request that verified at the time `now`, and by what.
    pub fn count_verified(&self, proof: &Verified, now: Timestamp) {
        self.count_verdict(proof.scheme, Verdict::Verified);
        let mut secrets = self.secrets.iter();
        if let Some(secret) = secrets.find(|secret| secret.id == proof.secret) {
            secret.matches.inc();
            secret.last_matched.set(Some(now));
        }
        self.last_verified.set(Some(now));
        if let Some(signed_at) = proof.signed_at {
            let age = now.seconds_since(signed_at);
            self.timestamp_age_seconds.observe(age);
        }
    }

    /// Counts what was found out about a mismatch. `finding` is one of a fixed list of words.
    pub fn count_finding(&self, finding: &'static str) {
        self.series.findings.of(finding).inc();
    }

    /// Counts an answer of ours. A status outside 100 to 599 counts as `other`.
    pub fn count_own_answer(&self, status: u16) {
        let mut answers = self.own_answers.iter();
        match answers.find(|(known, _)| *known == status) {
            Some((_, counter)) => counter.inc(),
            None => self.series.own_answers.of(counted_status(status)).inc(),
        }
    }

    /// Counts an app's answer. A status outside 100 to 599 counts as `other`.
    pub fn count_app_answer(&self, status: u16) {
        let find = || self.series.app_answers.of(counted_status(status));
        let mut answers = self.app_answers.iter();
        match answers.find(|(usual, _)| *usual == status) {
            Some((_, counter)) => counter.get_or_init(find).inc(),
            None => find().inc(),
        }
    }
}
