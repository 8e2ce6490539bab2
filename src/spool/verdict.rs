//! What an attempt means for its event.

use std::time::Duration;

use super::deliver::Attempted;
use crate::upstream::failure::is_failure;

/// What an attempt means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The app has taken the event.
    Delivered,
    /// It has not, and may take it later. `asked`: how long it wants to be left alone.
    Failed {
        error: String,
        asked: Option<Duration>,
    },
    /// It will not take it.
    Refused { error: String },
    /// There was no attempt.
    Untried(Untried),
}

/// Why there was no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untried {
    /// Not now.
    NotNow,
    /// What is stored is no request any more.
    Unreadable,
}

impl Verdict {
    pub(super) fn of(attempted: Attempted) -> Self {
        use super::store::StoreError;
        match attempted {
            Attempted::Answered {
                status,
                retry_after,
            } => match status {
                200..=299 => Self::Delivered,
                status if is_failure(status) => Self::Failed {
                    error: format!("the app answered {status}"),
                    asked: retry_after,
                },
                _ => Self::Refused {
                    error: format!("the app answered {status}"),
                },
            },
            Attempted::Unanswered(error) => Self::Failed { error, asked: None },
            Attempted::NoRoom => Self::Untried(Untried::NotNow),
            Attempted::Unloaded(StoreError::Unreadable(_)) => Self::Untried(Untried::Unreadable),
            Attempted::Unloaded(_) => Self::Untried(Untried::NotNow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_taken_and_only_429_and_from_500_on_come_again() {
        for (status, expected) in [
            (200, "delivered"),
            (204, "delivered"),
            (299, "delivered"),
            (301, "refused"),
            (304, "refused"),
            (400, "refused"),
            (404, "refused"),
            (410, "refused"),
            (429, "failed"),
            (499, "refused"),
            (500, "failed"),
            (503, "failed"),
            (599, "failed"),
            (600, "failed"),
        ] {
            let retry_after = Some(Duration::from_secs(1));
            let verdict = match Verdict::of(Attempted::Answered {
                status,
                retry_after,
            }) {
                Verdict::Delivered => "delivered",
                Verdict::Failed { asked, .. } => {
                    assert_eq!(asked, retry_after);
                    "failed"
                }
                Verdict::Refused { .. } => "refused",
                Verdict::Untried(_) => "untried",
            };
            assert_eq!(verdict, expected, "{status}");
        }
    }
}
