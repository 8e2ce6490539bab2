//! The values that labels have: fixed lists, so that nobody can create series.

use crate::reason::Reason;

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

impl Verdict {
    pub(super) const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Verified => ("verified", "ok"),
            Self::Rejected(reason) => ("rejected", reason.as_str()),
            Self::Unenforced(reason) => ("unenforced", reason.as_str()),
        }
    }
}

/// Who made a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The app.
    App,
    /// hookward itself.
    Hookward,
}

impl Origin {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Hookward => "hookward",
        }
    }
}

/// A status as text; `other` outside 100 to 599.
pub(super) fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    if !(100..=599).contains(&status) {
        return "other";
    }
    let mut rest = status;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
    }
    std::str::from_utf8(digits).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_a_fixed_list() {
        let text = |status| status_text(status, &mut [0; 3]).to_owned();
        assert_eq!(text(204), "204");
        assert_eq!(text(599), "599");
        assert_eq!(text(99), "other");
        assert_eq!(text(999), "other");
    }
}
