//! What is wrong with a message head.

/// What a head must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HeadError(&'static str);

impl HeadError {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// What is wrong, in a few words for the operator.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}
