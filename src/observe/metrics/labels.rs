//! The values of the labels of a route's series: fixed lists, so that nobody can create series.

use std::cmp::Ordering;

use crate::reason::Reason;

/// The label of what has no route, or no scheme yet.
pub const NONE: &str = "none";

/// How a request was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It verified.
    Verified,
    /// It was refused.
    Rejected(Reason),
    /// It did not verify, and the route lets such requests through.
    Unenforced(Reason),
}

/// In the order of the variants, and of reasons in that in which they are checked: `Reason` promises apps no order.
impl Ord for Verdict {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Verdict {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Verdict {
    const fn rank(self) -> (u8, u8) {
        match self {
            Self::Verified => (0, 0),
            Self::Rejected(reason) => (1, reason as u8),
            Self::Unenforced(reason) => (2, reason as u8),
        }
    }

    /// The labels `verdict` and `reason`.
    pub(in crate::observe) const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Verified => ("verified", "ok"),
            Self::Rejected(reason) => ("rejected", reason.as_str()),
            Self::Unenforced(reason) => ("unenforced", reason.as_str()),
        }
    }
}

/// The one status that stands for all outside 100 to 599.
const OTHER: u16 = 0;

/// The status as it is counted: itself, or one that stands for all outside 100 to 599.
pub(super) const fn counted_status(status: u16) -> u16 {
    if status >= 100 && status <= 599 {
        status
    } else {
        OTHER
    }
}

/// A counted status as text.
pub(super) fn status_text(counted: u16) -> String {
    if counted == OTHER {
        "other".to_owned()
    } else {
        counted.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_a_fixed_list() {
        let text = |status| status_text(counted_status(status));
        assert_eq!(text(204), "204");
        assert_eq!(text(599), "599");
        assert_eq!(text(99), "other");
        assert_eq!(text(999), "other");
    }
}
