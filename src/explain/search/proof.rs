//! What a search found, and how it is told.

use crate::explain::case::Case;
use crate::explain::mistakes::Mistake;
use crate::explain::supposed::{Concern, Supposed};
use crate::explain::told::Told;

/// What was found.
pub(in crate::explain) struct Proof {
    /// The mistakes, in the order in which they are undone, each with the message after it.
    pub(in crate::explain) undone: Vec<(&'static Mistake, Supposed)>,
}

impl Proof {
    /// The message that was signed; none where it is the received one.
    pub(in crate::explain) fn signed(&self) -> Option<&Supposed> {
        self.undone.last().map(|(_, supposed)| supposed)
    }

    /// What is told of each mistake.
    pub(in crate::explain) fn told(&self, case: &Case<'_>) -> Vec<Told> {
        let mut before = &case.received;
        let mut told = Vec::new();
        for (mistake, after) in &self.undone {
            // Of two changes to a URL, the line to write has both. Everything else is told of by what this
            // mistake alone did.
            let (from, to) = match (mistake.concern, self.signed()) {
                (Concern::Url, Some(signed)) => (&case.received, signed),
                _ => (before, after),
            };
            told.push(Told {
                finding: mistake.finding,
                fix: (mistake.fix)(case, from, to),
            });
            before = after;
        }
        told
    }
}
