//! Signed timestamps: what they look like and how far from now they may be.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::reason::Reason;

/// The number of digits of a timestamp in milliseconds between 2001 and 2286.
const DIGITS: usize = 13;

/// A time in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Reads a header's value: exactly 13 ASCII digits, nothing around them.
    ///
    /// HubSpot puts no separator between the parts it signs, so a lenient reader would let part of
    /// the body move into the timestamp while the MAC still matched.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() != DIGITS {
            return None;
        }
        value.iter().try_fold(Self(0), |Self(sum), byte| {
            let digit = char::from(*byte).to_digit(10)?;
            Some(Self(sum.checked_mul(10)?.checked_add(u64::from(digit))?))
        })
    }

    /// The time so much later.
    #[must_use]
    pub fn after(self, elapsed: Duration) -> Self {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This time less `earlier`, in milliseconds; negative when `earlier` is in fact later.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        let magnitude = i64::try_from(self.0.abs_diff(earlier.0)).unwrap_or(i64::MAX);
        if self >= earlier {
            magnitude
        } else {
            magnitude.saturating_neg()
        }
    }

    /// The same in seconds, for metrics.
    #[must_use]
    #[doc(hidden)]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.millis_since(earlier) as f64 / 1_000.0
    }

    /// Seconds since the Unix epoch, for metrics.
    #[must_use]
    #[doc(hidden)]
    pub fn as_secs(self) -> f64 {
        self.seconds_since(Self(0))
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 become 1970.
    fn from(time: SystemTime) -> Self {
        let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far from now a signed timestamp may be. Both ends are included.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// The greatest age that passes.
    pub max_age: Duration,
    /// How far in the future passes.
    pub max_skew: Duration,
}

impl Freshness {
    /// Judges `signed_at` against the time that the caller says it is.
    ///
    /// # Errors
    /// [`Reason::TimestampExpired`] or [`Reason::TimestampInFuture`].
    pub fn check(&self, signed_at: Timestamp, now: Timestamp) -> Result<(), Reason> {
        let distance = Duration::from_millis(now.0.abs_diff(signed_at.0));
        if signed_at <= now && distance > self.max_age {
            Err(Reason::TimestampExpired)
        } else if signed_at > now && distance > self.max_skew {
            Err(Reason::TimestampInFuture)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_thirteen_ascii_digits_are_a_timestamp() {
        assert_eq!(
            Timestamp::parse(b"1795289460424"),
            Some(Timestamp(1_795_289_460_424))
        );
        for wrong in [
            "",
            "1795289460",
            "17952894604240",
            "+179528946042",
            "-179528946042",
            " 179528946042",
            "179528946042 ",
            "1795289460.24",
            "17952894604e1",
            "0x79528946042",
            "1795289460４",
        ] {
            assert_eq!(Timestamp::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        let time = Timestamp::parse(b"1795289460424").unwrap();
        assert_eq!(time.to_string(), "1795289460424");
        assert_eq!(time.millis_since(Timestamp(1_795_289_460_400)), 24);
        assert_eq!(Timestamp(1).millis_since(time), -1_795_289_460_423);
    }

    #[test]
    fn both_ends_of_the_window_pass() {
        let freshness = Freshness {
            max_age: Duration::from_millis(300),
            max_skew: Duration::from_millis(200),
        };
        let now = Timestamp(1_000_000);
        assert_eq!(freshness.check(Timestamp(999_700), now), Ok(()));
        assert_eq!(
            freshness.check(Timestamp(999_699), now),
            Err(Reason::TimestampExpired)
        );
        assert_eq!(freshness.check(Timestamp(1_000_200), now), Ok(()));
        assert_eq!(
            freshness.check(Timestamp(1_000_201), now),
            Err(Reason::TimestampInFuture)
        );
    }
}
