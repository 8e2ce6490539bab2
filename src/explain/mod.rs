//! Why a request did not verify: a captured request and a configuration go in, findings come out.
//!
//! This room is pure: no sockets, no files, no clock. Where a signature does not match, what may have happened
//! to its message on its way is undone until it does: a signature that matches is proof. What cannot be proved
//! so is told only on evidence that is named. The command and the server's own diagnosis share all of this.

mod case;
mod decoded;
mod evidence;
mod finding;
mod keys;
mod mistakes;
pub(crate) mod no_route;
#[cfg(test)]
mod properties;
mod search;
mod supposed;
mod told;
mod unknown;
mod variants;

pub(crate) use case::{Case, Question, RouteFacts, SignedPart};
pub(crate) use evidence::told_of_key;
pub(crate) use finding::Finding;
pub(crate) use keys::Keys;
pub(crate) use search::MAX_HELD_BYTES;
pub(crate) use told::Told;

use crate::reason::Reason;

/// What there is to say of a request that did not verify.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) findings: Vec<Told>,
    /// What was tried in vain.
    pub(crate) ruled_out: Vec<Finding>,
}

/// Examines a request that was refused for `reason`. `pause` is called many times: whoever examines beside
/// other work gives way there.
pub(crate) fn examine(case: &Case<'_>, reason: Reason, pause: &mut dyn FnMut()) -> Answer {
    let mut findings = Vec::new();
    let mut ruled_out = Vec::new();
    if let Some(found) = evidence::header(case, reason) {
        findings.push(found.told);
        if let Some(meant) = found.meant.filter(|_| !evidence::is_head_alone(case)) {
            findings.extend(of_meant(&case.with_received(meant), pause));
        }
        findings.extend(evidence::missing_bytes(case, reason));
    } else if !is_about_signature(reason) || evidence::is_head_alone(case) {
        findings = evidence::findings(case, reason);
    } else {
        let search::Outcome {
            proof,
            ruled_out: tried,
        } = search::search(case, pause);
        if let Some(proof) = &proof {
            findings = proof.told(case);
        }
        // What is proved leaves the reason itself to be told of, where that is another than the signature.
        let signed = proof.as_ref().and_then(search::Proof::signed).cloned();
        let undone = signed.map(|signed| case.with_received(signed));
        if findings.is_empty() || reason != Reason::SignatureMismatch {
            findings.extend(evidence::findings(undone.as_ref().unwrap_or(case), reason));
        }
        findings.extend(evidence::missing_bytes(case, reason));
        if findings.is_empty() && proof.is_none() {
            ruled_out = tried;
            if reason == Reason::SignatureMismatch {
                findings.push(unknown::told(case));
            }
        }
    }
    Answer {
        findings: each_once(findings),
        ruled_out,
    }
}

/// What is proved beside a header's mistake, with the message as its headers were meant. That another version's
/// signature matches says nothing: the one that was meant is there.
fn of_meant(case: &Case<'_>, pause: &mut dyn FnMut()) -> Vec<Told> {
    let told = search::search(case, pause)
        .proof
        .map(|proof| proof.told(case));
    let told = told.unwrap_or_default();
    let is_of_version = told.iter().any(|told| told.finding == Finding::Version);
    if is_of_version { Vec::new() } else { told }
}

/// Each word once: the first that is told.
fn each_once(mut told: Vec<Told>) -> Vec<Told> {
    let mut known: Vec<Finding> = Vec::new();
    told.retain(|told| {
        let is_new = !known.contains(&told.finding);
        known.push(told.finding);
        is_new
    });
    told
}

/// Whether a signature came, or should have, so that undoing mistakes may tell something.
fn is_about_signature(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SignatureMismatch
            | Reason::MalformedSignature
            | Reason::MissingSignature
            | Reason::UnacceptedVersion
            | Reason::MissingTimestamp
            | Reason::MalformedTimestamp
            | Reason::TimestampExpired
            | Reason::TimestampInFuture
    )
}

#[cfg(test)]
mod tests;
