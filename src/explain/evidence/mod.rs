//! What can be told without a signature that matches: of reasons that are no mismatch, and of a mismatch where
//! the request or the configuration itself shows what is wrong.
//!
//! Every finding names its evidence. Where there is none, none is told: a wrong cause is worse than none.

mod axios;
mod body;
mod headers;
mod settings;
#[cfg(test)]
pub(in crate::explain) mod testing;
#[cfg(test)]
mod tests;
mod times;

use super::case::Case;
use super::finding::Finding;
use super::supposed::Supposed;
use super::told::Told;
use crate::reason::Reason;
use crate::verify::Probe;

/// What is told of a request that was refused for `reason`, the best first; each word at most once.
pub(super) fn findings(case: &Case<'_>, reason: Reason) -> Vec<Told> {
    let mut told = match reason {
        Reason::DuplicateHeader => headers::doubled(case),
        Reason::MissingSignature => headers::missing_signature(case),
        Reason::UnacceptedVersion => settings::version(case),
        Reason::MalformedSignature => headers::malformed_signature(case),
        Reason::MissingTimestamp => times::missing(case),
        Reason::MalformedTimestamp => times::malformed(case),
        Reason::TimestampExpired | Reason::TimestampInFuture => times::clock(case),
        Reason::MethodNotAllowed => settings::method(case),
        Reason::BadTarget => settings::target(case),
        Reason::SignatureMismatch => mismatch(case),
        _ => Vec::new(),
    };
    if reason.is_unauthenticated() {
        told.extend(body::missing_bytes(case));
    }
    let mut known: Vec<Finding> = Vec::new();
    told.retain(|told| {
        let is_new = !known.contains(&told.finding);
        known.push(told.finding);
        is_new
    });
    told
}

fn mismatch(case: &Case<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    told.extend(body::empty(case));
    told.extend(body::missing_bytes(case));
    told.extend(body::truncated(case));
    told.extend(axios::dropped_keys(case));
    told.extend(settings::secrets(case));
    told
}

fn told(finding: Finding, fix: impl Into<String>) -> Told {
    let fix = fix.into();
    Told { finding, fix }
}

/// Whether a valid secret of the route gives the signature that a message presents.
fn is_signed(case: &Case<'_>, supposed: &Supposed) -> bool {
    let mut keys = case.valid_keys().filter_map(|index| case.keys.get(index));
    let Some(presented) = supposed.presented else {
        return false;
    };
    keys.any(|key| {
        let probe = Probe {
            scheme: supposed.scheme,
            key: &key.probe,
            method: &supposed.method,
            url: &supposed.url,
            timestamp: &supposed.timestamp,
            body: &supposed.body,
        };
        probe.gives(&presented)
    })
}
