//! Why an app did not take a request, as a number that can be counted with and read back.

use std::fmt;

use crate::upstream::failure::FailureWord;

/// The least status (RFC 9110 section 15). What is below is the place of a word.
const FIRST_STATUS: u16 = 100;

/// Why an app did not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppFailure {
    /// It answered this status, which says so.
    Answered(u16),
    /// There was no whole answer.
    Unanswered(FailureWord),
}

impl AppFailure {
    /// The number.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Answered(status) => status,
            Self::Unanswered(word) => {
                let place = (0..)
                    .zip(FailureWord::ALL)
                    .find(|(_, known)| *known == word);
                place.map_or(0, |(place, _)| place)
            }
        }
    }

    /// What a number means.
    pub(crate) fn of(code: u16) -> Option<Self> {
        if code >= FIRST_STATUS {
            return Some(Self::Answered(code));
        }
        let word = FailureWord::ALL.get(usize::from(code));
        word.map(|word| Self::Unanswered(*word))
    }
}

impl fmt::Display for AppFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => status.fmt(f),
            Self::Unanswered(word) => f.write_str(word.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_back_from_its_number() {
        let words = FailureWord::ALL.map(AppFailure::Unanswered);
        let statuses = [429, 500, 599, 999].map(AppFailure::Answered);
        for failure in words.into_iter().chain(statuses) {
            assert_eq!(AppFailure::of(failure.code()), Some(failure));
        }
        assert_eq!(AppFailure::of(99), None);
    }
}
