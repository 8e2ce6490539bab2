//! An event that waits for its app.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::handoff::Stored;
use crate::verify::Timestamp;

/// What an event is called, at every attempt: the value of `X-Hookward-Delivery`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventId([u8; 16]);

/// It is not the name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an event: 32 hexadecimal digits, as `hookward spool list` shows it")]
pub(crate) struct NoEventId;

impl EventId {
    /// A name that no other event has: 128 random bits.
    pub(crate) fn fresh() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoEventId)?;
        Ok(Self(bytes))
    }
}

/// A verified request that the app has not taken, or that is stored before it is sent.
pub(crate) struct Event {
    pub(crate) id: EventId,
    /// The name of its route.
    pub(crate) route: Arc<str>,
    /// When its head was complete.
    pub(crate) received_at: Timestamp,
    /// When its first attempt from the spool is due.
    pub(crate) due_at: Timestamp,
    /// The request as the app would have received it.
    pub(crate) request: Stored,
}
