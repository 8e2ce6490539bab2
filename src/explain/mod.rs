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
mod search;
mod supposed;
mod told;
mod unknown;

pub(crate) use case::{Case, Question, RouteFacts, SignedPart};
pub(crate) use finding::Finding;
pub(crate) use keys::Keys;
pub(crate) use told::Told;

use crate::reason::Reason;
use mistakes::MISTAKES;

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
    if !is_about_signature(reason) {
        let findings = evidence::findings(case, reason);
        return Answer {
            findings,
            ruled_out: Vec::new(),
        };
    }
    let proof = search::search(case, pause);
    let mut findings = Vec::new();
    if let Some(proof) = &proof {
        // Each tells of the message as it was signed: of two changes to a URL, the line to write has both.
        for (mistake, _) in &proof.undone {
            if let Some((_, signed)) = proof.undone.last() {
                findings.push(Told {
                    finding: mistake.finding,
                    fix: (mistake.fix)(case, &case.received, signed),
                });
            }
        }
    }
    if findings.is_empty() {
        findings = evidence::findings(case, reason);
    }
    let mut ruled_out = Vec::new();
    if findings.is_empty() && proof.is_none() {
        ruled_out = MISTAKES.iter().map(|mistake| mistake.finding).collect();
        if reason == Reason::SignatureMismatch {
            findings.push(unknown::told(case));
        }
    }
    Answer {
        findings,
        ruled_out,
    }
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
