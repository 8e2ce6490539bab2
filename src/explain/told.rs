//! What is told of a cause: its word, and what to do about it.

use super::finding::Finding;

/// A cause, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) finding: Finding,
    /// A sentence or two. Without a secret and without an expected signature.
    pub(crate) fix: String,
}
