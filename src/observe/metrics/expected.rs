//! Which verdicts and statuses a route can give. Their series are there, at 0, before anything is counted.
//!
//! `increase()` sees no rise in a series that begins at 1, so the first event lost would raise no
//! alert. Series for what a route can never give are left out: they would drown the others.

use super::labels::{NONE, Verdict};
use crate::config::{OnReplay, RouteConfig, SpoolMode, VerifyConfig};
use crate::reason::Reason;
use crate::verify::{API_KEY, Scheme};

/// Verdicts with their schemes, and statuses of our own answers.
pub(super) struct Expected {
    pub(super) verdicts: Vec<(&'static str, Verdict)>,
    pub(super) statuses: Vec<u16>,
}

/// What becomes of requests that have no route.
pub(super) fn without_route() -> Expected {
    let reasons = [
        Reason::BadRequest,
        Reason::BadTarget,
        Reason::NoRoute,
        Reason::Overloaded,
    ];
    Expected {
        verdicts: reasons
            .map(|reason| (NONE, Verdict::Rejected(reason)))
            .into(),
        statuses: vec![400, 404, 431, 503],
    }
}

/// What becomes of a route's requests.
pub(super) fn of(route: &RouteConfig) -> Expected {
    let mut verdicts: Vec<(&'static str, Verdict)> = Vec::new();
    let mut add = |scheme: &'static str, reasons: &[Reason]| {
        for reason in reasons {
            let verdict = if !route.enforce && reason.is_waivable() {
                Verdict::Unenforced(*reason)
            } else {
                Verdict::Rejected(*reason)
            };
            if !verdicts.contains(&(scheme, verdict)) {
                verdicts.push((scheme, verdict));
            }
        }
    };
    let mut verified: Vec<&'static str> = Vec::new();
    let mut statuses = vec![400, 405, 413, 502, 503, 504];
    if route.spool != SpoolMode::Off {
        statuses.push(202);
    }
    match &route.verify {
        VerifyConfig::Signature {
            provider,
            versions,
            on_replay,
            ..
        } => {
            if route.enforce {
                statuses.extend(statuses_of_replays(*on_replay));
            }
            add(provider.name, &BEFORE_THE_SCHEME);
            add(
                provider.name,
                &[Reason::DuplicateHeader, Reason::MissingSignature],
            );
            if provider.versioned.is_some() {
                add(provider.name, &[Reason::UnacceptedVersion]);
            }
            let is_single = provider.schemes.len() == 1;
            let is_accepted = |scheme: &&Scheme| {
                is_single || versions.iter().any(|version| version == scheme.version)
            };
            for scheme in provider.schemes.iter().filter(is_accepted) {
                add(scheme.label, &WITH_THE_BODY);
                add(
                    scheme.label,
                    &[Reason::MalformedSignature, Reason::SignatureMismatch],
                );
                if scheme.timestamp_header.is_some() {
                    add(scheme.label, &OF_TIMESTAMPS);
                    if on_replay.is_some() {
                        add(scheme.label, &OF_REPLAYS);
                    }
                }
                verified.push(scheme.label);
            }
        }
        VerifyConfig::ApiKey { .. } => {
            add(API_KEY, &BEFORE_THE_SCHEME);
            add(API_KEY, &WITH_THE_BODY);
            add(API_KEY, &[Reason::DuplicateHeader, Reason::MissingApiKey]);
            add(API_KEY, &[Reason::ApiKeyMismatch]);
            verified.push(API_KEY);
        }
    }
    let verified = verified.into_iter().map(|label| (label, Verdict::Verified));
    // First in the list, because what verified is counted the most.
    let verdicts = verified.chain(verdicts).collect();
    let unauthorized = route.enforce.then_some(401);
    let sender = route.verify.sender();
    let overloaded = sender.map(|sender| sender.answers.overloaded_status);
    let overloaded = overloaded.filter(|status| *status != 503);
    statuses.extend(unauthorized.into_iter().chain(overloaded));
    Expected { verdicts, statuses }
}

/// Reasons that are found before the version of a signature is known.
const BEFORE_THE_SCHEME: [Reason; 3] = [
    Reason::BadTarget,
    Reason::MethodNotAllowed,
    Reason::BodyTooLarge,
];

/// Reasons that are found when the body is to be read, or is being read.
const WITH_THE_BODY: [Reason; 4] = [
    Reason::BadRequest,
    Reason::BodyTooLarge,
    Reason::Overloaded,
    Reason::BodyTimeout,
];

/// Reasons that are found after the verdict.
const OF_REPLAYS: [Reason; 2] = [Reason::Replayed, Reason::ReplayStoreUnavailable];

/// What requests are answered that came before.
fn statuses_of_replays(on_replay: Option<OnReplay>) -> Vec<u16> {
    match on_replay {
        None => vec![],
        Some(OnReplay::Refuse) => vec![409],
        Some(OnReplay::Acknowledge) => vec![200, 409],
    }
}

const OF_TIMESTAMPS: [Reason; 4] = [
    Reason::MissingTimestamp,
    Reason::MalformedTimestamp,
    Reason::TimestampExpired,
    Reason::TimestampInFuture,
];
