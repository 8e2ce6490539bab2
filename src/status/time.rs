//! Times as they are shown.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::verify::Timestamp;

/// A time; as data it is written as RFC 3339 does, in UTC and milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nanos = i128::from(self.0.as_millis()).saturating_mul(1_000_000);
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
        // Nothing beyond the year 9999.
        let text = time.and_then(|time| time.format(&Rfc3339).ok());
        text.serialize(serializer)
    }
}
