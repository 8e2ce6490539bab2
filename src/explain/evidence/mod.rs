//! What can be told without a signature that matches: of reasons that are no mismatch, and of a mismatch where
//! the request or the configuration itself shows what is wrong.
//!
//! Every finding names its evidence. Where there is none, none is told: a wrong cause is worse than none.

mod api_key;
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

pub(crate) use api_key::told_of_key;
pub(super) use body::{is_head_alone, missing_bytes};
pub(super) use headers::header;

/// What is told of a request that was refused for `reason`, the best first.
pub(super) fn findings(case: &Case<'_>, reason: Reason) -> Vec<Told> {
    let mut told = match reason {
        Reason::DuplicateHeader => headers::doubled(case),
        Reason::MissingSignature => headers::missing_signature(case),
        Reason::UnacceptedVersion => settings::version(case),
        Reason::MalformedSignature => headers::empty_signature(case),
        Reason::MissingTimestamp => times::missing(case),
        Reason::MalformedTimestamp => times::malformed(case),
        Reason::TimestampExpired | Reason::TimestampInFuture => times::clock(case),
        Reason::MethodNotAllowed => vec![settings::method(case.capture, &case.route.name)],
        Reason::BadTarget => settings::target(case),
        Reason::SignatureMismatch => mismatch(case),
        _ => Vec::new(),
    };
    told.extend(missing_bytes(case, reason));
    told
}

fn mismatch(case: &Case<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if is_head_alone(case) {
        return told;
    }
    told.extend(body::empty(case));
    told.extend(missing_bytes(case, Reason::SignatureMismatch));
    told.extend(body::truncated(case));
    told.extend(axios::dropped_keys(case));
    told.extend(settings::secret_is_token(case));
    told
}

fn told(finding: Finding, fix: impl Into<String>) -> Told {
    let fix = fix.into();
    Told { finding, fix }
}

/// Whether a valid secret of the route, or the one that is supposed, gives the signature that a message presents.
fn is_signed(case: &Case<'_>, supposed: &Supposed) -> bool {
    let Some(presented) = supposed.presented else {
        return false;
    };
    let mut keys = case.keys_for(supposed);
    keys.any(|key| supposed.probe(key).gives(&presented))
}
