//! The last hour as a drawing: a step for each minute, what verified above the line and what was refused below it, so
//! that the shape tells what colours do.
//!
//! Both have one scale. It is made of a few paths, which hold a thousand routes better than a rectangle for each bar.

use std::fmt::Write as _;

use super::super::snapshot::{MINUTES, Minute};
use super::sums::{Sum, last};
use super::words::{count, counted};

/// The drawing's height, and where the line is. It is as wide in its own units as there are minutes.
const HEIGHT: u64 = 96;
const LINE: u64 = 64;

/// What the template draws.
pub(super) struct Plot {
    pub(super) height: u64,
    pub(super) line: u64,
    /// Empty where there is none.
    pub(super) verified: String,
    pub(super) app_failed: String,
    pub(super) rejected: String,
    /// The same in words.
    pub(super) label: String,
}

impl Plot {
    pub(super) fn of(minutes: &[Minute]) -> Self {
        let minutes = last(minutes, MINUTES);
        let scale = Scale::of(minutes);
        let below = HEIGHT.saturating_sub(LINE);
        let up = |value: u32| LINE.saturating_sub(scale.length(value, LINE));
        let down = |value: u32| LINE.saturating_add(scale.length(value, below));
        Self {
            height: HEIGHT,
            line: LINE,
            verified: steps(minutes.iter().map(|minute| up(minute.verified))),
            app_failed: steps(minutes.iter().map(|minute| up(minute.app_failed))),
            rejected: steps(minutes.iter().map(|minute| down(minute.rejected))),
            label: in_words(minutes),
        }
    }
}

/// How long a request is, as a fraction.
struct Scale {
    units: u64,
    requests: u64,
}

impl Scale {
    /// The one with which everything has room.
    fn of(minutes: &[Minute]) -> Self {
        let below = HEIGHT.saturating_sub(LINE);
        let above = minutes
            .iter()
            .map(|minute| minute.verified.max(minute.app_failed));
        let most_above = u64::from(above.max().unwrap_or(0)).max(1);
        let rejected = minutes.iter().map(|minute| minute.rejected);
        let most_below = u64::from(rejected.max().unwrap_or(0));
        if LINE.saturating_mul(most_below) > below.saturating_mul(most_above) {
            Self {
                units: below,
                requests: most_below,
            }
        } else {
            Self {
                units: LINE,
                requests: most_above,
            }
        }
    }

    /// A single one among thousands is to be seen, too.
    fn length(&self, value: u32, room: u64) -> u64 {
        if value == 0 {
            return 0;
        }
        let length = u64::from(value).saturating_mul(self.units);
        length
            .checked_div(self.requests)
            .unwrap_or(0)
            .clamp(3, room)
    }
}

/// Steps that stand, or hang, on the line; the last one ends at the right.
fn steps(heights: impl ExactSizeIterator<Item = u64>) -> String {
    let mut path = String::new();
    let start = MINUTES.saturating_sub(heights.len());
    let (mut from, mut height) = (start, LINE);
    let mut close = |from: usize, to: usize, height: u64| {
        if height != LINE {
            let width = to.saturating_sub(from);
            // Writing to a string does not fail.
            let _ = write!(path, "M{from} {LINE}V{height}h{width}V{LINE}");
        }
    };
    for (minute, next) in (start..).zip(heights) {
        if next != height {
            close(from, minute, height);
            (from, height) = (minute, next);
        }
    }
    close(from, MINUTES, height);
    path
}

fn in_words(minutes: &[Minute]) -> String {
    let sum = Sum::of(minutes);
    if sum.is_empty() {
        return "The last hour: no request.".to_owned();
    }
    let most = minutes.iter().map(|minute| minute.verified).max();
    let unenforced = match sum.unenforced {
        0 => String::new(),
        some => format!(" {} let through unverified;", count(some)),
    };
    format!(
        "The last hour: {} verified, at most {} a minute;{unenforced} {} refused; {}.",
        count(sum.verified),
        count(most.unwrap_or(0).into()),
        count(sum.rejected),
        counted(sum.app_failed, "failure") + " of the app",
    )
}

#[cfg(test)]
mod tests {
    use super::super::sums::tests::minute;
    use super::*;

    #[test]
    fn what_verified_stands_on_the_line_and_what_was_refused_hangs_from_it() {
        let plot = Plot::of(&[minute(10, 0, 0), minute(10, 0, 5), minute(5, 5, 0)]);
        assert_eq!(plot.verified, "M57 64V0h2V64M59 64V32h1V64");
        assert_eq!(plot.app_failed, "M58 64V32h1V64");
        assert_eq!(plot.rejected, "M59 64V96h1V64");
    }

    #[test]
    fn one_among_thousands_is_seen() {
        let plot = Plot::of(&[minute(9_000, 1, 0)]);
        assert_eq!(plot.rejected, "M59 64V67h1V64");
    }

    #[test]
    fn more_refused_than_verified_has_room() {
        let plot = Plot::of(&[minute(0, 0, 0), minute(1, 4_000_000_000, 0)]);
        assert_eq!(plot.rejected, "M59 64V96h1V64");
        assert_eq!(plot.verified, "M59 64V61h1V64");
    }

    #[test]
    fn an_hour_without_requests_is_empty_and_says_so() {
        let plot = Plot::of(&[Minute::default(); 60]);
        assert_eq!(plot.verified, "");
        assert_eq!(plot.label, "The last hour: no request.");
        assert_eq!(Plot::of(&[]).verified, "");
    }

    #[test]
    fn what_was_let_through_unverified_is_told_in_words() {
        let minute = Minute {
            unenforced: 5,
            ..Minute::default()
        };
        let label = "The last hour: 0 verified, at most 0 a minute; 5 let through unverified; 0 refused; no failure of the app.";
        assert_eq!(Plot::of(&[minute]).label, label);
    }

    #[test]
    fn no_more_than_an_hour_is_drawn() {
        let plot = Plot::of(&[minute(1, 0, 0); 100]);
        assert_eq!(plot.verified, "M0 64V0h60V64");
    }
}
